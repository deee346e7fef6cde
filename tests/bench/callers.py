"""SIP clients for the bench: alice calls through the switch, bob answers. Own templates over UDP, no product code.

A thread of their own runs them, so that probes, refreshes and BYEs are answered while a row is being measured.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from media.srtp.material import key_length

if TYPE_CHECKING:
    from collections.abc import Coroutine

Address = tuple[str, int]
T = TypeVar("T")
AT_ONCE = 20  # INVITEs waiting for their answer, so that no burst overruns a socket
RESPONSE_LIMIT_SECONDS = 10.0
RETRANSMIT_SECONDS = 0.5  # T1

SECURE_SDP = (
    "v=0\r\no=bench 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio {port} RTP/SAVP 8\r\na=rtpmap:8 PCMA/8000\r\na=crypto:1 {suite} inline:{key}\r\na=ptime:20\r\n"
)
SDP = (
    "v=0\r\no=bench 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=ptime:20\r\n"
)
MEDIA_HOST = "127.0.0.1"


class CallError(Exception):
    """A call did not come about, or ended by itself."""


@dataclass(slots=True)
class Call:
    """One call of alice's, and its other end at bob's."""

    number: int
    media_ports: tuple[int, int]
    call_id: str = field(default_factory=lambda: secrets.token_hex(8))
    tag: str = field(default_factory=lambda: secrets.token_hex(4))
    branch: str = ""
    to: str = ""  # with the switch's tag, once it answered
    target: str = ""  # the switch's Contact
    invited_at: float = 0.0
    arrived_at: float = 0.0  # at bob
    towards_a: Address | None = None  # where the switch listens on alice's leg
    towards_b: Address | None = None
    keys: tuple[bytes, bytes] | None = None  # alice's and the switch's, where alice's leg is SRTP
    response: asyncio.Future[tuple[int, str]] | None = None


def header(message: str, name: str) -> str:
    """Return the first header of that (canonical) name, "" without one."""
    start = message.find(f"\r\n{name}: ")
    if start < 0:
        return ""
    start += len(name) + 4
    return message[start : message.index("\r\n", start)]


def media_address(message: str) -> Address:
    """Return where the SDP of a message says audio goes."""
    body = message[message.index("\r\n\r\n") :]
    host = body[body.index("c=IN IP4 ") + 9 :].split(None, 1)[0]
    port = body[body.index("m=audio ") + 8 :].split(None, 1)[0]
    return host, int(port)


def answered_key(message: str) -> bytes:
    """Return the key and salt that the SDP of a message carries."""
    return base64.b64decode(message.partition(" inline:")[2].partition("\r\n")[0])


class Alice(asyncio.DatagramProtocol):
    """The caller's side: one transaction at a time per call."""

    def __init__(self, switch: Address, suite: str = "") -> None:
        """`suite`: of SRTP; "" for plain RTP."""
        self.switch = switch
        self._suite = suite
        self.calls: dict[str, Call] = {}
        self.ended_by_switch = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the socket."""
        transport = cast("asyncio.DatagramTransport", transport)
        self.transport = transport
        self.host, self.port = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, address: Address) -> None:
        """Complete the transaction a final response belongs to; answer BYE and OPTIONS."""
        message = data.decode(errors="replace")
        if not message.startswith("SIP/2.0 "):
            if message.startswith("BYE "):
                self.ended_by_switch += 1
            self.transport.sendto(answer(message, 200).encode(), address)
            return
        call = self.calls.get(header(message, "Call-ID"))
        status = int(message[8:11])
        if call is None or call.response is None or status < 200:
            return
        if call.branch not in header(message, "Via"):
            return
        if not call.response.done():
            call.response.set_result((status, message))

    async def invite(self, call: Call) -> None:
        """Set one call up. Raises CallError when it is refused or nobody answers."""
        self.calls[call.call_id] = call
        key = secrets.token_bytes(key_length(self._suite)) if self._suite else b""
        sdp = (SECURE_SDP if key else SDP).format(
            host=MEDIA_HOST, port=call.media_ports[0], suite=self._suite, key=base64.b64encode(key).decode()
        )
        call.to = f"<sip:+4989{call.number:07}@{self.switch[0]}>"
        call.target = f"sip:+4989{call.number:07}@{self.switch[0]}:{self.switch[1]}"
        call.invited_at = time.monotonic()
        status, message = await self._request(
            call, "INVITE", 1, f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}"
        )
        if status < 300:
            call.to = header(message, "To")
            call.target = header(message, "Contact").partition("<")[2].partition(">")[0]
            call.towards_a = media_address(message)
            call.keys = (key, answered_key(message)) if key else None
        call.branch = call.branch if status >= 300 else f"z9hG4bK{secrets.token_hex(8)}"
        self._send(call, "ACK", 1, "Content-Length: 0\r\n\r\n")
        if status >= 300:
            raise CallError(f"call {call.number} was refused: {message.partition(chr(13))[0]}")

    async def bye(self, call: Call) -> None:
        """Hang up. Raises CallError unless the switch agrees."""
        status, _ = await self._request(call, "BYE", 2, "Content-Length: 0\r\n\r\n")
        del self.calls[call.call_id]
        if status != 200:
            raise CallError(f"BYE of call {call.number} was answered {status}")

    async def _request(self, call: Call, method: str, cseq: int, rest: str) -> tuple[int, str]:
        call.branch = f"z9hG4bK{secrets.token_hex(8)}"
        call.response = asyncio.get_running_loop().create_future()
        deadline = time.monotonic() + RESPONSE_LIMIT_SECONDS
        while time.monotonic() < deadline:
            self._send(call, method, cseq, rest)
            done, _ = await asyncio.wait({call.response}, timeout=RETRANSMIT_SECONDS)
            if done:
                return call.response.result()
        raise CallError(f"{method} of call {call.number}: no final response in {RESPONSE_LIMIT_SECONDS:.0f} s")

    def _send(self, call: Call, method: str, cseq: int, rest: str) -> None:
        message = (
            f"{method} {call.target} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.host}:{self.port};branch={call.branch};rport\r\n"
            "Max-Forwards: 70\r\n"
            f"From: <sip:+4930999@{self.host}>;tag={call.tag}\r\n"
            f"To: {call.to}\r\n"
            f"Call-ID: {call.call_id}\r\n"
            f"CSeq: {cseq} {method}\r\n"
            f"Contact: <sip:alice@{self.host}:{self.port}>\r\n"
            f"{rest}"
        )
        self.transport.sendto(message.encode(), self.switch)


class Bob(asyncio.DatagramProtocol):
    """The called side: answers every INVITE at once with the SDP its call was given."""

    def __init__(self) -> None:
        self.expected: dict[int, Call] = {}
        self.answered: dict[str, bytes] = {}  # by Call-ID, for retransmissions
        self.ended_by_switch = 0
        self.duplicates = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the socket."""
        transport = cast("asyncio.DatagramTransport", transport)
        self.transport = transport
        self.host, self.port = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, address: Address) -> None:
        """Answer a request."""
        now = time.monotonic()
        message = data.decode(errors="replace")
        method = message.partition(" ")[0]
        if method == "INVITE":
            self._invited(message, address, now)
        elif method not in {"ACK", "SIP/2.0"}:
            if method == "BYE":
                self.answered.pop(header(message, "Call-ID"), None)
            self.transport.sendto(answer(message, 200).encode(), address)

    def _invited(self, message: str, address: Address, now: float) -> None:
        call_id = header(message, "Call-ID")
        if call_id in self.answered:
            self.duplicates += 1
        else:
            number = int(message.partition("@")[0][-7:])
            call = self.expected.pop(number)
            call.arrived_at = now
            call.towards_b = media_address(message)
            sdp = SDP.format(host=MEDIA_HOST, port=call.media_ports[1])
            contact = f"<sip:bob@{self.host}:{self.port}>"
            self.answered[call_id] = answer(message, 200, contact=contact, sdp=sdp).encode()
        self.transport.sendto(self.answered[call_id], address)


