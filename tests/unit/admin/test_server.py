"""The admin endpoint, asked over a real socket on loopback: answers, refusals, bounds."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession
from jsonschema import Draft202012Validator

from media.quality.opinion import MosCqe, MosCqew
from media.quality.verdict import Degradation
from media.quality.voip_metrics import VoipMetrics
from softswitch.admin.idle import IdleReaper
from softswitch.admin.openapi import document
from softswitch.admin.operation import Access
from softswitch.admin.ports import AdminParts
from softswitch.admin.protection import HEADERS
from softswitch.admin.routes import operations, page_operations
from softswitch.admin.server import AdminServer, AdminSettings, AdminStartError, make_admin, start_admin
from softswitch.b2bua.keypad import DigitsRefusedError, Refusal
from softswitch.callflow.prompts import Prompts
from softswitch.telemetry.cdr import Heard, Shown
from softswitch.telemetry.log_sink import NullSink
from softswitch.telemetry.metrics import Metrics, Readings
from softswitch.telemetry.recent import RecentCalls
from softswitch.telemetry.snapshot import (
    CallSnapshot,
    ContactSnapshot,
    FinishedCall,
    LegSnapshot,
    NextHopSnapshot,
    Readiness,
    RegistrationSnapshot,
    TrunkSnapshot,
)
from softswitch.telemetry.story import Story
from tests.support.call_records import call_record, leg_records
from tests.support.loopback import PATIENCE
from tests.support.prompt_shelf import Shelf, Voice

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from softswitch.telemetry.cdr import CallRecord, LegRecord
    from softswitch.telemetry.story import Message, StoryLine

TOKEN = "a token of more than sixteen characters"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


def snapshot(call_id: str, state: str = "talking") -> CallSnapshot:
    leg = LegSnapshot(
        leg_id=f"{call_id}/caller",
        role="caller",
        endpoint="trunk:carrier",
        state="answered",
        remote_uri="sip:+4930111@192.0.2.1",
        sip_call_id="abc",
        codec="PCMA",
        from_party=Heard(
            codec="PCMA",
            mos_15s=MosCqe(3.9),
            mos_mean=MosCqe(4.25),
            mos_worst=MosCqe(3.8),
            mos_ceiling=MosCqe(4.409),
            degradation=Degradation(0.0, 0.12345, 0.0, 0.036),
        ),
        to_party=Heard(codec="AMR-WB", mos_15s=MosCqew(2.1), mos_mean=MosCqew(2.1), mos_ceiling=MosCqew(4.14)),
        far=VoipMetrics.read((5, 3, 64, 2, 400, 8000, 120, 45, 0xEC, 0xBA, 55, 16, 86, 127, 42, 41, 0xF3, 60, 80, 200)),
        video=Shown(900, 800_000, 3, 890, 10, 2, 4),
        weak=True,
        alerts=("loss from party",),
        message="Your connection is weak",
    )
    return CallSnapshot(
        call_id=call_id,
        state=state,
        source="trunk:carrier",
        caller="+4930111",
        called="1001",
        started_at=1_700_000_000.0,
        answered_at=1_700_000_002.0,
        seconds=12.3456,
        recording="/recordings/c1.wav",
        blame="carrier",
        blame_because="the line is clean and its far end complains",
        legs=(leg,),
    )


def story(call_id: str) -> Story:
    ticks = iter(range(1_700_000_000, 1_700_001_000))
    told = Story(call_id, NullSink(), clock=lambda: float(next(ticks)))
    told.message("trunk:carrier -> switch", "INVITE")
    told.tell("call received", source="trunk:carrier")
    told.tell("leg answered", password="hunter2", header='Authorization: Digest response="cafe"', codec="PCMA")
    return told


@dataclass
class Switch:
    """The values a switch would copy out, and what it was told to do."""

    running: dict[str, CallSnapshot] = field(default_factory=dict)
    hung_up: list[str] = field(default_factory=list)
    supervised: list[tuple[str, str, str]] = field(default_factory=list)
    transferred: list[tuple[str, str, str, str]] = field(default_factory=list)
    sent_digits: list[tuple[str, str, str, int, int]] = field(default_factory=list)
    ready: Readiness = field(default_factory=lambda: Readiness(ready=True))
    registration: RegistrationSnapshot | None = None

    def calls(self) -> Sequence[CallSnapshot]:
        return list(self.running.values())

    def call(self, call_id: str) -> CallSnapshot | None:
        return self.running.get(call_id)

    def story(self, call_id: str) -> tuple[Sequence[StoryLine], Sequence[Message]] | None:
        told = story(call_id)
        return (told.lines, told.messages) if call_id in self.running else None

    def trunks(self) -> Sequence[TrunkSnapshot]:
        hop = NextHopSnapshot(address="192.0.2.1:5060", transport="UDP", avoided_for=12.34)
        return [
            TrunkSnapshot(
                name="carrier",
                sources=("192.0.2.0/24",),
                next_hops=(hop,),
                codecs=("PCMA",),
                calls=1,
                registration=self.registration,
            )
        ]

    def contacts(self) -> Sequence[ContactSnapshot]:
        contact = ContactSnapshot(
            user="1001", contact="sip:1001@10.0.0.5", transport="TCP", source="192.0.2.7:40000", expires_in=59.94,
            user_agent="desk/1", instance="<urn:uuid:1>", reg_id="1", path=("<sip:edge.example;lr>",), quality=0.5,
        )  # fmt: skip
        return [contact]

    def readiness(self) -> Readiness:
        return self.ready

    def readings(self) -> Readings:
        return Readings(calls=len(self.running), sip_received={"INVITE": 3})

    def hang_up(self, call_id: str) -> bool:
        if call_id in self.running:
            self.hung_up.append(call_id)
        return call_id in self.running

    def supervise(self, call_id: str, phone: str, mode: str) -> tuple[int, str]:
        if call_id not in self.running:
            return 404, f"no call {call_id}"
        if phone != "1001":
            return 409, f"phone {phone}: not registered"
        self.supervised.append((call_id, phone, mode))
        return 202, ""

    def transfer(self, call_id: str, party: str, to: str, consulted: str) -> tuple[int, str]:
        if call_id not in self.running:
            return 404, f"no call {call_id}"
        if to == "busy":
            return 409, "nobody talks"
        self.transferred.append((call_id, party, to, consulted))
        return 202, ""

    def send_digits(self, call_id: str, party: str, digits: str, duration_ms: int, gap_ms: int) -> str | None:
        if call_id not in self.running:
            return None
        if party == "caller":
            raise DigitsRefusedError(Refusal.WEBRTC_PARTY)
        self.sent_digits.append((call_id, party, digits, duration_ms, gap_ms))
        return "rfc4733"

    def end_supervision(self, call_id: str, phone: str) -> bool:
        return any((call_id, phone) == (call, by) for call, by, _ in self.supervised)


@dataclass
class History:
    """Calls in a database."""

    records: dict[str, CallRecord] = field(default_factory=dict)
    broken: bool = False

    def get(self, call_id: str) -> tuple[CallRecord, tuple[LegRecord, ...]] | None:
        if self.broken:
            raise OSError("the password of the database is hunter2")
        record = self.records.get(call_id)
        return None if record is None else (record, leg_records(call_id))

    def latest(self, count: int, *, before: float | None = None) -> list[CallRecord]:
        records = sorted(self.records.values(), key=lambda record: -record.started_at)
        return [record for record in records if before is None or record.started_at < before][:count]


class Site:
    """A running endpoint and a client of it."""

    def __init__(self, *, open_metrics: bool = False) -> None:
        self.switch = Switch()
        self.history = History()
        self.parts = AdminParts(
            source=self.switch,
            commands=self.switch,
            recent=RecentCalls(),
            history=self.history,
            metrics=Metrics(),
            prompts=Prompts(Path("/no/such/folder"), Shelf()),
            speech=Voice(),
            version="1.2.3",
        )
        self.settings = AdminSettings(port=0, token=TOKEN, open_metrics=open_metrics)
        self.server: AdminServer
        self.client: ClientSession

    async def __aenter__(self) -> Site:
        self.server = await start_admin(self.parts, self.settings)
        self.client = ClientSession(self.server.url)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()
        await self.server.stop()

    async def ask(self, path: str, method: str = "GET", headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """Status and parsed JSON; the hardening headers are checked on the way."""
        asked = AUTHORIZED if headers is None else headers
        async with self.client.request(method, path, headers=asked) as response:
            assert {name: response.headers.get(name) for name in HEADERS} == HEADERS
            assert response.content_type == "application/json"
            return response.status, await response.json()

    async def raw(self, data: bytes) -> bytes:
        """Whatever comes back for these octets."""
        reader, writer = await asyncio.open_connection(self.server.host, self.server.port)
        writer.write(data)
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
        return answer


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site() as site:
        yield site


def valid(body: Any, schema: str) -> Any:
    """Hold an answer against the published schema."""
    components = document(operations(), "1")["components"]
    Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": components}).validate(body)
    return body


# -- access ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer \u00e4\u00f6\u00fc"},
        {"Authorization": "Bearer " + "x" * 2000},
        {"Cookie": f"token={TOKEN}"},
    ],
)
async def test_without_the_token_nothing_is_answered(site: Site, headers: dict[str, str]) -> None:
    site.switch.running["c1"] = snapshot("c1")
    for operation in operations():
        if operation.access is Access.ANYBODY:
            continue
        status, body = await site.ask(
            operation.path.replace("{id}", "c1").replace("{phone}", "1001"), operation.method, headers
        )
        assert (status, body) == (401, {"error": "expected Authorization: Bearer <token>"})
    assert site.switch.hung_up == []


async def test_token_in_the_query_is_not_enough(site: Site) -> None:
    assert (await site.ask(f"/api/calls?token={TOKEN}", headers={}))[0] == 401


async def test_unknown_paths_are_not_told_apart_without_the_token(site: Site) -> None:
    assert (await site.ask("/api/nothing", headers={}))[0] == 401
    assert await site.ask("/api/nothing") == (404, {"error": "Not Found"})
    assert (await site.ask("/"))[0] == 404


async def test_liveness_needs_no_token(site: Site) -> None:
    async with site.client.head("/health") as response:
        assert response.status == 200
    status, body = await site.ask("/health", headers={})
    assert (status, valid(body, "Health")) == (200, {"status": "ok"})


async def test_metrics_can_be_opened() -> None:
    async with Site(open_metrics=True) as site:
        async with site.client.get("/metrics") as response:
            assert response.status == 200
        assert (await site.ask("/api/calls", headers={}))[0] == 401


def test_short_token_is_refused() -> None:
    with pytest.raises(AdminStartError, match=r"admin\.token: expected at least 16 characters"):
        make_admin(Site().parts, AdminSettings(token="short"))


def test_settings_hide_the_token() -> None:
    assert TOKEN not in repr(AdminSettings(token=TOKEN))


async def test_wrong_method_says_which_are_right(site: Site) -> None:
    async with site.client.put("/api/calls/c1", headers=AUTHORIZED) as response:
        assert response.status == 405
        assert set(response.headers["Allow"].split(",")) == {"GET", "HEAD", "DELETE"}
        assert await response.json() == {"error": "Method Not Allowed"}


# -- resources ------------------------------------------------------------------------------------------------------


async def test_readiness_says_why_not(site: Site) -> None:
    assert await site.ask("/ready") == (200, {"ready": True, "reasons": []})
    site.switch.ready = Readiness(ready=False, reasons=("draining",))
    status, body = await site.ask("/ready")
    assert (status, valid(body, "Readiness")) == (503, {"ready": False, "reasons": ["draining"]})


def finished(call_id: str, started_at: float = 1_700_000_000.25) -> FinishedCall:
    told = story(call_id)
    return FinishedCall(call_record(call_id, started_at=started_at), leg_records(call_id), told)


async def test_calls_run_first_then_the_ended_ones_each_once(site: Site) -> None:
    site.switch.running = {"c3": snapshot("c3"), "c4": snapshot("c4", "ringing")}
    site.parts.recent.add(finished("c2", 2000.0))
    site.history.records = {"c1": call_record("c1", started_at=1000.0), "c2": call_record("c2", started_at=2000.0)}
    status, body = await site.ask("/api/calls")
    assert status == 200
    valid(body, "CallList")
    assert [(call["id"], call["state"]) for call in body["calls"]] == [
        ("c3", "talking"),
        ("c4", "ringing"),
        ("c2", "ended"),
        ("c1", "ended"),
    ]
    assert body["running"] == 2
    assert body["calls"][0]["seconds"] == 12.346
    assert body["calls"][2]["outcome"] == "answered"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=running", ["c3", "c4"]),
        ("state=ended", ["c2", "c1"]),
        ("limit=1", ["c3"]),
        ("limit=3", ["c3", "c4", "c2"]),
        ("before=1970-01-01T00:30:00Z", ["c1"]),
        ("before=1970-01-01T00:10:00Z", []),
    ],
)
async def test_calls_can_be_chosen(site: Site, query: str, expected: list[str]) -> None:
    site.switch.running = {"c3": snapshot("c3"), "c4": snapshot("c4")}
    site.history.records = {"c1": call_record("c1", started_at=1000.0), "c2": call_record("c2", started_at=2000.0)}
    _, body = await site.ask(f"/api/calls?{query}")
    assert [call["id"] for call in valid(body, "CallList")["calls"]] == expected


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=501", "limit=-1", "limit=x", "limit=99999999999999999999", "limit=%D9%A3", "state=x"),
        *("before=yesterday", "before=2026-01-01", "before=" + "9" * 3000),
    ],
)
async def test_wrong_parameters_are_explained(site: Site, query: str) -> None:
    status, body = await site.ask(f"/api/calls?{query}")
    assert status == 400
    assert re.match(r"(limit|state|before): expected ", valid(body, "Error")["error"])


async def test_running_call_with_its_story_in_order(site: Site) -> None:
    site.switch.running["c1"] = snapshot("c1")
    status, body = await site.ask("/api/calls/c1")
    assert (status, body["state"]) == (200, "talking")
    valid(body, "CallDetail")
    assert [event["event"] for event in body["story"]] == ["call received", "leg answered"]
    assert body["story"][0]["time"] == "2023-11-14T22:13:22.000000Z"
    assert body["ladder"] == "   +0.000  trunk:carrier -> switch  INVITE\n"
    heard = body["legs"][0]["from_party"]
    assert (heard["mos_15s"], heard["mos_mean"], heard["mos_ceiling"]) == (3.9, 4.25, 4.409)
    assert heard["degradation"] == {"codec": 0.0, "loss": 0.123, "discard": 0.0, "delay": 0.036}
    assert (body["mos_15s"], body["mos_mean"], body["mos_worst"]) == (3.9, 4.25, 3.8)
    assert (body["mos_cqew_mean"], body["mos_cqef_mean"]) == (2.1, None)
    assert (body["blame"], body["blame_because"]) == ("carrier", "the line is clean and its far end complains")
    (leg,) = body["legs"]
    assert (leg["from_party"]["scale"], leg["to_party"]["scale"]) == ("MOS-CQE", "MOS-CQEW")
    assert (leg["weak"], leg["alerts"]) == (True, ["loss from party"])
    assert leg["message"] == "Your connection is weak"
    assert leg["video"] == {
        "packets": 900,
        "octets": 800_000,
        "lost": 3,
        "relayed": 890,
        "refused": 10,
        "key_frames_asked": 2,
        "repairs_asked": 4,
    }
    assert (leg["far_end"]["discard_percent"], leg["far_end"]["external_r"]) == (1.172, None)
    assert body["recording"] == "/recordings/c1.wav"


async def test_secrets_in_a_story_are_hidden(site: Site) -> None:
    site.switch.running["c1"] = snapshot("c1")
    async with site.client.get("/api/calls/c1", headers=AUTHORIZED) as response:
        text = await response.text()
    assert "hunter2" not in text
    assert "cafe" not in text
    assert json.loads(text)["story"][1]["facts"]["codec"] == "PCMA"


async def test_call_that_just_ended_keeps_its_story(site: Site) -> None:
    site.parts.recent.add(finished("c1"))
    status, body = await site.ask("/api/calls/c1")
    assert (status, body["state"], body["mos_mean"], body["mos_15s"]) == (200, "ended", 4.25, None)
    valid(body, "CallDetail")
    assert [leg["role"] for leg in body["legs"]] == ["caller", "callee"]
    assert len(body["story"]) == 2


async def test_older_call_comes_from_the_database(site: Site) -> None:
    site.history.records["c1"] = call_record("c1")
    status, body = await site.ask("/api/calls/c1")
    assert (status, body["story"], body["ladder"]) == (200, None, "")
    valid(body, "CallDetail")


@pytest.mark.parametrize(
    "call_id", ["nothing", "..%2F..%2Fetc%2Fpasswd", "x" * 1000, "%00", "%3Cscript%3E", "a%0d%0ab"]
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_unknown_call_is_not_found(site: Site, call_id: str, method: str) -> None:
    async with site.client.request(method, f"/api/calls/{call_id}", headers=AUTHORIZED) as response:
        text = await response.text()
        assert response.status == 404
    assert "<" not in text
    assert len(text) < 200


async def test_hanging_up_is_accepted_and_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.switch.running["c1"] = snapshot("c1")
    status, body = await site.ask("/api/calls/c1", "DELETE")
    assert (status, valid(body, "Ending")) == (202, {"id": "c1", "state": "ending"})
    assert site.switch.hung_up == ["c1"]
    assert "operator at 127.0.0.1 hangs up call c1" in caplog.text


@pytest.mark.parametrize("mode", ["listen", "whisper", "barge"])
async def test_supervision(site: Site, mode: str, caplog: pytest.LogCaptureFixture) -> None:
    async def ask(path: str, body: bytes, method: str = "POST") -> tuple[int, Any]:
        async with site.client.request(method, path, data=body, headers=AUTHORIZED) as response:
            return response.status, await response.json()

    site.switch.running["c1"] = snapshot("c1")
    status, body = await ask(f"/api/calls/c1/{mode}", b'{"phone": "1001"}')
    assert (status, valid(body, "Supervision")) == (202, {"id": "c1", "phone": "1001", "mode": mode})
    assert site.switch.supervised == [("c1", "1001", mode)]
    assert f"operator at 127.0.0.1: phone 1001, {mode} to call c1" in caplog.text
    assert (await ask(f"/api/calls/c2/{mode}", b'{"phone": "1001"}'))[0] == 404
    assert await ask(f"/api/calls/c1/{mode}", b'{"phone": "1002"}') == (409, {"error": "phone 1002: not registered"})
    for wrong in (b"", b"[]", b"{}", b'{"phone": 1}', b'{"phone": ""}', b'{"phone": "1", "mode": "x"}', b"\xff"):
        status, body = await ask(f"/api/calls/c1/{mode}", wrong)
        assert (status, body) == (400, {"error": 'body: expected {"phone": "<name of a registered phone>"}'})
    assert (await ask("/api/calls/c1/supervisors/1001", b"", "DELETE"))[0] == 202
    assert (await ask("/api/calls/c1/supervisors/1002", b"", "DELETE"))[0] == 404


async def test_digits(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    async def send(call: str, **body: object) -> tuple[int, Any]:
        async with site.client.post(f"/api/calls/{call}/digits", json=body, headers=AUTHORIZED) as response:
            return response.status, await response.json()

    site.switch.running["c1"] = snapshot("c1")
    caplog.set_level("INFO")
    status, body = await send("c1", digits="12*#D")
    assert (status, valid(body, "Digits")) == (202, {"id": "c1", "party": "callee", "count": 5, "by": "rfc4733"})
    await send("c1", digits="7", duration_ms=400, gap_ms=100)
    assert site.switch.sent_digits == [("c1", "callee", "12*#D", 160, 80), ("c1", "callee", "7", 400, 100)]
    assert "call c1, 5 digits for the callee" in caplog.text
    assert "12*#D" not in caplog.text
    status, body = await send("c1", digits="1", party="caller")
    assert (status, valid(body, "DigitsRefusal")["code"], "browser" in body["error"]) == (409, "webrtc_party", True)
    assert (await send("c2", digits="1"))[0] == 404
    wrong: list[dict[str, object]] = [
        {}, {"digits": ""}, {"digits": "1" * 33}, {"digits": "12a"}, {"digits": "1\n"}, {"digits": 5},
        {"digits": "1", "party": "agent"}, {"digits": "1", "duration_ms": 39}, {"digits": "1", "gap_ms": 10_001},
        {"digits": "1", "duration_ms": True}, {"digits": "1", "leg": "c1-1"},
    ]  # fmt: skip
    for each in wrong:
        status, body = await send("c1", **each)
        assert (status, "12a" in body["error"]) == (400, False), each


async def test_transfer(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    async def ask(body: bytes, call: str = "c1") -> tuple[int, Any]:
        path = f"/api/calls/{call}/transfer"
        async with site.client.request("POST", path, data=body, headers=AUTHORIZED) as response:
            return response.status, await response.json()

    site.switch.running["c1"] = snapshot("c1")
    status, body = await ask(b'{"party": "callee", "to": " +4930 1 "}')
    assert (status, valid(body, "Transfer")) == (202, {"id": "c1", "party": "callee", "state": "transferring"})
    assert (await ask(b'{"call": "c2"}'))[0] == 202
    assert site.switch.transferred == [("c1", "callee", "+4930 1", ""), ("c1", "caller", "", "c2")]
    assert "operator at 127.0.0.1: call c1, callee transferred to +4930 1" in caplog.text
    assert (await ask(b'{"to": "1"}', "c9"))[0] == 404
    assert await ask(b'{"to": "busy"}') == (409, {"error": "nobody talks"})
    for wrong in (
        b"", b"[]", b"{}", b'{"to": 1}', b'{"to": " "}', b'{"to": "1", "call": "c2"}', b'{"to": "1", "party": "boss"}',
        b'{"to": "1", "from": "2"}', b'{"to": "1\\n2"}', b'{"to": "' + b"1" * 65 + b'"}',
    ):  # fmt: skip
        assert (await ask(wrong))[0] == 400, wrong


async def test_trunks(site: Site) -> None:
    _, body = await site.ask("/api/trunks")
    (trunk,) = valid(body, "TrunkList")["trunks"]
    assert trunk["next_hops"] == [
        {"address": "192.0.2.1:5060", "transport": "UDP", "state": "unknown", "avoided_for": 12.3}
    ]
    assert (trunk["state"], trunk["enabled"], trunk["direction"], trunk["strategy"]) == ("up", True, "both", "failover")
    assert (trunk["channel_limit"], trunk["calls_per_second"], trunk["refused"]) == (None, None, {})


async def test_the_registration_of_a_trunk(site: Site) -> None:
    waiting = RegistrationSnapshot(
        registered=False, state="waiting", registrar=None, for_seconds=None, expires_in=None, retry_in=12.5,
        error="192.0.2.1 port 5060 (UDP): no answer",
    )  # fmt: skip
    site.switch.registration = waiting
    _, body = await site.ask("/api/trunks")
    (trunk,) = valid(body, "TrunkList")["trunks"]
    assert trunk["registration"] == {
        "registered": False, "state": "waiting", "registrar": None, "for_seconds": None, "expires_in": None,
        "retry_in": 12.5, "error": "192.0.2.1 port 5060 (UDP): no answer",
    }  # fmt: skip


async def test_registered_phones(site: Site) -> None:
    _, body = await site.ask("/api/registrations")
    (contact,) = valid(body, "RegistrationList")["registrations"]
    assert (contact["user"], contact["source"], contact["expires_in"]) == ("1001", "192.0.2.7:40000", 59.94)
    assert (contact["reg_id"], contact["path"], contact["q"]) == ("1", ["<sip:edge.example;lr>"], 0.5)


async def test_metrics_are_prometheus_text(site: Site) -> None:
    site.switch.running["c1"] = snapshot("c1")
    async with site.client.get("/metrics", headers=AUTHORIZED) as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = await response.text()
    assert "softswitch_active_calls 1.0\n" in text
    assert 'softswitch_sip_messages_total{direction="received",kind="INVITE"} 3.0\n' in text


async def test_fault_of_ours_shows_no_detail(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.history.broken = True
    assert await site.ask("/api/calls/c9") == (500, {"error": "Internal Server Error"})
    assert "admin: GET /api/calls/{id} failed" in caplog.text


# -- description ----------------------------------------------------------------------------------------------------


async def test_description_names_every_route_and_nothing_else(site: Site) -> None:
    _, body = await site.ask("/api/openapi.json")
    described = {(method.upper(), path) for path, methods in body["paths"].items() for method in methods}
    app = make_admin(site.parts, site.settings)
    routed = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None}
    assert described == {(method, path) for method, path in routed if method != "HEAD"}
    assert body["info"] == {"title": "softswitch admin", "version": "1.2.3"}


def test_description_is_consistent() -> None:
    described: Any = document((*operations(), *page_operations()), "1.2.3")
    schemas = described["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(described)))
    assert references == set(schemas), "every schema is used, and every used schema is there"
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    names = [operation.name for operation in operations()]
    assert len(set(names)) == len(names)
    for operation in operations():
        in_path = set(re.findall(r"{(\w+)}", operation.path))
        assert {parameter.name for parameter in operation.parameters if parameter.place == "path"} == in_path
        responses = described["paths"][operation.path][operation.method.lower()]["responses"]
        assert ("401" in responses) == (operation.access is not Access.ANYBODY)


# -- hostile clients ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
    ],
)
async def test_broken_http_is_refused_without_a_traceback(site: Site, data: bytes) -> None:
    answer = await site.raw(data)
    assert answer.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
    assert b"Traceback" not in answer
    assert b".py" not in answer
    assert (await site.ask("/health", headers={}))[0] == 200


class Connection:
    """What the reaper needs of a connection."""

    closed = False

    def force_close(self) -> None:
        self.closed = True


def test_idle_connections_are_cut_and_the_oldest_beyond_the_limit() -> None:
    reaper = IdleReaper(idle=15.0, most=3)
    connections: list[Any] = [Connection() for _ in range(3)]
    reaper.cut(connections, 0.0)
    reaper.cut(connections, 15.0)
    assert [each.closed for each in connections] == [False] * 3
    reaper.cut([*connections, Connection(), Connection()], 15.0)
    assert [each.closed for each in connections] == [True, True, False]
    reaper.cut(connections[2:], 15.1)
    assert connections[2].closed


async def test_silent_connection_is_cut_while_a_busy_one_is_served(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softswitch.admin.server.IdleReaper", lambda: IdleReaper(idle=0.1, period=0.02))
    server = await start_admin(site.parts, site.settings)
    try:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"GET /health HTTP/1.1\r\nHo")
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        writer.close()
    finally:
        await server.stop()


# -- starting and stopping ------------------------------------------------------------------------------------------


async def test_occupied_port_is_explained(site: Site) -> None:
    with pytest.raises(AdminStartError, match=rf"port {site.server.port} of 127\.0\.0\.1 is already in use"):
        await start_admin(site.parts, replace(site.settings, port=site.server.port))


async def test_foreign_address_is_explained(site: Site) -> None:
    with pytest.raises(AdminStartError, match=r"cannot listen on 192\.0\.2\.1 port 0: .*; check admin\.address"):
        await start_admin(site.parts, replace(site.settings, host="192.0.2.1"))


async def test_stopped_server_leaves_the_port() -> None:
    async with Site() as site:
        port = site.server.port
        await site.ask("/health")
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("admin:")]
