"""A page with a camera, as far as its descriptions tell, and a switch whose callers are such pages."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from softswitch.b2bua.web import WebTerms
from softswitch.sdp.codec import KNOWN_CODECS
from softswitch.sdp.description import SessionDescription
from softswitch.sip.events import Answered, InviteReceived, OfferAnswered, OfferReceived, Progressed
from softswitch.sip.flow import Flow
from tests.support.phone import Phone, Plan
from tests.support.puppets import a_moment, act
from tests.support.quiet_web import QuietWeb, browser_sdp
from tests.support.switch_world import SWITCH, World, to

if TYPE_CHECKING:
    from softswitch.endpoints.trunk import Trunk
    from softswitch.sip.events import Event
    from softswitch.sip.session.session import InviteSession

BROWSERS = (5, 6, 7)
WEB = WebTerms(codecs=tuple(KNOWN_CODECS[name] for name in ("opus", "pcma", "pcmu")), reconnect=30.0)
_REVERSED = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


def with_video(body: bytes, direction: str, ssrc: int, formats: tuple[tuple[int, str], ...], mid: str = "1") -> bytes:
    """The same with a video section behind it."""
    numbers = " ".join(str(number) for number, _ in formats)
    maps = "".join(
        f"a=rtpmap:{number} {name}/90000\r\na=rtcp-fb:{number} nack pli\r\n"
        + (f"a=fmtp:{number} apt={formats[0][0]}\r\n" if name == "rtx" else "")
        for number, name in formats
    )
    lines = (
        f"m=video 9 UDP/TLS/RTP/SAVPF {numbers}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={direction}\r\na=rtcp-mux\r\n"
        f"{maps}a=msid:stream camera{ssrc}\r\na=ssrc:{ssrc} cname:page\r\n"
    )
    return body.replace(b"a=group:BUNDLE 0\r\n", f"a=group:BUNDLE 0 {mid}\r\n".encode()) + lines.encode()


def video_line(body: bytes) -> str:
    """The m=video line and its direction; "": there is no such section."""
    for media in SessionDescription.parse(body).media:
        if media.media == "video":
            directions = [each[2:] for each in media.lines if each[2:] in _REVERSED]
            return f"{media.port and 'on'} {' '.join(media.formats)} {' '.join(directions)}"
    return ""


REFUSED = b"m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n"


class Page(Phone):
    """`camera`: the direction of its video; None: it takes none."""

    camera: str | None = "sendrecv"
    direction = "sendrecv"
    formats: tuple[tuple[int, str], ...] = ((96, "VP8"), (97, "rtx"), (98, "H264"))
    ssrc = 1000
    version = 1
    offered = b""
    """What was offered last."""
    refuses = 0
    """Status a re-INVITE is answered with."""
    had_camera = False
    mute = False
    """Leaves offers unanswered."""

    def begin(self, number: str) -> InviteSession:
        """Call with what it has."""
        return self.call(number, SWITCH, body=self.describe("actpass"))

    def describe(self, setup: str) -> bytes:
        body = browser_sdp(setup=setup, direction=self.direction, version=self.version)
        if self.camera is None:
            return body + REFUSED if self.had_camera else body
        self.had_camera = True
        return with_video(body, self.camera, self.ssrc, self.formats)

    def change(self, session: InviteSession) -> None:
        """re-INVITE with what it has now."""
        self.version += 1
        act(self, lambda now: session.reinvite(self.describe("actpass"), now))

    async def ask(self, session: InviteSession, world: World) -> bytes:
        """INVITE without a description, answered in its ACK (RFC 3261 14.1): the offer."""
        dialog, flow = session.dialog, session.flow
        assert dialog is not None
        number, back, before = session.next_cseq(), Flow(flow.transport, flow.remote, flow.local), len(world.wire.log)
        world.driver.received(dialog.request("INVITE", number, f"z9hG4bKask{number}").encode(), back)
        await a_moment()
        ours = [data for _, _, to_, data in world.wire.log[before:] if to_ == self.address]
        (self.offered,) = {data.partition(b"\r\n\r\n")[2] for data in ours if data.startswith(b"SIP/2.0 200 ")}
        headers = "Content-Type: application/sdp\r\n"
        ack = dialog.request("ACK", number, f"z9hG4bKack{number}", headers=headers, body=self._answer())
        world.driver.received(ack.encode(), back)
        await a_moment()
        return self.offered

    def lines(self) -> list[str]:
        """The m=video lines of what it was answered and offered, in order."""
        found = []
        for event in self.events:
            body = event.session.request.body if isinstance(event, InviteReceived) else getattr(event, "body", b"")
            if isinstance(event, InviteReceived | Progressed | Answered | OfferAnswered | OfferReceived) and body:
                found.append(video_line(body))
        return found

    def _answer(self) -> bytes:
        self.version += 1
        body = browser_sdp(setup="active", direction=self.direction, version=self.version)
        offered = video_line(self.offered)
        if offered.startswith("on") and self.camera is not None:
            numbers = [int(each) for each in offered.split()[1:-1]]
            both = tuple(each for each in self.formats if each[0] in numbers)
            allowed = _REVERSED[offered.split()[-1]]
            direction = self.camera if allowed == "sendrecv" else allowed if self.camera == "sendrecv" else self.camera
            return with_video(body, direction, self.ssrc, both)
        if offered:
            return body + REFUSED
        return body

    def _dispatch(self, event: Event) -> None:
        if isinstance(event, InviteReceived):
            self.offered = event.session.request.body
        elif isinstance(event, OfferReceived):
            self.offered = event.body
            if self.refuses or self.mute:
                self.events.append(event)
                if self.refuses:
                    act(self, lambda now: event.session.reject_reinvite(self.refuses, now))
                return
        super()._dispatch(event)


class VideoWorld(World):
    """Callers are browsers; so are `t5` to `t7`."""

    def __init__(self, *actions: object, voices: int = 0, video_kbit: int | None = None) -> None:
        """`voices`: the place of a browser that may have no pictures. `video_kbit`: the most that all may send."""
        self._voices = voices
        self._web = replace(WEB, video_kbit=video_kbit)
        routes = {str(number): [to(number)] for number in (3, 5)}
        super().__init__(Random(1), actions or [to(7)], routes=routes, own_trunks=True)  # type: ignore[arg-type]
        self.switch.web = QuietWeb()

    def _inbound(self, *args: object, **more: object) -> Trunk:
        return self._of_browsers(super()._inbound(*args, **more))  # type: ignore[arg-type]

    def _called(self, *args: object, **more: object) -> list[Trunk]:
        trunks = super()._called(*args, **more)  # type: ignore[arg-type]
        browsers = {f"t{number}" for number in BROWSERS}
        silent = f"t{self._voices}"
        return [
            self._of_browsers(each, video=each.name != silent) if each.name in browsers else each for each in trunks
        ]

    def page(self, number: int, plan: Plan | None = None) -> Page:
        """A browser at this number's place."""
        page = self.phones[number] = Page(self.wire, (f"198.51.100.{number}", 5060), self.token, plan)
        page.ssrc = 1000 * number
        return page

    def stories(self) -> list[str]:
        """What has been told, `event why`, of the only running call."""
        (running,) = self.supervisor.calls.values()
        return [line.event for line in running.call.story.lines]

    def _of_browsers(self, trunk: Trunk, *, video: bool = True) -> Trunk:
        web = replace(self._web, video=video)
        return replace(trunk, terms=replace(trunk.terms, codecs=WEB.codecs, web=web, is_browser=True))
