"""Records arrive in the database soon, once, whatever the database or the process does meanwhile."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from media.quality.opinion import MosCqef, MosCqew
from softswitch.callflow.outbound import restore
from softswitch.endpoints.callers import CallerLedger, CallerLimits
from softswitch.store import schema
from softswitch.store.call_log import CallLog
from softswitch.store.cdr_writer import CdrWriter
from softswitch.store.database import open_engine
from softswitch.telemetry.cdr import Heard
from tests.support.call_records import call_record, leg_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr("softswitch.store.database.BUSY_SECONDS", 0.05)
    engine = open_engine(f"sqlite:///{tmp_path}/calls.db")
    schema.prepare(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def writer(engine: Engine) -> Iterator[CdrWriter]:
    writer = CdrWriter(engine)
    yield writer
    writer.close(5.0)


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Another thread or process is at work: look again until it is done or time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        threading.Event().wait(0.002)


def test_scores_of_other_scales_come_back_as_what_they_are(engine: Engine, writer: CdrWriter) -> None:
    wide = Heard(codec="AMR-WB", mos_mean=MosCqew(3.5), mos_ceiling=MosCqew(4.25), packets=10)
    unrated = Heard(codec="opus", packets=10, reason="opus: no values")
    caller, callee = leg_records()
    legs = [replace(caller, from_party=wide, to_party=unrated), callee]
    call = call_record(mos_mean=None, mos_cqew_mean=MosCqew(3.5), mos_cqef_worst=MosCqef(2.5))
    writer.submit(call, legs)
    assert writer.flush(5.0)
    assert CallLog(engine).get("call-1") == (call, tuple(legs))


def test_record_comes_back_as_it_was_submitted(engine: Engine, writer: CdrWriter) -> None:
    writer.submit(call_record(), leg_records())
    assert writer.flush(5.0)
    assert CallLog(engine).get("call-1") == (call_record(), leg_records())
    assert (writer.written, writer.queued, writer.lost, writer.retries) == (1, 0, 0, 0)


def test_call_that_nobody_answered_comes_back(engine: Engine, writer: CdrWriter) -> None:
    record = call_record(ringing_after=None, answered_after=None, mos_mean=None, recording=None, codec=None)
    leg = replace(leg_records()[0], answered_after=None, ringing_after=None, from_party=None, remote_media=None)
    writer.submit(record, [leg])
    writer.flush(5.0)
    assert CallLog(engine).get("call-1") == (record, (leg,))


def test_unknown_call_is_none(engine: Engine) -> None:
    assert CallLog(engine).get("no such call") is None


def test_latest_calls_come_first_and_page_on(engine: Engine, writer: CdrWriter) -> None:
    for number in range(5):
        writer.submit(call_record(f"call-{number}", started_at=1000.0 + number), ())
    writer.flush(5.0)
    log = CallLog(engine)
    assert [call.call_id for call in log.latest(2)] == ["call-4", "call-3"]
    assert [call.call_id for call in log.latest(2, before=1003.0)] == ["call-2", "call-1"]


def test_many_records_are_committed_together(engine: Engine, writer: CdrWriter) -> None:
    for number in range(3000):
        writer.submit(call_record(f"call-{number}"), leg_records(f"call-{number}"))
    assert writer.flush(60.0)
    assert writer.written == 3000
    assert len(CallLog(engine).latest(5000)) == 3000


def test_record_submitted_twice_is_stored_once(engine: Engine, writer: CdrWriter) -> None:
    writer.submit(call_record(), leg_records())
    writer.flush(5.0)
    writer.submit(call_record(caller="somebody else"), leg_records())
    writer.flush(5.0)
    stored = CallLog(engine).get("call-1")
    assert stored is not None
    assert stored[0].caller == "+4930111"


def test_locked_database_is_waited_for(engine: Engine, writer: CdrWriter, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "calls.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for number in range(1000):
        writer.submit(call_record(f"call-{number}"), leg_records(f"call-{number}"))
    wait_until(lambda: writer.retries >= 2)
    assert CallLog(engine).latest(1) == []
    other.execute("ROLLBACK")
    other.close()
    assert writer.flush(30.0)
    assert len(CallLog(engine).latest(2000)) == 1000
    assert writer.lost == 0


def test_record_the_database_refuses_costs_no_other(
    engine: Engine, writer: CdrWriter, caplog: pytest.LogCaptureFixture
) -> None:
    bad = call_record("bad", sip_status=2**70)
    for record in (call_record("before"), bad, call_record("after")):
        writer.submit(record, ())
    assert writer.flush(5.0)
    assert {call.call_id for call in CallLog(engine).latest(10)} == {"before", "after"}
    assert writer.lost == 1
    assert "'call_id': 'bad'" in caplog.text


def test_hostile_text_is_cut_and_stored(engine: Engine, writer: CdrWriter) -> None:
    writer.submit(call_record(caller="\0'; drop table calls; --\udcff" + "9" * 5000), ())
    writer.flush(5.0)
    stored = CallLog(engine).get("call-1")
    assert stored is not None
    assert stored[0].caller.startswith("'; drop table calls; --?999")
    assert len(stored[0].caller) <= 256


def test_overflow_is_counted_and_logged(engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    other = sqlite3.connect(tmp_path / "calls.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer = CdrWriter(engine, capacity=2)
    writer.submit(call_record("first"), ())
    wait_until(lambda: writer.retries >= 1)
    for number in range(4):
        writer.submit(call_record(f"call-{number}"), ())
    assert writer.lost == 2
    assert "'call_id': 'call-3'" in caplog.text
    other.execute("ROLLBACK")
    other.close()
    assert writer.close(5.0)
    assert {call.call_id for call in CallLog(engine).latest(10)} == {"first", "call-0", "call-1"}


def test_close_gives_up_in_time_and_tells_the_log(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = sqlite3.connect(tmp_path / "calls.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer = CdrWriter(engine)
    writer.submit(call_record("stranded"), ())
    began = time.monotonic()
    assert not writer.close(0.3)
    assert time.monotonic() - began < 5.0
    other.close()
    assert writer.lost == 1
    assert "'call_id': 'stranded'" in caplog.text


def test_submitting_after_close_goes_to_the_log(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    writer = CdrWriter(engine)
    assert writer.close()
    writer.submit(call_record("late"), ())
    assert writer.lost == 1
    assert "'call_id': 'late'" in caplog.text


CHILD = """
import sys, time
from softswitch.callflow.outbound import restore
from softswitch.endpoints.callers import CallerLedger, CallerLimits
from softswitch.store import schema
from softswitch.store.cdr_writer import CdrWriter
from softswitch.store.database import open_engine
from tests.support.call_records import call_record, leg_records
engine = open_engine(sys.argv[1])
schema.prepare(engine)
writer = CdrWriter(engine)
number = 0
while True:
    print(f"{time.monotonic()} call-{number} {writer.written} .", flush=True)
    writer.submit(call_record(f"call-{number}"), leg_records(f"call-{number}"))
    number += 1
    time.sleep(0.002)
