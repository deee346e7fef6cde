class StreamRings:
    """The memory of one stream, and what Python does with it."""

    lost: int

    def __init__(self, stream: int, rate: int, utterances: int, hearings: int) -> None: ...
    @property
    def address(self) -> int: ...
    @property
    def number(self) -> int:
        """Names the stream among the parties of a room."""
    @property
    def rate(self) -> int:
        """Hz of what it says."""
    @property
    def waiting(self) -> int:
        """Frames given that have been neither said nor cleared."""
    def say(self, pcm: bytes, mark: int = 0) -> bool:
        """Give 20 ms of 16-bit samples in native order; `mark`, unless 0, is told by MarkReached when it has been said.

        False: no room, try again when some of it has been said. Raises ValueError for another length.
        """
    def clear(self) -> None:
        """Take back what has not been said: silence from the next tick on. Marks that were taken back are not told."""
    def read(self, most: int = 64) -> list[tuple[int, int, int, bytes]]:
        """Up to `most` frames of 20 ms since the last call, oldest first: (party, tick, rate, 16-bit samples) each.

        `party` is the id of a leg or the number of a stream, 0 in a mix; `tick` counts 20 ms from the opening of the
        room. A party is silent at a tick for which it has no frame.
        """
