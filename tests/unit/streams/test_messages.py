"""The media stream's messages: what bots written for the common services send and expect."""

from __future__ import annotations

import base64
import contextlib
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.streams.messages import (
    AudioFormat,
    Clear,
    Mark,
    Media,
    Start,
    Stop,
    StreamProtocolError,
    Writer,
    read_message,
)

MULAW = AudioFormat()
LINEAR = AudioFormat("l16", 16000)


def writer(audio: AudioFormat = MULAW) -> Writer:
    return Writer(Start("s-1", "c-1", ("inbound", "outbound"), audio, "+4930", "+4989", {"language": "de"}))


def test_a_stream_is_introduced_and_its_messages_count_up() -> None:
    writes = writer()
    assert json.loads(writes.connected()) == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert json.loads(writes.start()) == {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": "s-1",
        "start": {
            "streamSid": "s-1",
            "callSid": "c-1",
            "tracks": ["inbound", "outbound"],
            "customParameters": {"from": "+4930", "to": "+4989", "language": "de"},
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        },
    }
    media = json.loads(writes.media("outbound", 40, b"\0\0" * 160))
    assert media["sequenceNumber"] == "2"
    assert base64.b64decode(media["media"].pop("payload")) == b"\xff" * 160
    assert media["media"] == {"track": "outbound", "chunk": "1", "timestamp": "40"}
    assert json.loads(writes.media("inbound", 40, b"\0\0" * 160))["media"]["chunk"] == "1"
    assert json.loads(writes.media("outbound", 60, b"\0\0" * 160))["media"]["chunk"] == "2"
    assert json.loads(writes.digit("inbound", "#"))["dtmf"] == {"track": "inbound", "digit": "#"}
    assert json.loads(writes.mark("greeted"))["mark"] == {"name": "greeted"}
    assert json.loads(writes.stop()) == {
        "event": "stop",
        "sequenceNumber": "7",
        "streamSid": "s-1",
        "stop": {"callSid": "c-1"},
    }


def test_parameters_of_the_operator_win() -> None:
    start = Start("s", "c", ("inbound",), MULAW, "+4930", "+4989", {"from": "me"})
    assert json.loads(Writer(start).start())["start"]["customParameters"]["from"] == "me"


def test_what_a_bot_may_say() -> None:
    samples = struct.pack("=3h", 0, 7932, -7932)
    assert read_message('{"event":"media","media":{"payload":"/6Ag"}}', MULAW) == Media(samples)
    assert read_message('{"event":"mark","mark":{"name":"a"}}', MULAW) == Mark("a")
    assert read_message('{"event":"clear","streamSid":"s-1"}', MULAW) == Clear()
    assert read_message('{"event":"stop"}', MULAW) == Stop()
    payload = base64.b64encode(samples).decode()
    assert read_message(json.dumps({"event": "media", "media": {"payload": payload}}), LINEAR) == Media(samples)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "expected a JSON object"),
        ("[" * 100_000, "expected a JSON object"),
        ("[]", "expected a JSON object"),
        ('{"event":"dance"}', "expected one of media, mark, clear, stop, got 'dance'"),
        ("{}", "got 'None'"),
        ('{"event":"media"}', "media.payload: expected text, got NoneType"),
        ('{"event":"media","media":{"payload":7}}', "media.payload: expected text, got int"),
        ('{"event":"media","media":{"payload":"?"}}', "media.payload: expected base64"),
        ('{"event":"media","media":{"payload":"ä"}}', "media.payload: expected base64"),
        ('{"event":"mark","mark":{"name":""}}', "mark.name: expected 1 to 128 characters, got 0"),
        ('{"event":"mark","mark":[]}', "mark.name: expected text"),
    ],
)
def test_what_is_no_message_says_what_was_expected(text: str, complaint: str) -> None:
    with pytest.raises(StreamProtocolError, match=complaint):
        read_message(text, MULAW)


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(StreamProtocolError, match="whole 16-bit samples, got 1 octets"):
        read_message('{"event":"media","media":{"payload":"AA=="}}', LINEAR)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda deeper: (
            st.lists(deeper)
            | st.dictionaries(st.sampled_from(["event", "media", "mark", "payload", "name"]) | st.text(), deeper)
        ),
    )
    | st.text()
)
def test_nothing_but_a_protocol_error_escapes(message: object) -> None:
    text = message if isinstance(message, str) else json.dumps(message)
    with contextlib.suppress(StreamProtocolError):
        read_message(text, LINEAR)
