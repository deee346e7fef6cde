"""The owner of one tap ring: packets from one leg on their way to the recording writer.

`media/record/tap.pxd` holds the ring itself (`tap_push`, `tap_close` for the worker) and the rule of its life.
"""

from typing_extensions import Buffer

class Tap:
    """Owns the memory of one ring; it is freed with the last reference. Made by `RecordingWriter.attach`."""

    leg: int

    def __init__(self, leg: int, capacity: int) -> None:
        """`capacity` in bytes, a power of two >= 4096; 16384 holds 1.7 s of G.711."""

    @property
    def address(self) -> int:
        """Where the `tap_ring` lies, for the command that hands it to the worker."""

    @property
    def closed(self) -> bool:
        """The producer has let go."""

    @property
    def overruns(self) -> int:
        """Packets that found the ring full."""

    def push(
        self,
        arrival_ns: int,
        ssrc: int,
        timestamp: int,
        sequence: int,
        payload_type: int,
        codec: int,
        payload: Buffer,
        *,
        clock_rate: int = 8000,
    ) -> bool:
        """`tap_push` for tools and tests: False = the ring was full. Never call it on a ring a worker holds."""

    def close(self) -> None:
        """`tap_close` in the worker's stead: only when the worker never got, or no longer has, the address."""
