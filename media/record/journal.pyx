"""The disk side of recording: files that are valid WAV after every write. See `journal.pxd`."""

import logging
import os
from pathlib import Path

from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.errno cimport EINTR, errno as c_errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

from media.record.events import RecordingFailed
from media.record.wav cimport WAV_HEADER, wav_header

cdef extern from "<pthread.h>" nogil:
    int pthread_mutex_init(pthread_mutex_t *mutex, void *attributes)
    int pthread_mutex_destroy(pthread_mutex_t *mutex)
    int pthread_mutex_lock(pthread_mutex_t *mutex)
    int pthread_mutex_unlock(pthread_mutex_t *mutex)
    int pthread_cond_init(pthread_cond_t *condition, void *attributes)
    int pthread_cond_destroy(pthread_cond_t *condition)
    int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
    int pthread_cond_signal(pthread_cond_t *condition)

cdef extern from "<unistd.h>" nogil:
    ssize_t pwrite(int descriptor, const void *data, size_t count, int64_t offset)

_log = logging.getLogger(__name__)


cdef bint _written(int descriptor, const uint8_t *data, size_t count, int64_t offset) noexcept nogil:
    """All of it, however many calls it takes; False leaves the reason in errno."""
    cdef ssize_t done
    while count:
        done = pwrite(descriptor, data, count, offset)
        if done < 0:
            if c_errno == EINTR:
                continue
            return False
        data += done
        count -= <size_t>done
        offset += done
    return True


