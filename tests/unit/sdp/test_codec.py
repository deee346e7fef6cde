"""Codecs, their names and numbers, and which two of them are the same on the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sdp.codec import KNOWN_CODECS, STATIC_CODECS, STATIC_PAYLOAD_TYPES, Codec, read_format


@pytest.mark.parametrize(
    ("number", "rtpmap"),
    [(0, "PCMU/8000"), (3, "GSM/8000"), (8, "PCMA/8000"), (9, "G722/8000"), (10, "L16/44100/2"), (18, "G729/8000")],
)
def test_static_payload_types_need_no_rtpmap(number: int, rtpmap: str) -> None:
    found = read_format(number, None, "")
    assert found is not None
    assert found.codec.rtpmap == rtpmap
    assert STATIC_PAYLOAD_TYPES[found.codec.key] == number


@pytest.mark.parametrize(("number", "mapping"), [(18, "G729A/8000"), (9, "G722/16000"), (8, "pcma/8000/1"), (0, "")])
def test_a_misspelt_static_mapping_changes_nothing(number: int, mapping: str) -> None:
    found = read_format(number, mapping, "")
    assert found is not None
    assert found.codec is STATIC_CODECS[number]


@pytest.mark.parametrize("mapping", [None, "", "opus", "opus/", "/8000", "x/0", "x/-1", "x/8000/0", "x/8000/y", "x/²"])
def test_an_unreadable_dynamic_mapping_is_no_format(mapping: str | None) -> None:
    assert read_format(96, mapping, "") is None


def test_names_match_in_any_case() -> None:
    assert Codec("pcma", 8000).same_format(Codec("PCMA", 8000))
    assert Codec("Telephone-Event", 8000).is_telephone_event
    assert not Codec("cn", 8000).is_audio


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Codec("opus", 48000, 2), Codec("opus", 48000, 1), False),
        (Codec("L16", 8000), Codec("L16", 16000), False),
        (Codec("opus", 48000, 2, "useinbandfec=1"), Codec("opus", 48000, 2, "stereo=1"), True),
        (Codec("AMR", 8000, 1, "octet-align=1"), Codec("AMR", 8000), False),
        (Codec("AMR", 8000, 1, "octet-align=0"), Codec("AMR", 8000), True),
        (Codec("AMR", 8000, 1, "mode-set=7; Octet-Align=1"), Codec("amr", 8000, 1, "octet-align=1"), True),
        (Codec("G7221", 16000, 1, "bitrate=24000"), Codec("G7221", 16000, 1, "bitrate=32000"), False),
    ],
)
def test_same_format(one: Codec, other: Codec, *, same: bool) -> None:
    assert one.same_format(other) is same
    assert other.same_format(one) is same


def test_known_codecs_are_named_in_lower_case() -> None:
    assert all(name == codec.name.lower() for name, codec in KNOWN_CODECS.items())


@given(st.integers(0, 127), st.none() | st.text(max_size=200), st.text(max_size=200))
def test_no_mapping_raises(number: int, mapping: str | None, fmtp: str) -> None:
    found = read_format(number, mapping, fmtp)
    assert found is None or found.codec.clock_rate > 0
