"""The media side of one leg: a port of the engine, and what SDP has settled about it (RFC 3264).

This is the only place where an `AudioAgreement` becomes engine commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.commands import (
    CloseLeg,
    Connect,
    Disconnect,
    PayloadFormat,
    SetDirection,
    SetFormats,
    SetRemote,
)
from softswitch.sdp.negotiate import Direction, Negotiation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from media.control import MediaEngine

    from media.commands import Command
    from softswitch.sdp.negotiate import AudioAgreement, AudioOffer, Codec, Format


class LegMedia:
    """One leg's port and negotiation. Created with the port open; `close()` gives it back, once."""

    __slots__ = ("_engine", "_last_answer", "_offered", "address", "agreement", "leg", "negotiation", "port")

    def __init__(self, engine: MediaEngine, *, label: str, group: str, advertised: str, session_id: int) -> None:
        """Open a port. Raises media.ports.PortsExhausted."""
        opened = engine.open_leg(label=label, group=group)
        self._engine = engine
        self.leg: int = opened.leg
        self.address = advertised
        self.port: int = opened.port
        self.negotiation = Negotiation(address=self.address, port=self.port, session_id=session_id)
        self.agreement: AudioAgreement | None = None
        self._offered: tuple[Codec, ...] = ()
        self._last_answer = b""

    # -- offers we make -----------------------------------------------------------------------------------------

    def offer(self, codecs: Sequence[Codec], direction: Direction = Direction.SENDRECV) -> bytes:
        """Our offer as SDP."""
        self._offered = tuple(codecs)
        return self.negotiation.make_offer(codecs, direction=direction)

    def take_answer(self, body: bytes) -> None:
        """Their answer to our offer. The same answer again (180, 183 and 200 often repeat it) changes nothing.

        A different second answer means another branch of a fork took over (RFC 3261 13.2.2.4): the same offer is
        answered anew. Raises SdpError.
        """
        if body == self._last_answer:
            return
        if self._last_answer and self._offered:
            self.negotiation.make_offer(self._offered)
        self._apply(self.negotiation.receive_answer(body))
        self._last_answer = body

    # -- offers they make ---------------------------------------------------------------------------------------

    def take_offer(self, body: bytes) -> AudioOffer:
        """Their offer, checked and held until `answer`. Raises SdpError."""
        return self.negotiation.receive_offer(body)

    def answer(self, codecs: Sequence[Codec], direction: Direction = Direction.SENDRECV) -> bytes:
        """Our answer as SDP; from here on it is in force. Raises SdpError(488) when nothing in `codecs` was offered."""
        body, agreement = self.negotiation.make_answer(codecs, direction=direction)
        self._offered = ()
        self._last_answer = b""
        self._apply(agreement)
        return body

    # -- the engine ---------------------------------------------------------------------------------------------

    def connect(self, other: LegMedia) -> None:
        """Relay between this leg and the other."""
        self._engine.post(Connect(self.leg, other.leg))

    def disconnect(self, other: LegMedia) -> None:
        """Undo `connect`."""
        self._engine.post(Disconnect(self.leg, other.leg))

    def post(self, command: Command) -> None:
        """Any other command for this leg (play, echo, tap)."""
        self._engine.post(command)

    def close(self) -> None:
        """Give the port back."""
        self._engine.post(CloseLeg(self.leg))

    def _apply(self, agreement: AudioAgreement) -> None:
        rtcp_address, rtcp_port = agreement.remote_rtcp
        direction = agreement.direction
        sends = direction in (Direction.SENDRECV, Direction.SENDONLY)
        receives = direction in (Direction.SENDRECV, Direction.RECVONLY)
        self._engine.post(
            SetFormats(self.leg, _payloads(agreement.receive), _payloads(agreement.send), agreement.ptime),
            SetRemote(
                self.leg,
                agreement.remote_address,
                agreement.remote_port,
                rtcp_address,
                rtcp_port,
                agreement.rtcp_mux,
            ),
            SetDirection(self.leg, send=sends and not agreement.on_hold, receive=receives),
        )
        self.agreement = agreement


def _payloads(formats: tuple[Format, ...]) -> tuple[PayloadFormat, ...]:
    return tuple(PayloadFormat(each.payload_type, each.codec.name, each.codec.clock_rate) for each in formats)
