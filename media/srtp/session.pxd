"""One direction of a leg's SRTP: libsrtp through its function pointers, called by the worker without the GIL.

The Python thread makes a session and frees it (media.srtp.session), the worker uses it in between: from the command
that names it until it has told that it let go (EVENT_RELEASED), or the leg is gone. No thread but the leg's worker
calls libsrtp with it meanwhile, so there is no lock.

libsrtp allocates nothing for a packet, with one exception: when a receiving session authenticates the first packet of a
synchronization source it has not met, it makes that source's replay list (three small allocations). How many sources a
session keeps is bounded here: beyond, the oldest is forgotten.
"""

from libc.stdint cimport uint8_t, uint32_t

cdef extern from * nogil:
    """
    #ifndef MEDIA_SRTP_SESSION
    #define MEDIA_SRTP_SESSION
    #include <arpa/inet.h>
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>

    #define SRTP_TRAILER 32           /* room behind what is sealed: tag of 16 octets, SRTCP index of 4 */
    #define SRTP_SOURCES 64           /* synchronization sources a receiving session keeps */

    enum { SRTP_FORGED = -1, SRTP_REPLAYED = -2, SRTP_MALFORMED = -3 };

    typedef int (*media_srtp_transform)(void *session, void *packet, int *length);
    typedef struct media_srtp {
        void *session;                /* srtp_t; what every packet needs is in the first 64 octets */
        media_srtp_transform rtp, rtcp;
        struct media_srtp *twin;      /* the same key, its source's rollover counter carried over; or NULL */
        uint32_t newest;              /* the source that was authenticated last */
        uint32_t source_count;
        uint8_t tag;                  /* octets a sealed RTP packet is longer */
        int (*forget)(void *session, uint32_t ssrc_network_order);
        uint32_t sources[SRTP_SOURCES];
    } media_srtp;

    static inline media_srtp *media_srtp_make(void) {
        void *memory = NULL;
        if (posix_memalign(&memory, 64, sizeof(media_srtp))) return NULL;
        return (media_srtp *) memset(memory, 0, sizeof(media_srtp));
    }
    /* What libsrtp's status means here: the packet's new length, or why there is none. */
    static inline int media_srtp_judge(int status, int length) {
        switch (status) {
        case 0: return length;
        case 9: case 10: case 26: return SRTP_REPLAYED;      /* seen, older than the replay list, or before its start */
        case 2: case 21: return SRTP_MALFORMED;
        default: return SRTP_FORGED;                         /* 7 authentication, 8 cipher, 13 no such source ... */
        }
    }
    static inline void media_srtp_meet(media_srtp *s, uint32_t ssrc) {
        uint32_t i, met = s->source_count < SRTP_SOURCES ? s->source_count : SRTP_SOURCES;
        s->newest = ssrc;
        for (i = 0; i < met; i++) if (s->sources[i] == ssrc) return;
        i = s->source_count++ % SRTP_SOURCES;
        if (s->source_count > SRTP_SOURCES) s->forget(s->session, htonl(s->sources[i]));
        s->sources[i] = ssrc;
    }
    /* Decrypts in place. Length of the plain packet, or SRTP_FORGED and the like; then `data` may be spoilt. */
    static inline int media_srtp_open(media_srtp *s, uint8_t *data, int length, int rtcp) {
        uint32_t ssrc;
        int status;
        if (length < (rtcp ? 8 : 12)) return SRTP_MALFORMED;
        memcpy(&ssrc, data + (rtcp ? 4 : 8), 4);
        ssrc = ntohl(ssrc);
        status = (rtcp ? s->rtcp : s->rtp)(s->session, data, &length);
        if (!status && (ssrc != s->newest || !s->source_count)) media_srtp_meet(s, ssrc);
        return media_srtp_judge(status, length);
    }
    /* Encrypts in place, SRTP_TRAILER octets of room behind `length`. Length of the sealed packet, or why not. */
    static inline int media_srtp_seal(media_srtp *s, uint8_t *data, int length, int rtcp) {
        int status = (rtcp ? s->rtcp : s->rtp)(s->session, data, &length);
        return media_srtp_judge(status, length);
    }
    #endif
    """
    enum:
        SRTP_TRAILER
        SRTP_FORGED
        SRTP_REPLAYED
        SRTP_MALFORMED
    ctypedef int (*srtp_transform "media_srtp_transform")(void* session, void* packet, int* length) noexcept nogil
    ctypedef struct SrtpSession "media_srtp":
        void* session
        srtp_transform rtp
        srtp_transform rtcp
        int (*forget)(void* session, uint32_t ssrc_network_order) noexcept nogil
        SrtpSession* twin
        uint32_t newest
        uint32_t source_count
        uint8_t tag

    SrtpSession* srtp_session_make "media_srtp_make"()
    int srtp_session_open "media_srtp_open"(SrtpSession* s, uint8_t* data, int length, bint rtcp)
    int srtp_session_seal "media_srtp_seal"(SrtpSession* s, uint8_t* data, int length, bint rtcp)
