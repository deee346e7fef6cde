"""The owner of one encoded sound; see `source.pxd` for who may read it when."""

from libc.stdint cimport uint8_t, uint32_t, uintptr_t


cdef class PlaySource:
    cdef play_source source
    cdef readonly bytes pcma
    cdef readonly bytes pcmu

    def __cinit__(self, bytes pcma not None, bytes pcmu not None):
        if not pcma or len(pcma) != len(pcmu) or len(pcma) > 0x7FFFFFFF:
            raise ValueError(f"two encodings of one sound expected, got {len(pcma)} and {len(pcmu)} bytes")
        self.pcma = pcma
        self.pcmu = pcmu
        self.source.pcma = self.pcma
        self.source.pcmu = self.pcmu
        self.source.length = <uint32_t>len(pcma)

    @property
    def address(self):
        return <uintptr_t>&self.source

    @property
    def duration(self):
        return self.source.length / 8000.0

    def read(self, uint32_t position, uint32_t wanted, *, bint a_law, bint repeat):
        cdef bytearray out = bytearray(wanted)
        cdef uint8_t[::1] view = out
        cdef uint32_t done = 0
        if wanted:
            done = play_read(&self.source, a_law, repeat, &position, &view[0], wanted)
        return bytes(out) if done else b"", done, position
