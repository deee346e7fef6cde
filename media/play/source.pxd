# A sound to send: PCM to mix from, and tracks, ready packets for one codec each.
#
# Ownership: a Python object (`media.play.source.PlaySource`) owns the memory. What is there never changes, and nothing
# goes before the object does; tracks only come to be added, each published with a release. Control keeps the object
# from the moment it posts Play until the playback's PlaybackFinished (or the leg's LegGone) came back; the worker only
# reads between the two. So there is no reference count here. Position is the leg's, not the source's: one source serves
# any number of legs.
#
# Time is counted in ticks of 1/8000 s: an octet of G.711 or G.722, a sample of narrow-band PCM, 1/80 frame of G.729.

from libc.stdint cimport int16_t, uint8_t, uint32_t

cdef extern from *:
    """
    #ifndef SOFTSWITCH_PLAY_SOURCE
    #define SOFTSWITCH_PLAY_SOURCE
    #include <stdint.h>
    #include <string.h>

    enum { PLAY_TRACKS = 12, PLAY_TICKS_A_MS = 8, PLAY_TAIL = 60 * 8 };

    typedef struct {
        const uint8_t *octets;      /* every unit, then PLAY_TAIL ticks of silence */
        const uint32_t *offsets;    /* where each unit begins, and where the last one ends; NULL: all are of one size */
        uint32_t units;             /* that hold sound */
        uint32_t unit_ticks;        /* how long a unit lasts; with offsets a unit is a whole packet */
        uint32_t unit_octets;       /* without offsets */
        uint32_t clock_rate;        /* of RTP timestamps */
        uint8_t codec;              /* CODEC_* */
    } play_track;

    typedef struct {
        uint32_t length;            /* ticks, never 0 */
        const int16_t *narrow;      /* PCM at 8 kHz, `length` samples */
        const int16_t *wide;        /* PCM at 16 kHz, 2 * length samples; NULL: not made */
        const play_track *tracks[PLAY_TRACKS];  /* NULL after the last */
    } play_source;

    /* The track a leg can send as it is: its codec, its clock, its packet time (in ticks). NULL: it has to be encoded. */
    static inline const play_track *play_track_for(const play_source *source, uint8_t codec, uint32_t clock_rate,
                                                   uint32_t ticks) {
        for (int i = 0; i < PLAY_TRACKS; i++) {
            const play_track *track = __atomic_load_n(&source->tracks[i], __ATOMIC_ACQUIRE);
            if (!track) break;
            if (track->codec != codec || track->clock_rate != clock_rate) continue;
            if (track->offsets ? track->unit_ticks == ticks : ticks % track->unit_ticks == 0) return track;
        }
        return NULL;
    }

    static inline const int16_t *play_wide(const play_source *source) {
        return __atomic_load_n(&source->wide, __ATOMIC_ACQUIRE);
    }

    /* Copies the next `ticks` to `out` and moves `position`. With repeat the end joins the start without a gap (at the
       next packet, where units are packets); without it the last packet is filled up with silence. Octets written, 0:
       it is over, and `out` is untouched; -1: more than `room`. */
    static inline int play_read(const play_source *source, const play_track *track, int repeat, uint32_t *position,
                                uint32_t ticks, uint8_t *out, int room) {
        uint32_t done = 0;
        int octets = 0;
        if (*position >= source->length) {
            if (!repeat) return 0;
            *position = 0;
        }
        if (track->offsets) {
            uint32_t at = *position / track->unit_ticks;
            octets = (int)(track->offsets[at + 1] - track->offsets[at]);
            if (octets > room) return -1;
            memcpy(out, track->octets + track->offsets[at], (size_t)octets);
            *position = (at + 1) * track->unit_ticks;
            return octets;
        }
        if ((int)(ticks / track->unit_ticks * track->unit_octets) > room) return -1;
        while (done < ticks) {
            uint32_t at = *position / track->unit_ticks;
            uint32_t part = (ticks - done) / track->unit_ticks, left = track->units - at;
            if (repeat && part > left) part = left;
            memcpy(out + octets, track->octets + (size_t)at * track->unit_octets, (size_t)part * track->unit_octets);
            octets += (int)(part * track->unit_octets);
            done += part * track->unit_ticks;
            *position = (at + part) * track->unit_ticks;
            if (repeat && *position >= source->length) *position = 0;
        }
        return octets;
    }
    #endif
    """
    enum:
        PLAY_TRACKS
        PLAY_TICKS_A_MS
        PLAY_TAIL

    ctypedef struct play_track:
        const uint8_t *octets
        const uint32_t *offsets
        uint32_t units
        uint32_t unit_ticks
        uint32_t unit_octets
        uint32_t clock_rate
        uint8_t codec

    ctypedef struct play_source:
        uint32_t length
        const int16_t *narrow
        const int16_t *wide
        const play_track *tracks[PLAY_TRACKS]

    const play_track *play_track_for(
        const play_source *source, uint8_t codec, uint32_t clock_rate, uint32_t ticks
    ) noexcept nogil
    const int16_t *play_wide(const play_source *source) noexcept nogil
    int play_read(
        const play_source *source, const play_track *track, bint repeat, uint32_t *position, uint32_t ticks,
        uint8_t *out, int room
    ) noexcept nogil
