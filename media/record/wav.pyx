"""The WAV header for Python: see `wav.pxd`."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

HEADER_BYTES = WAV_HEADER
SAMPLE_RATES = (8000, 16000)


def header(uint32_t channels, uint64_t data_bytes, uint32_t rate=8000):
    cdef uint8_t[WAV_HEADER] octets
    if channels < 1 or channels > 2:
        raise ValueError(f"1 or 2 channels expected, got {channels}")
    if rate not in SAMPLE_RATES:
        raise ValueError(f"{' or '.join(map(str, SAMPLE_RATES))} Hz expected, got {rate}")
    wav_header(octets, channels, rate, data_bytes)
    return (<const char *>octets)[:WAV_HEADER]
