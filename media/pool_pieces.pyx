"""A pool of memory for tests: its pieces are addresses."""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uintptr_t
from libc.string cimport memset

from media.pool cimport Pool, pool_close, pool_give, pool_init, pool_take


cdef class Pieces:
    """Pieces of `size` octets. All must have been given back before this goes."""

    cdef Pool pool

    def __cinit__(self, size_t size):
        pool_init(&self.pool, size)

    def __dealloc__(self):
        pool_close(&self.pool)

    @property
    def stride(self):
        return self.pool.stride

    def take(self):
        cdef void* piece = pool_take(&self.pool)
        if piece == NULL:
            raise MemoryError
        return <uintptr_t> piece

    def give(self, uintptr_t piece):
        pool_give(&self.pool, <void*> piece)

    def soil(self, uintptr_t piece, uint8_t value):
        """Fill a piece."""
        memset(<void*> piece, value, self.pool.stride)

    def holds(self, uintptr_t piece):
        """The octets in it."""
        return (<const uint8_t*> piece)[:self.pool.stride]
