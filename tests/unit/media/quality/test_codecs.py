"""Codec values: where they come from, and no value where there is none."""

from __future__ import annotations

import pytest

from media.quality.codecs import CodecFactors, CodecImpairment, Mode, Unrated, codec_impairment
from media.quality.emodel import WIDEBAND


@pytest.mark.parametrize("name", ["opus", "iLBC", "GSM", "AMR-WB", "AMR", "EVS", "L16", "speex", "", "x" * 500])
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


@pytest.mark.parametrize(
    ("mode", "source", "scale"),
    [
        (Mode(8000, 11.2), "NB CBR 11", "MOS-CQE"),
        (Mode(8000, 6.1), "NB VBR 6", "MOS-CQE"),
        (Mode(16000, 12.9), "WB VBR 13", "MOS-CQEW"),
    ],
)
def test_opus_is_rated_where_somebody_measured(mode: Mode, source: str, scale: str) -> None:
    found = codec_impairment("opus", plc=True, mode=mode)
    assert isinstance(found, CodecImpairment)
    assert source in found.source
    assert (found.grounding, found.ceiling.scale) == ("published", scale)


@pytest.mark.parametrize(
    ("name", "mode", "scale", "ceiling", "at_one_percent"),
    [
        ("G722", Mode(), "MOS-CQEW", 4.3371, 3.9434),
        ("opus", Mode(24000, 24.6), "MOS-CQEF", 4.2395, 4.0313),
        ("opus", Mode(48000, 32.0), "MOS-CQEF", 4.3040, 4.0911),
        ("opus", Mode(48000, 40.0), "MOS-CQEF", 4.4012, 4.2042),
    ],
)
def test_what_is_assumed_says_so_and_what(
    name: str, mode: Mode, scale: str, ceiling: float, at_one_percent: float
) -> None:
    """Worked out by hand with G.107.1 and G.107.2: R = Ro - Ie - (C - Ie) Ppl / (Ppl + Bpl)."""
    found = codec_impairment(name, plc=True, mode=mode)
    assert isinstance(found, CodecImpairment)
    assert (found.grounding, "assumed to be" in found.source, found.ceiling.scale) == ("assumed", True, scale)
    assert found.ceiling == pytest.approx(ceiling, abs=6e-4)
    assert found.scale.score(found.listening_rating(1.0, 1.0)) == pytest.approx(at_one_percent, abs=6e-4)


@pytest.mark.parametrize(
    "mode", [Mode(8000, 24.0), Mode(16000, 32.0), Mode(48000, 80.0), Mode(24000, 12.0), Mode(8000, 0.0), Mode(0, 11.0)]
)
def test_and_nowhere_else(mode: Mode) -> None:
    found = codec_impairment("opus", plc=True, mode=mode)
    assert isinstance(found, Unrated)
    assert not mode.kbps or not mode.sample_rate or f"{mode.sample_rate // 1000} kHz" in found.reason


def test_codecs_rated_by_mode_are_on_their_own_scales() -> None:
    wide = codec_impairment("AMR-WB", plc=True, mode=Mode(16000, 12.65))
    full = codec_impairment("EVS", plc=True, mode=Mode(32000, 24.4))
    assert isinstance(wide, CodecImpairment)
    assert isinstance(full, CodecImpairment)
    assert (wide.ceiling.scale, full.ceiling.scale) == ("MOS-CQEW", "MOS-CQEF")


class TestOverrides:
    OWN = CodecImpairment(13, 4.3, 1.5, "assumed", "quality.codecs.g722", WIDEBAND)
    SIXTEEN = CodecImpairment(18, 18, 6.5, "assumed", "quality.codecs.opus/16000", WIDEBAND)

    def test_the_operators_word_goes_before_ours(self) -> None:
        factors = CodecFactors({"g722": self.OWN})
        assert factors.find("G722", plc=True) is self.OWN
        assert factors.find("PCMA", plc=True) == codec_impairment("PCMA", plc=True)

    def test_a_sample_rate_goes_before_the_name_alone(self) -> None:
        factors = CodecFactors({"opus": self.OWN, "opus/16000": self.SIXTEEN})
        assert factors.find("opus", plc=True, mode=Mode(16000, 40)) is self.SIXTEEN
        assert factors.find("opus", plc=True, mode=Mode(48000, 40)) is self.OWN
        assert factors.find("opus", plc=True) is self.OWN

    def test_only_codecs_whose_values_depend_on_the_mode_need_a_look(self) -> None:
        factors = CodecFactors({"l16/16000": self.OWN})
        assert [name for name in ("opus", "L16", "PCMA", "G722", "AMR-WB") if factors.by_mode(name)] == [
            "opus",
            "L16",
            "AMR-WB",
        ]
