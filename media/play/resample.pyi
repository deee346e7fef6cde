"""Any sampling rate and channel count to 8 kHz mono, chunk by chunk, without numpy."""

from typing_extensions import Buffer

class Resampler:
    """Flat to 3.4 kHz, -70 dB from 4 kHz; no delay: output sample n is the input at n/8000 s.

    At 8 kHz the samples go through untouched. Channels are mixed with equal weight.
    """

    def __init__(self, rate: int, channels: int) -> None:
        """Raises ValueError for a rate outside 1..768 kHz or more than 64 channels."""

    def feed(self, data: Buffer) -> bytes:
        """Interleaved 32-bit floats, +-1.0 full scale, in; 16-bit linear at 8 kHz out, as far as it is settled."""

    def finish(self) -> bytes:
        """What is left once the input has ended."""
