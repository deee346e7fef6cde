"""One sound, encoded for every codec the engine can send, shared by all legs that play it."""

class PlaySource:
    """Immutable. Whoever posts Play keeps this object until the playback is reported finished."""

    pcma: bytes
    pcmu: bytes

    def __init__(self, pcma: bytes, pcmu: bytes) -> None:
        """Both of one length, 8,000 bytes a second. Raises ValueError when empty or unequal."""

    @property
    def address(self) -> int:
        """Where the C `play_source` lies, for the command that hands it to the worker."""

    @property
    def duration(self) -> float:
        """Seconds, once through."""

    def read(self, position: int, wanted: int, *, a_law: bool, repeat: bool) -> tuple[bytes, int, int]:
        """What the engine would send next: (frame, bytes that are sound, new position). For tools and tests."""
