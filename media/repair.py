"""What is done about lost packets on a browser's way: who may ask for them again, which formats repeat others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from media.commands import PayloadFormat
    from media.engine import EngineCore
    from media.legs import LegRecord

_RED = "red"
_NOT_AUDIO = {"telephone-event", "cn", _RED}

Formats = tuple["PayloadFormat", ...]


class LegRepair:
    """What was agreed on for one browser leg, told to its worker when it changes."""

    __slots__ = ("_nack", "_red", "_told")

    def __init__(self) -> None:
        self._nack = False
        self._red: tuple[int | None, int | None, int] = (None, None, 0)
        self._told: tuple[bool, int | None, int | None, int] = (False, None, None, 0)

    def take(self, receive: Formats, send: Formats) -> tuple[Formats, Formats]:
        """Keep what they say of redundancy (RFC 2198); gives the formats that are audio by themselves."""
        received = next((each.payload_type for each in receive if each.name.lower() == _RED), None)
        sent, of = None, 0
        for red in (each for each in send if each.name.lower() == _RED):
            for each in send:
                if each.name.lower() not in _NOT_AUDIO and each.clock_rate == red.clock_rate:
                    sent, of = red.payload_type, each.payload_type
                    break
        self._red = (received, sent, of)
        return _plain(receive), _plain(send)

    def set_nack(self, *, on: bool) -> None:
        """Lost packets may be asked for again, or no longer."""
        self._nack = on

    def tell(self, core: EngineCore, record: LegRecord) -> None:
        """Let the worker do so from now on."""
        wanted = (self._nack, *self._red)
        if wanted != self._told:
            self._told = wanted
            core.set_repair(record.leg, *wanted)


def _plain(formats: Formats) -> Formats:
    return tuple(each for each in formats if each.name.lower() != _RED)
