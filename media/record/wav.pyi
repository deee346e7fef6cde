"""The fixed-size header of our recordings: 16-bit linear, 8 kHz, RIFF or, past 4 GiB, RF64."""

HEADER_BYTES: int
SAMPLE_RATE: int

def header(channels: int, data_bytes: int) -> bytes:
    """HEADER_BYTES bytes. Raises ValueError unless channels is 1 or 2."""
