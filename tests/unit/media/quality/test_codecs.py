"""Codec values: where they come from, and no value where there is none."""

from __future__ import annotations

import pytest

from media.quality.codecs import CodecImpairment, Unrated, codec_impairment


@pytest.mark.parametrize("name", ["opus", "G722", "iLBC", "GSM", "AMR-WB", "AMR", "EVS", "L16", "speex", "", "x" * 500])
def test_a_codec_without_known_values_is_not_rated(name: str) -> None:
    found = codec_impairment(name, plc=True)
    assert isinstance(found, Unrated)
    assert name in found.reason


@pytest.mark.parametrize("name", ["PCMA", "pcmu", "G729", "g723", "GSM-EFR"])
@pytest.mark.parametrize("plc", [True, False])
def test_a_rated_codec_says_where_its_values_come_from(name: str, plc: bool) -> None:
    found = codec_impairment(name, plc=plc)
    assert isinstance(found, CodecImpairment)
    assert found.grounding == "itu"
    assert "G.113" in found.source


def test_concealment_only_changes_what_loss_does() -> None:
    concealed, plain = codec_impairment("PCMA", plc=True), codec_impairment("PCMA", plc=False)
    assert isinstance(concealed, CodecImpairment)
    assert isinstance(plain, CodecImpairment)
    assert concealed.ceiling == plain.ceiling == pytest.approx(4.409, abs=6e-4)
    assert concealed.listening_rating(1, 1.0) > plain.listening_rating(1, 1.0)


def test_g729_can_never_be_excellent() -> None:
    found = codec_impairment("G729", plc=True)
    assert isinstance(found, CodecImpairment)
    assert found.ceiling == pytest.approx(4.104, abs=6e-4)