def answer(request: str, status: int, *, contact: str = "", sdp: str = "") -> str:
    """Return a final response to a request; our tag is drawn from its Call-ID, so that it stays the same."""
    head, _, _ = request.partition("\r\n\r\n")
    copied = [line for line in head.split("\r\n")[1:] if line.partition(":")[0] in COPIED]
    if ";tag=" not in header(request, "To"):
        tag = header(request, "Call-ID").partition("@")[0][-8:]
        copied = [f"{line};tag={tag}" if line.startswith("To:") else line for line in copied]
    lines = [f"SIP/2.0 {status} OK", *copied]
    if contact:
        lines.append(f"Contact: {contact}")
    if sdp:
        lines.append("Content-Type: application/sdp")
    return "\r\n".join([*lines, f"Content-Length: {len(sdp)}", "", sdp])


COPIED = {"Via", "From", "To", "Call-ID", "CSeq", "Record-Route"}


class Callers:
    """Alice and Bob on a thread with a loop of its own; every method blocks until it is done."""

    def __init__(self, alice: Address, bob: Address, switch: Address, suite: str = "") -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="callers", daemon=True)
        self._thread.start()
        self.alice, self.bob = self._run(self._open(alice, bob, switch, suite))
        self.bob_port: int = self.bob.port

    @staticmethod
    async def _open(alice: Address, bob: Address, switch: Address, suite: str) -> tuple[Alice, Bob]:
        loop = asyncio.get_running_loop()
        _, caller = await loop.create_datagram_endpoint(lambda: Alice(switch, suite), local_addr=alice)
        _, called = await loop.create_datagram_endpoint(Bob, local_addr=bob)
        return caller, called

    def bridge(self, media_ports: dict[int, tuple[int, int]]) -> dict[int, Call]:
        """Set calls up, by number; they say where the switch listens on both legs of each."""
        calls = self._run(self._bridge(media_ports))
        return {call.number: call for call in calls if call.towards_a and call.towards_b}

    def listen(self, media_ports: dict[int, int]) -> None:
        """Set up calls that the switch itself answers, by number. Raises CallError when one fails."""
        self._run(self._bridge({number: (port, port) for number, port in media_ports.items()}))

    def hang_up_all(self) -> None:
        """Hang every call up."""
        self._run(self._hang_up(list(self.alice.calls.values())))

    def paced(self, rate: float, seconds: float, hold: float) -> list[Call]:
        """Place calls at an even rate, each held that long, then hung up. Raises CallError when one fails."""
        return self._run(self._paced(rate, seconds, hold))

    @property
    def ended_by_switch(self) -> int:
        """Count BYEs nobody here asked for on alice's side."""
        return self.alice.ended_by_switch

    def close(self) -> None:
        """Close the sockets and end the thread."""
        self._loop.call_soon_threadsafe(self.alice.transport.close)
        self._loop.call_soon_threadsafe(self.bob.transport.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _bridge(self, media_ports: dict[int, tuple[int, int]]) -> list[Call]:
        calls = [Call(number, ports) for number, ports in media_ports.items()]
        self.bob.expected.update({call.number: call for call in calls})
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(call: Call) -> None:
            async with gate:
                await self.alice.invite(call)

        await asyncio.gather(*(one(call) for call in calls))
        return calls

    async def _hang_up(self, calls: list[Call]) -> None:
        for start in range(0, len(calls), AT_ONCE):
            await asyncio.gather(*(self.alice.bye(call) for call in calls[start : start + AT_ONCE]))

    async def _paced(self, rate: float, seconds: float, hold: float) -> list[Call]:
        first = 1_000_000
        calls = [Call(first + n, (40000, 40002)) for n in range(int(rate * seconds))]
        self.bob.expected.update({call.number: call for call in calls})
        loop = asyncio.get_running_loop()
        start = loop.time()

        async def one(n: int, call: Call) -> None:
            await asyncio.sleep(start + n / rate - loop.time())
            await self.alice.invite(call)
            await asyncio.sleep(hold)
            await self.alice.bye(call)

        await asyncio.gather(*(one(n, call) for n, call in enumerate(calls)))
        return calls
