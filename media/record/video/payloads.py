"""How coded pictures lie in RTP packets: a table of codecs, each with its own file.

A payload that breaks its format raises ValueError: the picture is lost, nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from media.record.video.av1 import Av1
from media.record.video.h264 import H264
from media.record.video.vp8 import Vp8
from media.record.video.vp9 import Vp9

if TYPE_CHECKING:
    from collections.abc import Sequence


class Payloads(Protocol):
    """One stream's packets of one codec. Keeps what later pictures need of earlier ones (parameter sets)."""

    codec: str
    """FFmpeg's name of it."""

    def begins(self, payload: bytes) -> bool:
        """Whether a picture certainly begins with this packet, whatever came before it."""

    def join(self, payloads: Sequence[bytes]) -> bytes:
        """One picture of all its packets, in order, as a file holds it. Raises ValueError."""

    def is_key(self, picture: bytes) -> bool:
        """Whether a decoder can begin with it."""


_KNOWN: dict[str, type[Payloads]] = {"vp8": Vp8, "vp9": Vp9, "h264": H264, "av1": Av1}


def payloads_of(name: str) -> Payloads | None:
    """By the encoding name of SDP, in any case; None: pictures of that kind cannot be put together here."""
    known = _KNOWN.get(name.lower())
    return None if known is None else known()
