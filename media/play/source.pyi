"""One sound, shared by all legs that play it: PCM, and ready packets for every codec somebody has asked for.

Positions and lengths count ticks of 1/8000 s.
"""

from collections.abc import Sequence

LONGEST_PACKET_MS: int
"""A track of units that are joined to packets ends with this much silence."""

class PlaySource:
    """Whoever posts Play keeps this object until the playback is reported finished. Only ever grows."""

    narrow: bytes
    """PCM at 8 kHz."""

    def __init__(self, narrow: bytes) -> None:
        """From 16-bit PCM at 8 kHz; both laws of G.711 are made at once. Raises ValueError when it is empty or odd."""

    @property
    def address(self) -> int:
        """Where the C `play_source` lies, for the command that hands it to the worker."""

    @property
    def length(self) -> int:
        """Ticks, once through."""

    @property
    def duration(self) -> float:
        """Seconds, once through."""

    @property
    def wide(self) -> bytes | None:
        """PCM at 16 kHz, once somebody needed it."""

    def widen(self, wide: bytes) -> None:
        """Give the PCM at 16 kHz, twice as many samples as `length`; a second time changes nothing."""

    def has_track(self, codec: int, clock_rate: int, ticks: int) -> bool:
        """Whether packets of `ticks` are ready for this codec (number of the registry) and RTP clock."""

    def add_track(self, codec: int, clock_rate: int, octets: bytes | Sequence[bytes], unit_ticks: int) -> None:
        """`octets`: units of one size, with LONGEST_PACKET_MS of silence behind the sound; or a list of whole packets.

        Raises ValueError when that does not cover the sound.
        """

    def track(self, codec: int) -> bytes | None:
        """The octets of the first track of this codec, its silence included."""

    def read(
        self, position: int, ticks: int, codec: int, *, repeat: bool = False, clock_rate: int = 8000
    ) -> tuple[bytes, int]:
        """What the engine would send next: (payload, empty when it is over; new position). For tools and tests.

        Raises LookupError without such a track.
        """