cdef void _make_folder(folder) except *:
    """The folder and those above it, each for the owner alone (`Path.mkdir` would leave those above open)."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:         # another thread was quicker, or it is a file: opening will tell
            pass


cdef void tell(object on_event, object event):
    """Call the listener; whatever it does, the thread that tells goes on."""
    try:
        on_event(event)
    except Exception:  # noqa: BLE001
        _log.exception("recording event %s was not taken", type(event).__name__)


cdef class JournalFile:
    """One recording file. Audio is appended first, the header after it: at any instant the file can be opened."""

    def __cinit__(self, on_event, int64_t recording, str path, uint32_t channels):
        self.on_event = on_event
        self.recording = recording
        self.path = path
        self.state.descriptor = -1
        self.state.channels = channels
        self.state.rate = 8000
        self.state.owner = <void *>self

    def __dealloc__(self):
        if self.state.descriptor >= 0:
            os.close(self.state.descriptor)

    @property
    def duration(self):
        return self.state.frames / <double>self.state.rate

    @property
    def dropped(self):
        return self.state.dropped / <double>self.state.rate

    def open(self):
        cdef uint8_t[WAV_HEADER] header
        try:
            _make_folder(Path(self.path).parent)
            # O_EXCL: a recording is evidence, none is ever overwritten. O_NOFOLLOW: nor written through a link.
            self.state.descriptor = os.open(
                self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
        except (OSError, ValueError) as error:
            self.fail(f"cannot be created: {getattr(error, 'strerror', None) or error}")
            return
        wav_header(header, self.state.channels, self.state.rate, 0)
        if not _written(self.state.descriptor, header, WAV_HEADER, 0):
            self.fail(f"cannot be written: {os.strerror(c_errno)}")

    def close(self):
        """Close it; a failing close (delayed allocation, network file systems) is a failed recording too."""
        descriptor, self.state.descriptor = self.state.descriptor, -1
        if descriptor >= 0:
            try:
                os.close(descriptor)
            except OSError as error:
                self.fail(f"cannot be closed: {error.strerror}")

    def finish(self, int64_t frames):
        """To its full length, should the last blocks have been dropped, and closed."""
        cdef uint8_t[WAV_HEADER] header
        cdef uint64_t data_bytes = 2 * <uint64_t>self.state.channels * <uint64_t>frames
        if not self.state.failed and self.state.frames < frames:
            wav_header(header, self.state.channels, self.state.rate, data_bytes)
            try:
                os.ftruncate(self.state.descriptor, WAV_HEADER + data_bytes)
                os.pwrite(self.state.descriptor, (<const char *>header)[:WAV_HEADER], 0)
                self.state.frames = frames
            except OSError as error:
                self.fail(f"cannot be finished: {error.strerror}")
        self.close()

    cdef void note(self, str error):
        """Tell once what is wrong; the file goes on."""
        if self.error is None:
            self.error = error
            tell(self.on_event, RecordingFailed(self.recording, self.path, error))

    cdef void fail(self, str error):
        """Tell once what is wrong; the file ends with what it has."""
        if self.state.failed:
            return
        self.state.failed = True
        self.error = error
        tell(self.on_event, RecordingFailed(self.recording, self.path, error))
        descriptor, self.state.descriptor = self.state.descriptor, -1
        if descriptor >= 0:
            try:
                os.close(descriptor)
            except OSError:
                _log.warning("%s could not even be closed", self.path)


cdef void _write_block(journal_file *file, journal_block *block) noexcept nogil:
    """The audio, then the header that counts it: killed in between, the file is the one before."""
    cdef uint8_t[WAV_HEADER] header
    cdef int64_t frame_bytes = 2 * <int64_t>file.channels
    cdef int64_t end = block.position + block.frames
    cdef int reason
    if file.failed:
        return
    if _written(file.descriptor, <const uint8_t *>samples_of(block), block.frames * frame_bytes,
                WAV_HEADER + block.position * frame_bytes):
        wav_header(header, file.channels, file.rate, <uint64_t>(end * frame_bytes))
        if _written(file.descriptor, header, WAV_HEADER, 0):
            file.frames = end
            return
    reason = c_errno
    with gil:
        (<JournalFile>file.owner).fail(f"cannot be written: {os.strerror(reason)}; it holds {file.frames / <double>file.rate:.1f} s")


cdef class Journal:
    """Blocks in order, at most `limit` bytes of them; one thread appends, one writes."""

    def __cinit__(self, int64_t limit):
        self.limit = limit
        pthread_mutex_init(&self.lock, NULL)
        pthread_cond_init(&self.filled, NULL)

    def __dealloc__(self):
        cdef journal_block *block = self.first
        while block != NULL:
            self.first = block.next
            if block.call != NULL:
                Py_DECREF(<object>block.call)
            free(block)
            block = self.first
        pthread_cond_destroy(&self.filled)
        pthread_mutex_destroy(&self.lock)

    @property
    def backlog(self):
        return self.bytes

    cdef journal_block *reserve(self, journal_file *file, int64_t position, uint32_t frames) noexcept nogil:
        """An empty block to fill and append; NULL when its audio has nowhere to go."""
        cdef int64_t size = <int64_t>sizeof(journal_block) + 2 * <int64_t>file.channels * frames
        cdef journal_block *block
        if file.failed:
            return NULL
        if self.bytes + size > self.limit:      # only this thread adds; a stale figure errs by one round of writes
            file.dropped += frames
            return NULL
        block = <journal_block *>malloc(size)
        if block == NULL:
            file.dropped += frames
            return NULL
        block.next = NULL
        block.file = file
        block.call = NULL
        block.position = position
        block.frames = frames
        return block

    cdef void append(self, journal_block *block) noexcept nogil:
        pthread_mutex_lock(&self.lock)
        if self.last == NULL:
            self.first = block
            pthread_cond_signal(&self.filled)
        else:
            self.last.next = block
        self.last = block
        if block.file != NULL:
            self.bytes += <int64_t>sizeof(journal_block) + 2 * <int64_t>block.file.channels * block.frames
        pthread_mutex_unlock(&self.lock)

    cdef void append_call(self, object call):
        cdef journal_block *block = <journal_block *>malloc(sizeof(journal_block))
        if block == NULL:
            raise MemoryError("no memory for a journal entry")
        block.next = NULL
        block.file = NULL
        block.frames = 0
        block.position = 0
        Py_INCREF(call)
        block.call = <void *>call
        self.append(block)

    cdef bint write_all(self, bint wait) noexcept nogil:
        """Write what is there; with `wait` sleep first until there is something. False: stopping, and all written."""
        cdef journal_block *block
        cdef journal_block *next_block
        cdef int64_t size
        pthread_mutex_lock(&self.lock)
        while wait and self.first == NULL and not self.stopping:
            pthread_cond_wait(&self.filled, &self.lock)
        block = self.first
        self.first = NULL
        self.last = NULL
        pthread_mutex_unlock(&self.lock)
        if block == NULL:
            return not self.stopping
        while block != NULL:
            next_block = block.next
            if block.file == NULL:
                with gil:
                    call = <object>block.call
                    Py_DECREF(call)
                    call()
                    call = None
            else:
                size = <int64_t>sizeof(journal_block) + 2 * <int64_t>block.file.channels * block.frames
                _write_block(block.file, block)
                pthread_mutex_lock(&self.lock)
                self.bytes -= size
                pthread_mutex_unlock(&self.lock)
            free(block)
            block = next_block
        return True

    def run(self):
        """The disk thread: until `stop`, then to the end of what is there."""
        cdef bint more = True
        while more:
            with nogil:
                more = self.write_all(True)

    def flush(self):
        """Write what is there now, on this thread."""
        with nogil:
            self.write_all(False)

    def stop(self):
        """Let `run` return when nothing is left."""
        with nogil:
            pthread_mutex_lock(&self.lock)
            self.stopping = True
            pthread_cond_signal(&self.filled)
            pthread_mutex_unlock(&self.lock)
