"""What legs and calls may reach: SIP driver, media engine, clock, our own addresses. Built once by `app`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from media.events import (
    ConnectionRecovered,
    ConnectionWeak,
    DigitReceived,
    EngineDegraded,
    HandshakeReceived,
    LegGone,
    LinkHealthy,
    LinkUnhealthy,
    MarkReached,
    MediaStarted,
    MediaTimeout,
    PlaybackFinished,
    QualityReport,
    RecordingFailed,
    RecordingFinished,
    RoomChanged,
    RoomClosed,
)
from softswitch.b2bua.browser import Browser, reached
from softswitch.b2bua.cause import ADDRESS_INCOMPLETE, NOT_ACCEPTABLE
from softswitch.b2bua.codec_choice import towards
from softswitch.b2bua.conference import Conferences
from softswitch.b2bua.digits import pressed
from softswitch.b2bua.invitation import CLEAR, Introduction, admitted, in_uri
from softswitch.b2bua.leg import CallFailed
from softswitch.b2bua.leg_media import LegMedia
from softswitch.b2bua.outbound_leg import OutboundLeg
from softswitch.b2bua.video import pictured, shown
from softswitch.sip.errors import LocalProtocolError
from softswitch.sip.flow import transport_parameter
from softswitch.sip.headers import NameAddr
from softswitch.sip.incoming import secure_contact
from softswitch.sip.loops import HEADER as CALL_PATH
from softswitch.sip.parameters import NO_PARAMETERS, Parameters
from softswitch.sip.session.terms import trickling
from softswitch.sip.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from media.events import Event as MediaEvent
    from softswitch.b2bua.channels import Channels
    from softswitch.b2bua.connection import QualityNews
    from softswitch.b2bua.destination import Destination
    from softswitch.b2bua.ladder import Ladder
    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.leg_media import MediaDoor
    from softswitch.b2bua.terms import MediaTerms
    from softswitch.b2bua.web import WebDoor, WebNews
    from softswitch.sip.flow import Flow
    from softswitch.transport.driver import SipDriver

    LegEvent = MediaStarted | MediaTimeout | DigitReceived | PlaybackFinished | QualityNews | QualityReport


class Switchboard:
    """The collaborators of every leg. Keeps no calls; only which leg an engine leg, and who a recording, belongs to."""

    def __init__(
        self,
        *,
        driver: SipDriver,
        engine: MediaDoor,
        number: Callable[[], int],
        media_address: str,
        ladder: Ladder,
        channels: Channels,
        warn: Callable[[str], None],
        mask_digits: bool = False,
    ) -> None:
        """`number()` gives fresh positive integers. `media_address` goes into SDP; "": the address SIP uses.

        `warn` takes what concerns the node rather than a call.
        """
        self.driver = driver
        self.engine = engine
        self.clock = driver.now
        self.number = number
        self.ladder = ladder
        self.channels = channels
        self._media_address = media_address
        self._warn = warn
        self.mask_digits = mask_digits
        self._by_media: dict[int, Leg] = {}
        self._keys_in_clear: set[str] = set()
        self.conferences = Conferences(engine, number)
        self.recordings: dict[int, Callable[[RecordingFinished | RecordingFailed], None]] = {}
        self.web: WebDoor | None = None
        """ICE and DTLS for the legs of browsers; None: there are none."""
        self.marks: dict[int, Callable[[int], None]] = {}
        """Who is told of the marks a stream has reached, by its number."""

    # -- legs ---------------------------------------------------------------------------------------------------

    def invite(
        self,
        destination: Destination,
        caller: Leg,
        group: str,
        kind: type[OutboundLeg] = OutboundLeg,
    ) -> OutboundLeg:
        """Send an INVITE to `destination` for `caller`.

        Raises media.ports.PortsExhausted, or CallFailed: 488 when the two sides have no codec in common, 503 when
        the destination has as many calls, or calls a second, as it may have, 483 when the call has come through too
        many switches, 484 when the destination cannot be written as a SIP message, 480 when the call came with a sips:
        URI and the way there has no TLS.
        """
        forwards = admitted(destination, caller, self.channels, self.clock())
        terms = reached(destination.terms, destination.flow)
        codecs = towards(terms.codecs, caller.can_do())
        if not codecs:
            raise caller.incompatible_with(destination)
        flow, told = destination.flow, Introduction.of(destination, caller)
        media = self._open(destination.name, group, flow, terms)
        try:
            with self.driver.turn() as stack:
                headers = told.headers(forwards)
                if destination.call_path:
                    headers = (*headers, (CALL_PATH, stack.call_path(caller.session)))
                session = stack.invite(
                    uri=destination.uri,
                    from_=told.shown.from_,
                    to=destination.to,
                    contact=self.contact(flow, secure=destination.uri.scheme == "sips"),
                    flow=flow,
                    routes=destination.routes,
                    headers=headers,
                    credentials=destination.credentials,
                    body=media.offer(codecs, video=shown(caller) if pictured(terms) else None),
                    now=self.clock(),
                    terms=trickling(destination.session) if terms.is_browser else destination.session,
                )
                leg = kind(
                    self,
                    caller.story,
                    name=destination.name,
                    party=destination.to,
                    terms=terms,
                    session=session,
                )
                leg.group = group
                leg.media = media
                leg.number = destination.number
                leg.told = told.origin
                self._by_media[media.leg] = leg
                self.ladder.claim(session.call_id, leg)
        except LocalProtocolError as error:
            media.close()
            caller.story.warn("not dialled", destination=destination.name, error=str(error))
            raise CallFailed(ADDRESS_INCOMPLETE) from error
        except BaseException:
            media.close()
            raise
        caller.story.tell(
            "dialled",
            leg=leg.name,
            uri=str(destination.uri),
            via=flow.transport,
            caller=told.shown.from_.uri.user,
            instead_of=told.shown.replaced or None,
        )
        return leg

    def open_media(self, leg: Leg, *, in_session: bool = False) -> LegMedia:
        """A port for a leg that has none yet; `in_session`: its far end has used another one so far.

        Raises media.ports.PortsExhausted.
        """
        media = self._open(leg.name, leg.group, leg.session.flow, leg.terms, in_session=in_session)
        self._by_media[media.leg] = leg
        return media

    def _open(self, label: str, group: str, flow: Flow, terms: MediaTerms, *, in_session: bool = False) -> LegMedia:
        """A port for a leg whose signalling goes over `flow`."""
        return LegMedia(
            self.engine,
            label=label,
            group=group,
            advertised=self._media_address or flow.local[0],
            session_id=self.number(),
            peer=flow.remote[0],
            terms=terms,
            browser=partial(self._browser, in_session) if terms.is_browser else None,
        )

    def _browser(self, in_session: bool, leg: int, address: str, port: int) -> Browser:
        """What is known of the browser at the far end of an engine's leg: nothing so far."""
        if self.web is None:
            raise CallFailed(NOT_ACCEPTABLE)
        changed = partial(self._web_changed, leg)
        return Browser(self.web.open(leg, address=address, port=port, on_state=changed, in_session=in_session))

    def _web_changed(self, number: int, news: WebNews) -> None:
        leg = self._by_media.get(number)
        if leg is not None:
            leg.web_changed(news)

    def contact(self, flow: Flow, *, secure: bool = False) -> NameAddr:
        """Our Contact on this flow; `secure`: a sips: URI, where the dialog has one (RFC 3261 8.1.1.8, 12.1.1)."""
        if secure:
            return secure_contact(flow)
        host, port = flow.local
        transport = transport_parameter(flow.transport)
        parameters = Parameters((("transport", transport),)) if transport else NO_PARAMETERS
        return NameAddr("", Uri("sip", None, in_uri(host), port, parameters), NO_PARAMETERS)

    def keys_exchanged(self, leg: Leg) -> None:
        """SRTP was agreed with this leg's far end. Warns, once for each, when its keys went there for all to read."""
        transport = leg.session.flow.transport
        if transport in CLEAR and leg.name not in self._keys_in_clear:
            self._keys_in_clear.add(leg.name)
            self._warn(
                f"{leg.name}: SRTP keys travel in the clear, signalling there is {transport} and not TLS: who can read "
                "it can decrypt the call; encrypt the way there (TLS, VPN) or know that it is safe"
            )

    # -- what the engine reports --------------------------------------------------------------------------------

    def media_event(self, event: MediaEvent) -> None:
        """Hand one engine event to the leg or recording it is about; news of forgotten legs is dropped."""
        match event:
            case RecordingFinished(recording=recording) | RecordingFailed(recording=recording):
                told = self.recordings.get(recording)
                if told is not None:
                    told(event)
            case EngineDegraded(reason=reason):
                self._warn(reason)
            case MarkReached(stream=stream, mark=mark):
                reached = self.marks.get(stream)
                if reached is not None:
                    reached(mark)
            case RoomChanged() | RoomClosed():
                pass  # who is in a room is known from who was let in
            case HandshakeReceived():
                if self.web is not None:
                    self.web.receive(event)
            case LegGone():
                leg = self._by_media.pop(event.leg, None)
                if leg is not None:
                    leg.media_gone(event)
            case _:
                leg = self._by_media.get(event.leg)
                if leg is not None:
                    _tell(leg, event)


def _tell(leg: Leg, event: LegEvent) -> None:
    match event:
        case MediaStarted():
            leg.story.tell("media started", leg=leg.name, remote=f"{event.address}:{event.port}")
            leg.media_started()
        case MediaTimeout():
            leg.lost_media(event.silent_for)
        case DigitReceived():
            pressed(leg, event.digit, event.duration_ms, by_info=False)
        case PlaybackFinished():
            leg.playback_finished(event)
        case ConnectionWeak() | ConnectionRecovered() | LinkUnhealthy() | LinkHealthy():
            leg.connection_changed(event)
        case QualityReport():
            leg.connection.heard(event)
