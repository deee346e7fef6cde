"""The owner of one tap ring; see `tap.pxd` for the life of a ring."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uintptr_t

cdef extern from *:
    """
    #include <stdlib.h>
    """
    int posix_memalign(void **memory, size_t alignment, size_t size) nogil
    void c_free "free"(void *memory) nogil


cdef class Tap:
    cdef tap_ring *ring
    cdef readonly int64_t leg

    def __cinit__(self, int64_t leg, uint32_t capacity):
        cdef void *memory = NULL
        if capacity < 4096 or capacity & (capacity - 1):
            raise ValueError(f"a tap ring holds a power of two of at least 4096 bytes, got {capacity}")
        if posix_memalign(&memory, 64, sizeof(tap_ring) + capacity):
            raise MemoryError("no memory for a tap ring")
        self.ring = <tap_ring *>memory
        tap_init(self.ring, capacity)
        self.leg = leg

    def __dealloc__(self):
        c_free(self.ring)

    @property
    def address(self):
        return <uintptr_t>self.ring

    @property
    def closed(self):
        return tap_is_closed(self.ring)

    @property
    def overruns(self):
        return tap_overruns(self.ring)

    def push(self, int64_t arrival_ns, uint32_t ssrc, uint32_t timestamp, uint16_t sequence, uint8_t payload_type,
             uint8_t codec, const uint8_t[::1] payload, *, uint32_t clock_rate=8000):
        cdef const uint8_t *start = &payload[0] if payload.shape[0] else NULL
        if payload.shape[0] > 65535:
            raise ValueError(f"a packet holds at most 65535 bytes, got {payload.shape[0]}")
        return bool(tap_push(self.ring, arrival_ns, ssrc, timestamp, sequence, payload_type, codec,
                             <uint16_t>(clock_rate // 1000), start, <uint16_t>payload.shape[0]))

    def close(self):
        tap_close(self.ring)