"""


def test_killed_process_leaves_every_record_older_than_a_moment(tmp_path: Path) -> None:
    late: set[str] = set()
    for attempt in range(5):  # a busy machine may not let it write within a moment each time
        written, due, stored = killed(f"sqlite:///{tmp_path}/calls{attempt}.db")
        assert written <= stored, "told to be written"
        late = due - stored
        if not late:
            break
    assert not late, "older than a moment, and not there"


def killed(url: str) -> tuple[set[str], set[str], set[str]]:
    """What a process that was killed called written; what it had told a moment before; and what is there."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, url], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    told = []
    for line in child.stdout:
        told.append(line.split())
        if len(told) >= 250 and int(told[-1][2]) > 50:
            break
    killed_at = time.monotonic()
    os.kill(child.pid, signal.SIGKILL)
    rest, _ = child.communicate(timeout=300)
    told += [line.split() for line in rest.splitlines() if len(line.split()) == 4]
    written = {f"call-{number}" for number in range(int(told[-1][2]))}
    due = {call_id for told_at, call_id, *_ in told if float(told_at) < killed_at - 0.1}
    assert len(due) > 50
    engine = open_engine(url)
    schema.prepare(engine)
    stored = {call.call_id for call in CallLog(engine).latest(10_000)}
    last = max(stored, key=lambda call_id: int(call_id.partition("-")[2]))
    found = CallLog(engine).get(last)
    engine.dispose()
    assert found == (call_record(last), leg_records(last)), "a call was stored without its legs"
    return written, due, stored


def test_what_callers_have_used_today_is_counted_again_after_a_restart(engine: Engine, writer: CdrWriter) -> None:
    number = 0

    def call(**facts: object) -> None:
        nonlocal number
        number += 1
        writer.submit(replace(call_record(), call_id=f"c{number}", started_at=1000.0, **facts), [])  # type: ignore[arg-type]

    for _ in range(2):
        call(source="phone:1001", trunk="carrier", answered_after=5.0, ended_after=65.0)
    call(source="phone:1001", trunk=None)
    call(source="trunk:a", caller_canonical="+491", trunk="carrier", answered_after=None)
    call(source="trunk:a", caller_canonical=None, trunk="carrier", answered_after=0.0, ended_after=3.0)
    assert writer.flush(30)
    log = CallLog(engine)
    assert log.used_since(1000.1) == []
    assert sorted(log.used_since(999.0)) == [
        ("phone:1001", "+4930123", 2, 120.0), ("trunk:a", "", 1, 3.0), ("trunk:a", "+491", 1, 0.0)
    ]  # fmt: skip
    callers = CallerLedger(CallerLimits(calls_per_day=2), lambda _: 1)
    restore(callers, log.used_since(999.0), 2000.0)
    assert callers.begin("x", "phone:1001", "+33", 2000.0) == "calls_per_day"
    assert callers.begin("y", "trunk:a +491", "+33", 2000.0) is None
