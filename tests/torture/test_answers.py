"""RFC 4475 and RFC 5118, every message: what the running daemon answers, over UDP and over TCP.

Requests come from a trunk, registrations from the phones' network. What the RFCs leave open is settled as the README
beside this says; where they ask for something, it stands in the table.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.daemon import CONFIG, Daemon
from tests.support.loopback import HOST, PATIENCE, TcpPeer, options

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TRUNK, PHONES = "127.0.7.2", "127.0.7.3"
"""Sources of this test alone: most of the messages want their answer on port 5060."""
PORTS = (5060, 5050, 6050, 19823)
"""That the Vias name, of messages that are answered."""
NOTHING = ""
"""Neither answered nor anything else."""

ANSWERS = {
    # 3.1.1, valid.
    "wsinv": "481",  # its To has a tag of no dialog of ours (RFC 3261 12.2.2)
    "intmeth": "501",
    "esc01": "100",
    "escnull": "401",
    "esc02": "501",  # "the method name is not REGISTER"
    "lwsdisp": "200",
    "longreq": "100",
    "dblreq": "401",
    "semiuri": "200",
    "transports": "200",
    "mpart01": "405",
    "unreason": NOTHING,
    "noreason": NOTHING,
    # 3.1.2, invalid.
    "badinv01": "400",
    "clerr": "400",
    "ncl": "400",
    "scalar02": "400",
    "scalarlg": NOTHING,
    "quotbal": "400",
    "ltgtruri": "400",
    "lwsruri": "400",
    "lwsstart": "400",
    "trws": "400",
    "escruri": "400",
    "baddate": "100",  # "An element ... that does not care about the Date header field can ... process"
    "regbadct": "400",
    "badaspec": "400",
    "baddn": "400",
    "badvers": "505",
    "mismatch01": "400",
    "mismatch02": "501",  # "a 501 ... or a 400"
    "bigcode": NOTHING,
    # 3.2, 3.3 and 3.4, for those who understand more than syntax.
    "badbranch": "400",
    "insuf": "400",
    "unkscm": "416",
    "novelsc": "416",
    "unksm2": "401",  # whose address it is, only somebody who is known is told
    "bext01": "420",
    "invut": "415",
    "regaut01": "401",
    "multi01": "400",
    "mcl01": "400",
    "bcast": NOTHING,
    "zeromf": "200",  # an end point answers: Max-Forwards is for those who forward
    "cparam01": "401",
    "cparam02": "401",
    "regescrt": "401",
    "sdp01": "406",
    "inv2543": "100",
    # RFC 5118.
    "ipv6-good": "401",
    "ipv6-bad": "400",
    "port-ambiguous": "401",
    "port-unambiguous": "401",
    "via-received-param-with-delim": "481",
    "via-received-param-no-delim": "200",
    "ipv6-in-sdp": "488",  # this switch has its media on IPv4
    "mult-ip-in-header": "481",
    "mult-ip-in-sdp": "100",  # the other address in it is IPv4
    "ipv4-mapped-ipv6": "100",
    "ipv6-bug-abnf-3-colons": "200",  # "an implementation should be liberal"
    "ipv6-correct-abnf-2-colons": "200",
}
ON_A_STREAM = {
    "clerr": NOTHING,  # 3.1.2.2: what is missing may still come; the connection is cut when it does not
    "inv2543": "400",  # RFC 3261 18.3: a stream needs a Content-Length
}
CLOSED = {"ncl", "mcl01", "inv2543", "dblreq"}
"""After these nobody can tell where the next message of the stream begins."""
TOLD = {
    "bext01": b"Unsupported: nothingSupportsThis, nothingSupportsThisEither\r\n",
    "invut": b"Accept: application/sdp",
    "intmeth": b"Allow: INVITE",
    "mpart01": b"Allow: INVITE",
}


def messages() -> list[tuple[str, bytes]]:
    return [(path.stem, path.read_bytes()) for path in sorted(Path(__file__).parent.rglob("*.dat"))]


def source_of(data: bytes) -> str:
    return PHONES if data.startswith(b"REGISTER") else TRUNK


def call_id(data: bytes) -> bytes:
    """What an answer has in common with its request, however that is spelt."""
    for line in data.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon and name.strip().lower() in (b"call-id", b"i"):
            return value.strip()
    return b""


def tag(data: bytes) -> bytes:
    """The tag in an answer's To, b"" for one that has none."""
    to = next((line for line in data.split(b"\r\n") if line[:3].lower() in (b"to:", b"t: ", b"to ")), b"")
    return to.partition(b";tag=")[2]


