"""The log never makes anybody wait, is complete or says what is missing, and holds no secret."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from softswitch.telemetry import log_context
from softswitch.telemetry.log_format import LogLine, as_json, as_text
from softswitch.telemetry.log_sink import LogSink
from softswitch.telemetry.story import Story

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "switch.log"


@pytest.fixture
def sink(path: Path) -> Iterator[LogSink]:
    sink = LogSink(path=path)
    yield sink
    sink.close()


@pytest.fixture
def root_logger(sink: LogSink) -> Iterator[LogSink]:
    """`logging` goes to the sink for the length of a test."""
    before, level = list(logging.getLogger().handlers), logging.getLogger().level
    handler = log_context.install(sink, "INFO")
    yield sink
    log_context.uninstall(handler)
    logging.getLogger().handlers[:] = before
    logging.getLogger().setLevel(level)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_event_is_one_json_line_with_the_call_id(sink: LogSink, path: Path) -> None:
    Story("call-7", sink, clock=lambda: 1_700_000_000.5).tell(
        "leg answered", leg="a", seconds=2.5, early=False, codec=None
    )
    assert sink.flush()
    assert lines(path) == [
        {
            "time": "2023-11-14T22:13:20.500000Z",
            "level": "info",
            "call": "call-7",
            "event": "leg answered",
            "leg": "a",
            "seconds": 2.5,
            "early": False,
        }
    ]


def test_lines_come_in_order_and_soon_without_flush(sink: LogSink, path: Path) -> None:
    for number in range(500):
        sink.log("info", "counted", {"number": number})
    deadline = time.monotonic() + 30.0
    while path.read_text().count("\n") != 500:
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)
    assert [line["number"] for line in lines(path)] == list(range(500))
    assert sink.dropped == 0


def test_line_is_written_within_a_fifth_of_a_second(sink: LogSink, path: Path) -> None:
    delays = []
    for number in range(5):
        told = time.monotonic()
        sink.log("info", "counted", {"number": number})
        while path.read_text().count("\n") <= number:
            assert time.monotonic() < told + 30.0
            threading.Event().wait(0.002)
        delays.append(time.monotonic() - told)
    assert min(delays) < 0.2


def test_facts_cannot_pose_as_the_frame(sink: LogSink, path: Path) -> None:
    Story("call-1", sink).tell("routed", level="error", time="never", call="other")
    sink.flush()
    (line,) = lines(path)
    assert (line["level"], line["call"], line["level_"], line["call_"]) == ("info", "call-1", "error", "other")


def test_stalled_reader_costs_lines_and_never_time() -> None:
    reading, writing = os.pipe()
    saved = os.dup(2)
    os.dup2(writing, 2)
    try:
        sink = LogSink(capacity=1000)
        for number in range(20_000):
            sink.log("info", "counted", {"number": number, "padding": "x" * 100})
        assert sink.dropped > 10_000
        assert not sink.flush(0.05)
        received: list[bytes] = []
        reader = threading.Thread(target=lambda: received.extend(iter(lambda: os.read(reading, 65536), b"")))
        reader.start()
        sink.close(10.0)
        os.dup2(saved, 2)
        os.close(writing)
        reader.join(10.0)
        assert b"log lines dropped" in b"".join(received)
    finally:
        os.dup2(saved, 2)
        os.close(reading)
        os.close(saved)


def test_full_disk_is_counted() -> None:
    if not os.access("/dev/full", os.W_OK):
        pytest.skip("no /dev/full here")
    from pathlib import Path

    sink = LogSink(path=Path("/dev/full"))
    sink.log("info", "counted", {})
    sink.flush()
    sink.close()
    assert sink.write_errors >= 1
    assert sink.dropped >= 1


def test_close_writes_what_is_queued_and_drops_the_rest(sink: LogSink, path: Path) -> None:
    sink.log("info", "before", {})
    sink.close()
    sink.close()
    sink.log("info", "after", {})
    assert [line["event"] for line in lines(path)] == ["before"]
    assert sink.dropped == 1


def test_ordinary_exit_flushes(path: Path) -> None:
    program = (
        "import sys, pathlib; from softswitch.telemetry.log_sink import LogSink\n"
        "LogSink(path=pathlib.Path(sys.argv[1])).log('info', 'last words', {})"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, timeout=300)
    assert [line["event"] for line in lines(path)] == ["last words"]


def test_rotated_file_is_opened_anew(sink: LogSink, path: Path) -> None:
    sink.log("info", "first", {})
    sink.flush()
    path.rename(path.with_suffix(".1"))
    sink.reopen()
    sink.log("info", "second", {})
    sink.flush()
    assert [line["event"] for line in lines(path)] == ["second"]


def test_file_is_not_for_everybody(sink: LogSink, path: Path) -> None:
    assert path.stat().st_mode & 0o007 == 0


# -- ordinary logging -----------------------------------------------------------------------------------------------


def test_ordinary_records_join_the_log_with_their_call(root_logger: LogSink, path: Path) -> None:
    with log_context.call_context("call-9"):
        logging.getLogger("softswitch.x").warning("port %d is %s", 5060, "busy")
    logging.getLogger("softswitch.x").info("outside")
    root_logger.flush()
    inside, outside = lines(path)
    assert (inside["call"], inside["level"], inside["event"]) == ("call-9", "warning", "port 5060 is busy")
    assert inside["logger"] == "softswitch.x"
    assert "call" not in outside


def test_traceback_stays_one_line(root_logger: LogSink, path: Path) -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("softswitch.x").exception("failed")
    root_logger.flush()
    (line,) = lines(path)
    assert line["exception"].startswith("Traceback")
    assert "two\nlines" in line["exception"]


def test_wrong_log_call_and_warnings_are_kept(root_logger: LogSink, path: Path) -> None:
    handler = log_context.SinkHandler(root_logger)
    handler.handle(logging.LogRecord("x", logging.INFO, "", 0, "%d items", ("no number",), None))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    root_logger.flush()
    broken, warned = lines(path)
    assert broken["event"] == "unprintable log record"
    assert "DeprecationWarning: old" in warned["event"]


def test_levels_below_the_configured_one_are_left_out(root_logger: LogSink, path: Path) -> None:
    logging.getLogger("softswitch.x").debug("detail")
    root_logger.flush()
    assert lines(path) == []


# -- secrets --------------------------------------------------------------------------------------------------------

MESSAGE = (
    "REGISTER sip:switch.example SIP/2.0\r\nCall-ID: abc\r\n"
    'Authorization: Digest username="anna", realm="r", nonce="n0nce", uri="sip:x", '
    'response="d1gest", cnonce="cn0nce"\r\n'
    'Proxy-Authorization: Digest username="anna", response="pr0xy"\r\nTo: <sip:anna@x>\r\n\r\n'
)
CRYPTO = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^31\r\n"
SECRETS = ("n0nce", "d1gest", "cn0nce", "pr0xy", "hunter2", "t0ken", "d0RmdmcmVCspeE", "hAwJSoj")


@pytest.mark.parametrize("json_format", [True, False])
def test_no_secret_reaches_the_log(path: Path, json_format: bool) -> None:
    sink = LogSink(path=path, json=json_format)
    before = list(logging.getLogger().handlers)
    handler = log_context.install(sink)
    try:
        story = Story("call-1", sink)
        story.tell("message received", text=MESSAGE, quoted=repr(MESSAGE), inner=json.dumps({"m": MESSAGE}))
        story.tell(f"odd event {MESSAGE}", password="hunter2", api_token="t0ken", Authorization="hunter2")
        log = logging.getLogger("softswitch.x")
        log.warning("got %r", MESSAGE.encode())
        log.warning("got %r", CRYPTO.encode())
        story.tell("odd description", text=CRYPTO, quoted=repr(CRYPTO), key_salt="hunter2")
        log.warning("connecting to %s", "postgresql://switch:hunter2@db/calls")
        log.warning("header %s", {"Authorization": "Bearer t0ken-t0ken"})
        log.warning("password=hunter2 secret: x")
        try:
            raise ValueError(MESSAGE)
        except ValueError:
            log.exception("failed")
        sink.flush()
    finally:
        log_context.uninstall(handler)
        logging.getLogger().handlers[:] = before
        sink.close()
    written = path.read_text()
    assert [secret for secret in SECRETS if secret in written] == []
    assert "Call-ID: abc" in written
    assert "anna@x" in written
    assert len(written.splitlines()) == 9


# -- forgery --------------------------------------------------------------------------------------------------------

HOSTILE = 'x"\n2023-01-01 error \x1b[31m\u2028\x00\udcff=;'


def test_hostile_text_stays_inside_its_line() -> None:
    line = LogLine(0.0, "info", "call-1", HOSTILE, {"caller": HOSTILE, "plain": "a", "spaced": "a b", "empty": ""})
    for rendered in (as_json(line), as_text(line)):
        assert rendered.count("\n") == 1
        assert rendered.endswith("\n")
        assert rendered[:-1].isprintable()
    assert json.loads(as_json(line))["caller"] == HOSTILE
    assert ' plain=a spaced="a b" empty=""' in as_text(line)
