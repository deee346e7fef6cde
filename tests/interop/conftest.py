"""A switch with one trunk and two phones, and the speech they say."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from softswitch.demo.handset import Handset
from softswitch.demo.node import HOST, Node, free_port
from softswitch.demo.scene import CARRIER_SAYS, DESK_SAYS
from softswitch.demo.speech import speak
from tests.support.baresip import Baresip
from tests.support.programs import required
from tests.support.sipp import Sipp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ROOT = Path(__file__).parent.parent.parent
CARRIER = "127.0.0.2"
CALLER = "127.0.0.5"
DESK = "127.0.0.3"
WORKSHOP = "127.0.0.4"
TO_DESK, TO_WORKSHOP, TO_CARRIER = "+4930123401", "+4930123402", "+49891234567"

CONFIG = """\
sip:
  listen:
    - {{transport: udp, address: {host}, port: {sip}}}
    - {{transport: tcp, address: {host}, port: {sip}}}
media:
  address: {host}
  ports: {{first: {first}, last: {last}}}
admin: {{address: {host}, port: {admin}}}
recording: {{enabled: true}}
trunks:
  caller: {{sources: ["127.0.0.5"]}}
  carrier: {{sources: ["127.0.0.2"], destinations: ["127.0.0.2:{carrier_port}"]}}
  other: {{destinations: ["127.0.0.2:{carrier_port};transport=tcp"]}}
phones:
  allow_from: [127.0.0.3/32, 127.0.0.4/32]
  digest: [MD5]  # baresip before 2.0 gives up when SHA-256 is offered, too
  users:
    1001: {{password: {{file: var/secrets/desk}}}}
    1002: {{password: {{file: var/secrets/desk}}}}
"""
DIALPLAN = """\
timezone: UTC
routes:
  - name: to the desk
    when: {from: trunk:carrier, called: "+4930123401"}
    do: [{dial: {phone: 1001}}]
  - name: to the workshop
    when: {from: trunk:carrier, called: "+4930123402"}
    do: [{dial: {phone: 1002}}]
  - name: through to the carrier over tcp
    when: {from: trunk:caller, called: {prefix: "+4989"}}
    do: [{dial: {trunk: other}}]
  - name: through to the carrier
    when: {from: trunk:caller, called: {prefix: "+4940"}}
    do: [{dial: {trunk: carrier}}]
  - name: phone to phone
    when: {from: phones, called: {local: true}}
    do: [{dial: {phone: $called}}]
  - name: to the carrier
    when: {from: phones}
    do: [{dial: {trunk: carrier}}]
"""


@pytest.fixture(autouse=True, scope="session")
def importable_by_children() -> Iterator[None]:
    """Let `python -m softswitch` find this checkout, installed or not."""
    patch = pytest.MonkeyPatch()
    before = os.environ.get("PYTHONPATH")
    patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(ROOT), str(ROOT / "codecs"), before))))
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def patient() -> Iterator[None]:
    """Wait for what is expected as long as a crowded machine may need."""
    patch = pytest.MonkeyPatch()
    for kind, name in ((Handset, "patience"), (Node, "start_patience"), (Node, "record_patience")):
        patch.setattr(kind, name, 120.0)
    yield
    patch.undo()


@dataclass(frozen=True, slots=True)
class Speech:
    """What the two sides say."""

    carrier: Path
    phone: Path


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Speech:
    """Two sentences as 8 kHz files."""
    required("espeak-ng")
    folder = tmp_path_factory.mktemp("speech")
    said = Speech(folder / "carrier.wav", folder / "phone.wav")

    async def both() -> None:
        await asyncio.gather(speak(CARRIER_SAYS, "en-gb", said.carrier), speak(DESK_SAYS, "en-us+f3", said.phone))

    asyncio.run(both())
    return said


class World:
    """The switch and the places peers stand at."""

    def __init__(self, folder: Path, speech: Speech, config: str = CONFIG, dialplan: str = DIALPLAN) -> None:
        self.folder = folder
        self.speech = speech
        self.carrier_port = free_port(address=CARRIER)
        self.node = Node(folder, config=config, dialplan=dialplan, carrier_port=self.carrier_port)

    @property
    def registrar(self) -> str:
        """Host and port of the switch."""
        return f"{HOST}:{self.node.sip_port}"

    def caller(self, scenario: str, number: str, **options: Any) -> Sipp:
        """SIPp calling from a trunk of its own."""
        port = free_port(address=CALLER)
        return Sipp(scenario, self.folder, address=CALLER, port=port, remote=self.registrar, number=number, **options)

    def called(self, scenario: str, **options: Any) -> Sipp:
        """SIPp where the carrier is dialled."""
        return Sipp(scenario, self.folder, address=CARRIER, port=self.carrier_port, **options)

    def carrier(self) -> Handset:
        """pjsua2 on the carrier's side, at the address and port that is dialled."""
        return Handset("carrier", CARRIER, self.folder, port=self.carrier_port)

    @asynccontextmanager
    async def desk(self, srtp: str = "off", at: str = "", ca: Path | None = None) -> AsyncIterator[Handset]:
        """pjsua2, registered as 1001; `at`: where, if not at the switch itself."""
        async with Handset("desk", DESK, self.folder, srtp=srtp, ca=ca) as desk:
            desk.tell("register", registrar=f"sip:{at or self.registrar}", user="1001", password=self.node.password)
            registered = await desk.expect("registered")
            assert registered["status"] == 200
            yield desk

    @asynccontextmanager
    async def workshop(
        self,
        srtp: str = "",
        codecs: str = "pcma,pcmu",
        speech: Path | None = None,
        rate: int = 8000,
        at: str = "",
        ca: Path | None = None,
    ) -> AsyncIterator[Baresip]:
        """Run baresip, registered as 1002 (`at`: where, if not at the switch itself). It says `speech`, a file of
        `rate` Hz, by default the phone's."""
        async with Baresip(
            self.folder, address=WORKSHOP, port=free_port(address=WORKSHOP), control=free_port(address=WORKSHOP),
            registrar=at or self.registrar, user="1002", password=self.node.password,
            speech=speech or self.speech.phone, srtp=srtp, codecs=codecs, rate=rate, ca=ca,
        ) as phone:  # fmt: skip
            await phone.registered()
            yield phone

    async def nothing_left(self) -> None:
        """Assert that no call, leg or task outlives the calls."""
        calls = await self.node.get("/api/calls?state=running")
        assert calls["calls"] == []


@pytest.fixture
async def world(tmp_path: Path, speech: Speech) -> AsyncIterator[World]:
    """A running switch, and that nothing is left of its calls when the test is over."""
    here = World(tmp_path, speech)
    async with here.node:
        yield here
        await here.nothing_left()
