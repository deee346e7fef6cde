"""SRTP sessions for the engine: made and freed here, used by its workers; see session.pxd."""

from media.srtp.material import KeyMaterial

class SrtpDirection:
    """One direction of one key."""

    address: int
    sends: bool
    ssrc: int
    any_source: bool
    twin: SrtpDirection | None

    def __init__(self, material: KeyMaterial, *, sends: bool, ssrc: int = 0, any_source: bool = False) -> None: ...
    def carry_over(self, material: KeyMaterial, ssrc: int, roc: int, sequence: int) -> None: ...
    def open(self, packet: bytes, *, rtcp: bool = False) -> bytes | str: ...
    def seal(self, packet: bytes, *, rtcp: bool = False) -> bytes | str: ...
