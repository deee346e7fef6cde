"""The live resampler for Python: what is heard of a room, at the rate a listener wants."""

from typing_extensions import Buffer

class Resampler:
    """The compiled build of `resampling`. Raises ValueError for rates other than 8, 16, 24, 32 and 48 kHz."""

    def __init__(self, from_rate: int, to_rate: int) -> None: ...
    @property
    def phases(self) -> list[list[int]]:
        """The coefficients of each phase, for the oldest sample first, 32768 for one."""
    def reset(self) -> None:
        """Forget everything heard."""
    def run(self, pcm: Buffer) -> bytes:
        """Convert 16-bit samples in native byte order."""
