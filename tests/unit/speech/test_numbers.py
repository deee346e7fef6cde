"""Queue positions in words, as a native speaker counts."""

from __future__ import annotations

import pytest

from softswitch.speech.numbers import HIGHEST, LANGUAGES, cardinal, ordinal, resolve
from softswitch.speech.utterance import Utterance

CARDINALS = {
    "en": {0: "zero", 1: "one", 12: "twelve", 20: "twenty", 21: "twenty-one", 99: "ninety-nine", 100: "one hundred"},
    "de": {1: "eins", 16: "sechzehn", 17: "siebzehn", 21: "einundzwanzig", 30: "dreißig", 76: "sechsundsiebzig"},
    "fr": {
        1: "un", 17: "dix-sept", 21: "vingt et un", 22: "vingt-deux", 70: "soixante-dix", 71: "soixante et onze",
        80: "quatre-vingts", 81: "quatre-vingt-un", 90: "quatre-vingt-dix",
        91: "quatre-vingt-onze", 99: "quatre-vingt-dix-neuf",
    },
    "es": {1: "uno", 16: "dieciséis", 21: "veintiuno", 26: "veintiséis", 31: "treinta y uno", 100: "cien"},
    "it": {1: "uno", 17: "diciassette", 21: "ventuno", 23: "ventitré", 28: "ventotto", 55: "cinquantacinque"},
}  # fmt: skip
ORDINALS = {
    "en": {1: "first", 2: "second", 3: "third", 5: "fifth", 8: "eighth", 9: "ninth", 12: "twelfth", 20: "twentieth",
           21: "twenty-first", 42: "forty-second", 100: "one hundredth"},
    "de": {1: "erste", 2: "zweite", 3: "dritte", 7: "siebte", 8: "achte", 19: "neunzehnte", 20: "zwanzigste",
           21: "einundzwanzigste", 100: "hundertste"},
    "fr": {1: "premier", 2: "deuxième", 4: "quatrième", 5: "cinquième", 9: "neuvième", 11: "onzième",
           21: "vingt et unième",
           30: "trentième", 71: "soixante et onzième", 80: "quatre-vingtième", 100: "centième"},
    "es": {1: "primero", 3: "tercero", 7: "séptimo", 10: "décimo", 12: "duodécimo", 13: "decimotercero", 20: "vigésimo",
           21: "vigésimo primero", 100: "centésimo"},
    "it": {1: "primo", 3: "terzo", 10: "decimo", 11: "undicesimo", 20: "ventesimo", 21: "ventunesimo",
           23: "ventitreesimo",
           26: "ventiseiesimo", 100: "centesimo"},
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_counting(language: str) -> None:
    assert {n: cardinal(n, language) for n in CARDINALS[language]} == CARDINALS[language]
    assert {n: ordinal(n, language) for n in ORDINALS[language]} == ORDINALS[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_position_has_words_of_its_own(language: str) -> None:
    for words in (cardinal, ordinal):
        said = [words(n, language) for n in range(1, HIGHEST + 1)]
        assert len(set(said)) == HIGHEST
        assert not any(any(c.isdigit() for c in word) or word.startswith("-") for word in said)


def test_beyond_the_words_there_are_digits() -> None:
    assert (cardinal(101, "de"), ordinal(101, "de"), cardinal(3, "sv"), ordinal(3, "sv")) == ("101", "101", "3", "3")
    assert cardinal(3, "de-AT") == "drei"


def test_a_text_is_filled_in_when_it_is_said() -> None:
    text = "Place {{QUEUE_POSITION_DEFAULT}}: you are the {{QUEUE_POSITION_ORDINAL}}, {{QUEUE_POSITION_CARDINAL}} wait."
    open_ = Utterance(text, "en-gb", "female", 1.5, "piper")
    said = resolve(open_, 3)
    assert said == Utterance("Place 3: you are the third, three wait.", "en-gb", "female", 1.5, "piper")
    assert (open_.is_open(), said.is_open()) == (True, False)
    assert resolve(open_, None).text == "Place : you are the ,  wait."
    assert resolve(said, 7) is said
    assert not Utterance("{{QUEUE_POSITION_ROMAN}}").is_open()


@pytest.mark.parametrize(
    ("text", "rate", "complaint"),
    [
        ("", 1.0, "1 to 1400"),
        ("  ", 1.0, "1 to 1400"),
        ("x" * 1401, 1.0, "1401"),
        ("x", 0.49, "0.5 to 2"),
        ("x", 2.1, "2.1"),
    ],
)
def test_what_no_engine_is_asked_to_say(text: str, rate: float, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Utterance(text, rate=rate)
