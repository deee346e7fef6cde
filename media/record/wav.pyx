"""The WAV header for Python: see `wav.pxd`."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

HEADER_BYTES = WAV_HEADER
SAMPLE_RATE = WAV_RATE


def header(uint32_t channels, uint64_t data_bytes):
    cdef uint8_t[WAV_HEADER] octets
    if channels < 1 or channels > 2:
        raise ValueError(f"1 or 2 channels expected, got {channels}")
    wav_header(octets, channels, data_bytes)
    return (<const char *>octets)[:WAV_HEADER]
