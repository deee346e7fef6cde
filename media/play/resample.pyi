"""Any sampling rate and channel count to 8 or 16 kHz mono, chunk by chunk, without numpy."""

from typing_extensions import Buffer

class Resampler:
    """Flat to 3.4 kHz, -70 dB from 4 kHz (twice that at 16 kHz); no delay: output sample n is the input at n/target s.

    Samples that are at the target rate already go through untouched. Channels are mixed with equal weight.
    """

    def __init__(self, rate: int, channels: int, target: int = 8000) -> None:
        """`target`: 8000 or 16000 Hz. Raises ValueError for a rate outside 1..768 kHz or more than 64 channels."""

    def feed(self, data: Buffer) -> bytes:
        """Interleaved 32-bit floats, +-1.0 full scale, in; 16-bit linear out, as far as it is settled."""

    def finish(self) -> bytes:
        """What is left once the input has ended."""
