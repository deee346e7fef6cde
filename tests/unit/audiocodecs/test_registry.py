"""The registry is one table in two languages: numbers, names and clocks must agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from audiocodecs.registry import CODECS, UNKNOWN_NUMBER, codec_by_name, codec_by_number, codec_number

PXD = Path(__file__).parents[3] / "codecs" / "audiocodecs" / "registry.pxd"


def test_numbers_are_those_the_engine_is_compiled_with() -> None:
    compiled = {name: int(number) for name, number in re.findall(r"CODEC_(\w+) = (\d+)", PXD.read_text())}
    assert compiled.pop("UNKNOWN") == UNKNOWN_NUMBER
    assert compiled == {codec.name.upper().replace("-", "_"): codec.number for codec in CODECS}


def test_numbers_and_names_are_unique() -> None:
    assert len({codec.number for codec in CODECS}) == len({codec.name.lower() for codec in CODECS}) == len(CODECS)


def test_static_payload_types_are_the_numbers() -> None:
    assert all(codec.static_payload_type in (None, codec.number) for codec in CODECS)


@pytest.mark.parametrize("name", ["pcma", "PCMA", "Telephone-Event", "opus", "OPUS", "g722"])
def test_names_are_found_in_any_case(name: str) -> None:
    codec = codec_by_name(name)
    assert codec is not None
    assert codec.name.lower() == name.lower()
    assert codec_by_number(codec.number) is codec


def test_what_is_not_known_has_its_own_number() -> None:
    assert codec_number("G.711") == UNKNOWN_NUMBER
    assert codec_by_name("SILK") is None
    assert codec_by_number(UNKNOWN_NUMBER) is None


def test_g722_counts_8000_and_samples_16000() -> None:
    g722 = codec_by_name("G722")
    assert g722 is not None
    assert (g722.timestamps_per_ms, g722.samples_per_ms) == (8, 16)  # RFC 3551 4.5.2
