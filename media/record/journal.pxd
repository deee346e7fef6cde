# The journal: decoded audio on its way to the disk, a bounded list between the drain thread and the disk thread.
#
# A block knows its file and its place in it, so a block that had to be dropped leaves silence, not a shift.

from libc.stdint cimport int16_t, int64_t, uint32_t

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    ctypedef struct pthread_cond_t:
        pass

ctypedef struct journal_file:
    int descriptor              # -1: not open (yet, or not any more)
    uint32_t channels
    uint32_t rate               # Hz; fixed once there are frames
    int64_t frames              # on disk
    int64_t dropped             # frames that found the journal full
    int failed                  # the error has been told, nothing more is written
    void *owner                 # the JournalFile; borrowed

ctypedef struct journal_block:
    journal_block *next
    journal_file *file          # NULL: `call` is an owned Python callable, run on the disk thread
    void *call
    int64_t position            # frames from the start of the recording
    uint32_t frames             # interleaved samples follow the block

cdef inline int16_t *samples_of(journal_block *block) noexcept nogil:
    return <int16_t *>(block + 1)

cdef void tell(object on_event, object event)

cdef class JournalFile:
    cdef journal_file state
    cdef readonly int64_t recording
    cdef readonly str path
    cdef readonly str error
    cdef object on_event
    cdef void note(self, str error)
    cdef void fail(self, str error)

cdef class Journal:
    cdef journal_block *first
    cdef journal_block *last
    cdef int64_t bytes
    cdef readonly int64_t limit
    cdef bint stopping
    cdef pthread_mutex_t lock
    cdef pthread_cond_t filled
    cdef journal_block *reserve(self, journal_file *file, int64_t position, uint32_t frames) noexcept nogil
    cdef void append(self, journal_block *block) noexcept nogil
    cdef void append_call(self, object call)
    cdef bint write_all(self, bint wait) noexcept nogil
