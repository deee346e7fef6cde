# A sound to send: the whole of it, encoded once for each codec we can encode.
#
# Ownership: a Python object (`media.play.source.PlaySource`) owns the memory and never changes it. Control keeps that
# object from the moment it posts Play until the playback's PlaybackFinished (or the leg's LegGone) came back; the
# worker only reads between the two. So there is no reference count here. Position is the leg's, not the source's: one
# source serves any number of legs.

from libc.stdint cimport uint8_t, uint32_t

cdef extern from *:
    """
    #ifndef SOFTSWITCH_PLAY_SOURCE
    #define SOFTSWITCH_PLAY_SOURCE
    #include <stdint.h>
    #include <string.h>

    typedef struct {
        const uint8_t *pcma;        /* `length` bytes each, 8,000 a second */
        const uint8_t *pcmu;
        uint32_t length;            /* never 0 */
    } play_source;

    /* Copies the next `wanted` bytes (160 = 20 ms) to `out` and moves `position`. With repeat the end joins the start
       without a gap; without it the last frame is filled up with silence. Returns how many bytes are sound: 0 = it is
       over (out is then untouched). a_law: 1 = PCMA, 0 = PCMU. */
    static inline uint32_t play_read(const play_source *source, int a_law, int repeat, uint32_t *position,
                                     uint8_t *out, uint32_t wanted) {
        const uint8_t *sound = a_law ? source->pcma : source->pcmu;
        uint32_t done = 0;
        while (done < wanted) {
            if (*position >= source->length) {
                if (!repeat) break;
                *position = 0;
            }
            uint32_t part = source->length - *position;
            if (part > wanted - done) part = wanted - done;
            memcpy(out + done, sound + *position, part);
            done += part;
            *position += part;
        }
        if (done && done < wanted) memset(out + done, a_law ? 0xD5 : 0xFF, wanted - done);
        return done;
    }
    #endif
    """
    ctypedef struct play_source:
        const uint8_t *pcma
        const uint8_t *pcmu
        uint32_t length

    uint32_t play_read(const play_source *source, bint a_law, bint repeat, uint32_t *position, uint8_t *out,
                       uint32_t wanted) noexcept nogil
