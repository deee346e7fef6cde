"""The owner and reader of one leg's video ring; see `media.video.tap` for what is in it, `media.record.tap` for its life."""

from libc.stdint cimport uint8_t, uint32_t, uintptr_t

from media.record.tap cimport tap_close, tap_entry, tap_init, tap_is_closed, tap_overruns, tap_peek, tap_ring, tap_take

cdef extern from *:
    """
    #include <stdlib.h>
    """
    int posix_memalign(void** memory, size_t alignment, size_t size) nogil
    void c_free "free"(void* memory) nogil


cdef class VideoTap:
    cdef tap_ring* ring

    def __cinit__(self, uint32_t capacity=1 << 20):
        cdef void* memory = NULL
        if capacity < 4096 or capacity & (capacity - 1):
            raise ValueError(f"a tap ring holds a power of two of at least 4096 bytes, got {capacity}")
        if posix_memalign(&memory, 64, sizeof(tap_ring) + capacity):
            raise MemoryError("no memory for a tap ring")
        self.ring = <tap_ring*> memory
        tap_init(self.ring, capacity)

    def __dealloc__(self):
        c_free(self.ring)

    @property
    def address(self):
        return <uintptr_t> self.ring

    @property
    def closed(self):
        return bool(tap_is_closed(self.ring))

    @property
    def overruns(self):
        return tap_overruns(self.ring)

    def read(self, int most=4096):
        cdef tap_entry entry
        cdef uint8_t data[65536]
        cdef list out = []
        while len(out) < most and tap_peek(self.ring, &entry):
            tap_take(self.ring, &entry, data)
            out.append((
                entry.arrival_ns, entry.payload_type, bool(entry.codec), entry.ssrc, entry.timestamp, entry.sequence,
                (<const uint8_t*> data)[:entry.length],
            ))
        return out

    def close(self):
        tap_close(self.ring)
