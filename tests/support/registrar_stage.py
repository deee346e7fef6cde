"""A registration of ours on a stage: the test plays the registrar REGISTER by REGISTER, and moves the clock."""

from __future__ import annotations

from softswitch.sip.digest import Credentials
from softswitch.sip.events import RegistrationChanged
from softswitch.sip.flow import Flow
from softswitch.sip.headers import NameAddr
from softswitch.sip.message import Request, parse_message
from softswitch.sip.registration.state import Pace
from softswitch.sip.uri import Uri
from tests.support.stage import UDP, US, Stage

SECOND = Flow("UDP", US, ("198.51.100.8", 5060))
ACCOUNT = NameAddr.parse("<sip:4930123@carrier.example>")
PACE = Pace(expires=600, first_retry=15.0, longest_retry=120.0, refused_retry=300.0, keep_alive=0.0)


def contact(flow: Flow) -> NameAddr:
    """Ours, on this flow."""
    transport = "" if flow.transport == "UDP" else f";transport={flow.transport.lower()}"
    return NameAddr.parse(f"<sip:carrier@{flow.local[0]}:{flow.local[1]}{transport}>")


class RegistrarStage(Stage):
    """The registration under test, its registrar, and what was sent where."""

    def __init__(self, *targets: Flow, pace: Pace = PACE) -> None:
        super().__init__()
        self.targets: list[Flow] = list(targets or (UDP,))
        self.kept_alive = 0
        self.seen: list[tuple[float, Flow, Request]] = []
        """Every REGISTER first sent, with its time; repetitions are left out."""
        self.registration = self.stack.register(
            registrar=Uri.parse("sip:carrier.example"),
            account=ACCOUNT,
            contact=contact,
            targets=lambda: self.targets,
            credentials=Credentials("4930123", "secret"),
            pace=pace,
        )

    def registers(self) -> list[tuple[Flow, Request]]:
        """The REGISTERs sent since the last look."""
        new: list[tuple[Flow, Request]] = []
        for flow, data in self.stack.to_send():
            if data == b"\r\n\r\n":
                self.kept_alive += 1
                continue
            message = parse_message(data)
            assert isinstance(message, Request)
            assert message.method == "REGISTER"
            if all(message.branch != known.branch for _, _, known in self.seen):
                self.seen.append((self.now, flow, message))
                new.append((flow, message))
        return new

    def register(self) -> tuple[Flow, Request]:
        """The only REGISTER sent since the last look."""
        (only,) = self.registers()
        return only

    def grant(self, flow: Flow, request: Request, expires: int = 600, *headers: tuple[str, str]) -> None:
        """200 with our contact."""
        ours = (request.headers.get("Contact") or "").partition(";expires")[0]
        listed = () if any(name == "Contact" for name, _ in headers) else (("Contact", f"{ours};expires={expires}"),)
        self.respond(flow, request, 200, *listed, *headers)

    def respond(self, flow: Flow, request: Request, status: int, *headers: tuple[str, str]) -> None:
        """Any answer."""
        self.hear(request.response(status, to_tag="registrar", headers=headers), flow)

    def registered(self) -> tuple[Flow, Request]:
        """Begin, and be registered at the first target that is asked."""
        self.registration.start(self.now)
        flow, request = self.register()
        self.grant(flow, request)
        assert self.news() == ["registered"]
        return flow, request

    def news(self) -> list[str]:
        """What was told since the last look."""
        return [event.news for event in self.events() if isinstance(event, RegistrationChanged)]

    def pass_time(self, seconds: float) -> list[tuple[float, Flow, Request]]:
        """Let time pass in silence; REGISTERs (not their repetitions) with the seconds since the beginning."""
        start, end = self.now, self.now + seconds
        sent: list[tuple[float, Flow, Request]] = []
        while (due := self.stack.next_timer()) is not None and due <= end:
            self.now = due
            self.stack.handle_timers(due)
            sent += [(round(due - start, 3), flow, request) for flow, request in self.registers()]
        self.now = end
        return sent

    def until_register(self, most: float = 10_000.0) -> tuple[float, Flow, Request]:
        """Let time pass until the next REGISTER: the seconds that took, where it went, and itself."""
        start = self.now
        while (due := self.stack.next_timer()) is not None and due <= start + most:
            self.now = due
            self.stack.handle_timers(due)
            for flow, request in self.registers():
                return due - start, flow, request
        raise AssertionError(f"no REGISTER within {most} s")
