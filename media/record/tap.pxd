# The tap: a single-producer single-consumer byte ring between a media worker and the recording writer.
#
# Producer: the worker that owns the leg. It copies every accepted packet in with `tap_push` and never waits; when the
# ring is full the packet is counted in `overruns` and dropped from the recording (never from the call).
# Consumer: the drain thread of `media.record.writer`.
#
# Life of a ring. The writer allocates it (`RecordingWriter.attach` -> Tap.address), control hands the address to the
# worker in a command, the worker stores it in the leg. To stop, the worker clears its pointer and calls `tap_close`
# exactly once, as its last touch; it does the same at once when the leg is already gone or the command cannot be
# obeyed, and for every tapped leg it frees. Only after the close has been seen and the rest drained does the writer
# let the memory go. So nobody has to wait, and nothing is freed under the worker's feet.
#
# Positions are byte counts that never wrap (64 bit); the index is position & mask. Entries are 8-byte aligned.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from *:
    """
    #ifndef SOFTSWITCH_TAP_RING
    #define SOFTSWITCH_TAP_RING
    #include <stdint.h>
    #include <string.h>

    typedef struct {
        int64_t  arrival_ns;        /* CLOCK_MONOTONIC, when the packet was read from the socket */
        uint32_t ssrc;
        uint32_t timestamp;
        uint16_t sequence;
        uint16_t length;            /* payload bytes that follow */
        uint8_t  payload_type;      /* as on the wire */
        uint8_t  codec;             /* CODEC_* of audiocodecs.registry: what the payload type meant on this call */
        uint16_t clock;             /* of the timestamp, kHz */
    } tap_entry;

    enum { TAP_OPEN = 0, TAP_CLOSED = 1 };

    typedef struct {
        /* the producer's cache line */
        uint64_t head __attribute__((aligned(64)));
        uint64_t tail_seen;         /* the producer's last look at tail: one shared read per lap, not per packet */
        uint64_t overruns;          /* packets that found the ring full */
        uint32_t state;
        /* the consumer's cache line */
        uint64_t tail __attribute__((aligned(64)));
        /* fixed */
        uint64_t mask __attribute__((aligned(64)));     /* capacity - 1, capacity a power of two */
        uint8_t  data[] __attribute__((aligned(64)));
    } tap_ring;

    #define TAP_ENTRY_BYTES(length) ((uint64_t)(sizeof(tap_entry) + (length) + 7u) & ~(uint64_t)7u)

    static inline void tap_init(tap_ring *ring, uint64_t capacity) {
        memset(ring, 0, sizeof(*ring));
        ring->mask = capacity - 1;
    }

    static inline void tap_copy_in(tap_ring *ring, uint64_t position, const void *from, uint64_t length) {
        uint64_t at = position & ring->mask, first = ring->mask + 1 - at;
        if (length <= first) { memcpy(ring->data + at, from, length); return; }
        memcpy(ring->data + at, from, first);
        memcpy(ring->data, (const uint8_t *)from + first, length - first);
    }

    static inline void tap_copy_out(const tap_ring *ring, uint64_t position, void *to, uint64_t length) {
        uint64_t at = position & ring->mask, first = ring->mask + 1 - at;
        if (length <= first) { memcpy(to, ring->data + at, length); return; }
        memcpy(to, ring->data + at, first);
        memcpy((uint8_t *)to + first, ring->data, length - first);
    }

    /* Producer. 1 = taken, 0 = ring full (counted). Never blocks, no system call. */
    static inline int tap_push(tap_ring *ring, int64_t arrival_ns, uint32_t ssrc, uint32_t timestamp,
                               uint16_t sequence, uint8_t payload_type, uint8_t codec, uint16_t clock,
                               const uint8_t *payload, uint16_t length) {
        uint64_t head = ring->head, size = TAP_ENTRY_BYTES(length);
        if (head + size - ring->tail_seen > ring->mask + 1) {
            ring->tail_seen = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
            if (head + size - ring->tail_seen > ring->mask + 1) {
                __atomic_store_n(&ring->overruns, ring->overruns + 1, __ATOMIC_RELAXED);
                return 0;
            }
        }
        tap_entry entry = {arrival_ns, ssrc, timestamp, sequence, length, payload_type, codec, clock};
        tap_copy_in(ring, head, &entry, sizeof(entry));
        tap_copy_in(ring, head + sizeof(entry), payload, length);
        __atomic_store_n(&ring->head, head + size, __ATOMIC_RELEASE);
        return 1;
    }

    /* Producer, exactly once, its last touch of the ring. */
    static inline void tap_close(tap_ring *ring) { __atomic_store_n(&ring->state, TAP_CLOSED, __ATOMIC_RELEASE); }

    /* Consumer. Read the state before the fill: a ring seen closed and then seen empty has nothing left to come. */
    static inline int tap_is_closed(const tap_ring *ring) {
        return __atomic_load_n(&ring->state, __ATOMIC_ACQUIRE) == TAP_CLOSED;
    }
    static inline uint64_t tap_fill(const tap_ring *ring) {
        return __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) - ring->tail;
    }
    static inline uint64_t tap_overruns(const tap_ring *ring) {
        return __atomic_load_n(&ring->overruns, __ATOMIC_RELAXED);
    }
    /* Consumer. Fills `entry` with the oldest entry without taking it; 0 = empty. */
    static inline int tap_peek(const tap_ring *ring, tap_entry *entry) {
        if (tap_fill(ring) == 0) return 0;
        tap_copy_out(ring, ring->tail, entry, sizeof(*entry));
        return 1;
    }
    /* Consumer. Takes the entry just peeked; `payload` holds at least entry->length bytes, or is NULL to skip it. */
    static inline void tap_take(tap_ring *ring, const tap_entry *entry, uint8_t *payload) {
        if (payload) tap_copy_out(ring, ring->tail + sizeof(*entry), payload, entry->length);
        __atomic_store_n(&ring->tail, ring->tail + TAP_ENTRY_BYTES(entry->length), __ATOMIC_RELEASE);
    }
    #endif
    """
    ctypedef struct tap_entry:
        int64_t arrival_ns
        uint32_t ssrc
        uint32_t timestamp
        uint16_t sequence
        uint16_t length
        uint8_t payload_type
        uint8_t codec
        uint16_t clock

    ctypedef struct tap_ring:
        uint64_t mask

    void tap_init(tap_ring *ring, uint64_t capacity) noexcept nogil
    int tap_push(tap_ring *ring, int64_t arrival_ns, uint32_t ssrc, uint32_t timestamp, uint16_t sequence,
                 uint8_t payload_type, uint8_t codec, uint16_t clock, const uint8_t *payload,
                 uint16_t length) noexcept nogil
    void tap_close(tap_ring *ring) noexcept nogil
    bint tap_is_closed(const tap_ring *ring) noexcept nogil
    uint64_t tap_fill(const tap_ring *ring) noexcept nogil
    uint64_t tap_overruns(const tap_ring *ring) noexcept nogil
    bint tap_peek(const tap_ring *ring, tap_entry *entry) noexcept nogil
    void tap_take(tap_ring *ring, const tap_entry *entry, uint8_t *payload) noexcept nogil
