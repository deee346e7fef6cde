"""The fixed-size header of our recordings: 16-bit linear, 8 or 16 kHz, RIFF or, past 4 GiB, RF64."""

HEADER_BYTES: int
SAMPLE_RATES: tuple[int, ...]

def header(channels: int, data_bytes: int, rate: int = 8000) -> bytes:
    """HEADER_BYTES bytes. Raises ValueError unless channels is 1 or 2 and rate one of SAMPLE_RATES."""