def judge(name: str, expected: str, answer: bytes) -> list[str]:
    """What is wrong with an answer."""
    got = answer[8:11].decode()
    if got != expected:
        return [f"{name}: expected {expected or 'no answer'}, got {answer.splitlines()[0].decode() if answer else got}"]
    return [f"{name}: expected {TOLD[name]!r}, got {answer!r}"] if TOLD.get(name, b"") not in answer else []


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    async with Daemon(tmp_path) as child:
        child.write(CONFIG.replace('["127.0.0.2"]', f'["{TRUNK}"]').replace("127.0.0.3/32", f"{PHONES}/32"))
        await child.start()
        yield child


class Ears:
    """UDP sockets wherever an answer may go to."""

    def __init__(self) -> None:
        self._sockets: dict[tuple[str, int], socket.socket] = {}
        self._tags: set[bytes] = set()
        for host in (TRUNK, PHONES):
            for port in PORTS:
                self._sockets[host, port] = self._bound(host, port)

    @staticmethod
    def _bound(host: str, port: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        try:
            sock.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            pytest.fail(f"{host} port {port} is taken: these messages want their answers there; stop whoever has it")
        return sock

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        self._sockets[source_of(data), PORTS[0]].sendto(data, to)

    async def ask(self, data: bytes, to: tuple[str, int], *, provisional: bool = False) -> bytes:
        """The answer to this, at any port. Asked again as SIP does: some of these messages share branch and Call-ID,
        and until the transaction before is forgotten they count as its repetition, which is answered as it was."""
        mine = [sock for (host, _), sock in self._sockets.items() if host == source_of(data)]
        async with asyncio.timeout(PATIENCE):
            while True:
                self.send(data, to)
                for _ in range(50):
                    for sock in mine:
                        with contextlib.suppress(BlockingIOError):
                            found = sock.recv(65_536)
                            if self._answers(found, data) and (provisional or not found.startswith(b"SIP/2.0 1")):
                                self._tags.add(tag(found))
                                return found
                    await asyncio.sleep(0.01)

    def _answers(self, found: bytes, data: bytes) -> bool:
        if not found.startswith(b"SIP/2.0 ") or call_id(found) != call_id(data):
            return False
        return tag(found) in tag(data) or tag(found) not in self._tags

    def close(self) -> None:
        for sock in self._sockets.values():
            sock.close()


async def test_over_udp(daemon: Daemon) -> None:
    """Behind each message goes an OPTIONS: once that is answered, what was not answered never will be."""
    wrong: list[str] = []
    ears = Ears()
    switch = (HOST, daemon.sip)
    try:
        for name, data in messages():
            expected = ANSWERS[name]
            if not expected:
                ears.send(data, switch)
                assert (await ears.ask(options((TRUNK, PORTS[0])), switch)).startswith(b"SIP/2.0 200 "), name
                continue
            try:
                wrong += judge(name, expected, await ears.ask(data, switch, provisional=expected == "100"))
            except TimeoutError:
                wrong.append(f"{name}: expected {expected}, got no answer")
    finally:
        ears.close()
    assert wrong == []


async def test_over_tcp(daemon: Daemon) -> None:
    wrong: list[str] = []
    for name, data in messages():
        source = source_of(data)
        peer = await TcpPeer.connect((HOST, daemon.tcp), source)
        await peer.send(data)
        expected = ON_A_STREAM.get(name, ANSWERS[name])
        if expected:
            answer = await peer.hear()
            if expected != "100" and answer.startswith(b"SIP/2.0 1"):
                answer = await peer.hear()
            wrong += judge(name, expected, answer)
        elif name != "clerr":
            await peer.send(options((TRUNK, 5060), transport="TCP"))
            assert (await peer.hear()).startswith(b"SIP/2.0 200 "), name
        if name in CLOSED:
            with contextlib.suppress(EOFError):
                while True:
                    await peer.hear()
        peer.close()
    assert wrong == []
