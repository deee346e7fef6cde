"""What a packet, or a room's tick, will touch of a leg is fetched into the cache a few turns before.

Between two packets of a leg the worker has served thousands of others: all that it kept of this one has left the cache,
and each line of it would be waited for, one behind the other where a pointer leads to the next. So there are steps:
what a pointer lies in is fetched one step before what it leads to.
"""

from libc.stdint cimport uint16_t, uint8_t

from media.leg cimport Leg
from media.mix.seat cimport Seat
from media.receive.playout_state cimport PLAYOUT_SEEN, Playout

cdef extern from * nogil:
    """
    #ifndef MEDIA_FORESEE
    #define MEDIA_FORESEE
    #define FORESEE_LINE 64
    #define foresee(at) __builtin_prefetch(at)
    static inline void foresee_span(const void *at, int octets) {
        const char *line = (const char *) ((uintptr_t) at & ~(uintptr_t) (FORESEE_LINE - 1));
        const char *end = (const char *) at + octets;
        for (; line < end; line += FORESEE_LINE) __builtin_prefetch(line);
    }
    #endif
    """
    void foresee(const void* at)
    void foresee_span(const void* at, int octets)

cdef enum:
    VOICE_HOT = 320              # octets from the beginning of a Voice
    PLAYOUT_HOT = 384            # of a Playout, with the first packet that waits
    G711_PACKET = 160            # octets of the payload that is expected


cdef enum Step:                  # of a seat, in this order
    STEP_LEG
    STEP_VOICE
    STEP_PLAYOUT
    STEP_SOUND


# A packet

cdef inline void foresee_leg(const Leg* leg) noexcept nogil:
    """Its first lines, which lead to the others."""
    foresee(leg)
    foresee(&leg.voice)
    foresee(&leg.latch.signalled)


cdef inline void foresee_reception(const Leg* leg, uint8_t payload_type) noexcept nogil:
    """What is counted of a packet, and where it goes."""
    foresee_span(&leg.received, sizeof(leg.received))
    foresee(&leg.format_of[payload_type & 0x7F])
    foresee(&leg.formats)
    foresee(&leg.keys)
    if leg.voice != NULL:
        foresee_span(leg.voice, VOICE_HOT)
    if leg.peer != NULL:
        foresee_leg(leg.peer)
        foresee_span(&leg.peer.sent, sizeof(leg.peer.sent))
        foresee(&leg.peer.keys)


cdef inline void foresee_put(const Leg* leg, uint16_t sequence) noexcept nogil:
    """What a playout touches when a packet comes in its turn."""
    cdef const Playout* p
    if leg.voice == NULL or leg.voice.playout == NULL:
        return
    p = leg.voice.playout
    foresee_span(p, PLAYOUT_HOT)
    foresee_span(&p.buffer.ordered, sizeof(p.buffer.ordered))
    foresee_span(&p.buffer.octets, G711_PACKET)
    foresee(&p.seen[sequence % PLAYOUT_SEEN])


cdef inline void foresee_transit(const Leg* leg) noexcept nogil:
    if leg.voice != NULL and leg.voice.playout != NULL:
        foresee(&leg.voice.playout.buffer.recent[leg.voice.playout.buffer.oldest])


# A tick

cdef inline void foresee_seat(const Seat* seat, Step step, int octets) noexcept nogil:
    """`octets`: of the PCM of a tick."""
    cdef const Leg* leg = seat.leg
    cdef const Playout* p
    if step == STEP_LEG:
        foresee_span(seat.pcm, octets)
        if leg != NULL:
            foresee_leg(leg)
            foresee_span(&leg.sent, sizeof(leg.sent))
            foresee(&leg.keys)
            foresee(&leg.received.buffered)
        return
    if leg == NULL or leg.voice == NULL:
        return
    if step == STEP_VOICE:
        foresee_span(leg.voice, VOICE_HOT)
        return
    p = leg.voice.playout
    if p == NULL:
        return
    if step == STEP_PLAYOUT:
        foresee_span(p, PLAYOUT_HOT)
        foresee_span(&p.buffer.octets, G711_PACKET)
    else:
        foresee_span(p.pcm + p.start + p.count, octets)
