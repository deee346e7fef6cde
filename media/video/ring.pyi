"""The owner and reader of one leg's video ring: packets of one far end on their way to a recording.

Make one, give its `address` to `EngineCore.start_video_tap`, `read` it from one thread until it is `closed` and then
empty; only then let it go. When the leg was gone already, `close` it yourself.
"""

VideoEntry = tuple[int, int, bool, int, int, int, bytes]
"""(nanoseconds of CLOCK_MONOTONIC, payload type, whether it repairs, SSRC, timestamp, sequence number, RTP packet).

Payload type 200 is a moment instead (media.video.tap): what this SSRC captured under this timestamp belongs to audio of
those nanoseconds."""

class VideoTap:
    """Owns the memory of one ring."""

    def __init__(self, capacity: int = 1 << 20) -> None:
        """`capacity` in bytes, a power of two >= 4096; a megabyte holds 3 s of 2.5 Mbit/s."""

    @property
    def address(self) -> int: ...
    @property
    def closed(self) -> bool:
        """The engine has let go: what is read now is the last."""

    @property
    def overruns(self) -> int:
        """Packets that found the ring full."""

    def read(self, most: int = 4096) -> list[VideoEntry]:
        """The oldest entries, taken out."""

    def close(self) -> None:
        """In the engine's stead: only when it never got the address."""
