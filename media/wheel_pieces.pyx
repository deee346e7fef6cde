"""The wheel for tests: owners are numbers, served by whoever asks, with a clock that is set."""

from libc.stdint cimport int64_t, uintptr_t
from libc.stdlib cimport calloc, free

from media.leg cimport WHEEL_PLAYBACK, WheelEntry
from media.wheel cimport wheel_add, wheel_ahead, wheel_begin, wheel_init, wheel_next, wheel_remove, wheel_take, wheel_waits
from media.worker cimport Worker


cdef class Turns:
    """A wheel and `owners` entries."""

    cdef Worker* w
    cdef WheelEntry* entries
    cdef readonly int owners

    def __cinit__(self, int owners):
        self.w = <Worker*> calloc(1, sizeof(Worker))
        self.entries = <WheelEntry*> calloc(owners, sizeof(WheelEntry))
        self.owners = owners
        if self.w == NULL or self.entries == NULL:
            raise MemoryError
        wheel_init(self.w)

    def __dealloc__(self):
        free(self.w)
        free(self.entries)

    def at(self, int64_t now):
        """Set the clock (microseconds)."""
        self.w.now = now

    def begin(self, int owner, int period_ms):
        wheel_begin(self.w, &self.entries[owner], WHEEL_PLAYBACK, <void*> <uintptr_t> owner, period_ms)

    def add(self, int owner, int delay_ms):
        self.entries[owner].owner = <void*> <uintptr_t> owner
        wheel_add(self.w, &self.entries[owner], delay_ms)

    def remove(self, int owner):
        wheel_remove(self.w, &self.entries[owner])

    def waits(self, int owner):
        return bool(wheel_waits(&self.entries[owner]))

    def take(self):
        """The next owner that is due, or None when all are served."""
        cdef WheelEntry* entry = wheel_take(self.w)
        return None if entry == NULL else <uintptr_t> entry.owner

    def ahead(self):
        """Owners that are served behind the one taken last, in the same millisecond."""
        cdef list owners = []
        cdef const WheelEntry* entry = wheel_ahead(self.w, NULL)
        while entry != NULL:
            owners.append(<uintptr_t> entry.owner)
            entry = wheel_ahead(self.w, entry)
        return owners

    def due(self):
        """When somebody is due next (microseconds), or None."""
        cdef int64_t due = wheel_next(self.w)
        return None if due < 0 else due
