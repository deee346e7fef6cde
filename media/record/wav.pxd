# The header of our WAV files: always 80 bytes, so that it can be rewritten in place after every block of audio.
#
# RIFF sizes end at 4 GiB (37 hours of stereo). The JUNK chunk in front keeps room for the `ds64` chunk of RF64
# (EBU Tech 3306), into which the header turns when the audio outgrows them.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

cdef enum:
    WAV_HEADER = 80

cdef inline void put32(uint8_t *at, uint64_t value) noexcept nogil:
    at[0] = value & 0xFF
    at[1] = (value >> 8) & 0xFF
    at[2] = (value >> 16) & 0xFF
    at[3] = (value >> 24) & 0xFF

cdef inline void wav_header(uint8_t *header, uint32_t channels, uint32_t rate, uint64_t data_bytes) noexcept nogil:
    """16-bit linear, `rate` Hz, `data_bytes` of audio after these WAV_HEADER bytes."""
    cdef uint64_t riff_bytes = WAV_HEADER - 8 + data_bytes
    cdef bint large = riff_bytes > 0xFFFFFFFFu
    memset(header, 0, WAV_HEADER)
    memcpy(header, b"RF64" if large else b"RIFF", 4)
    put32(header + 4, 0xFFFFFFFFu if large else riff_bytes)
    memcpy(header + 8, b"WAVE", 4)
    memcpy(header + 12, b"ds64" if large else b"JUNK", 4)
    put32(header + 16, 28)
    if large:
        put32(header + 20, riff_bytes)
        put32(header + 24, riff_bytes >> 32)
        put32(header + 28, data_bytes)
        put32(header + 32, data_bytes >> 32)
        put32(header + 36, data_bytes // (2 * channels))
        put32(header + 40, (data_bytes // (2 * channels)) >> 32)
    memcpy(header + 48, b"fmt ", 4)
    put32(header + 52, 16)
    header[56] = 1                                      # WAVE_FORMAT_PCM
    header[58] = channels
    put32(header + 60, rate)
    put32(header + 64, rate * 2 * channels)
    header[68] = 2 * channels
    header[70] = 16
    memcpy(header + 72, b"data", 4)
    put32(header + 76, 0xFFFFFFFFu if large else data_bytes)
