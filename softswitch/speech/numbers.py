"""Queue positions in words: "third", "dritte", "troisième" ... for 1 to 100; digits beyond, and in other languages.

Engines read digits as cardinal numbers by themselves; ordinals have to be written out, for "3." is the end of a
sentence to most of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.speech.utterance import PLACEHOLDER, Utterance

if TYPE_CHECKING:
    from collections.abc import Callable

HIGHEST = 100


def _words(text: str) -> list[str]:
    return text.split()


_EN = _words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_EN_TENS = _words("- - twenty thirty forty fifty sixty seventy eighty ninety")
_EN_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"}
_EN_ORDINALS |= {"twelve": "twelfth"}

_DE = _words(
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn "
    "sechzehn siebzehn achtzehn neunzehn"
)
_DE_TENS = _words("- - zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig")
_DE_ORDINALS = {1: "erste", 3: "dritte", 7: "siebte", 8: "achte"}

_FR = _words(
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize "
    "dix-sept dix-huit dix-neuf"
)
_FR_TENS = _words("- - vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt")

_ES = _words(
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis "
    "diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco "
    "veintiséis veintisiete veintiocho veintinueve"
)
_ES_TENS = _words("- - - treinta cuarenta cincuenta sesenta setenta ochenta noventa")
_ES_ORDINALS = _words("- primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo undécimo duodécimo")
_ES_ORDINAL_TENS = _words(
    "- decimo vigésimo trigésimo cuadragésimo quincuagésimo sexagésimo septuagésimo octogésimo nonagésimo"
)

_IT = _words(
    "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici "
    "sedici diciassette diciotto diciannove"
)
_IT_TENS = _words("- - venti trenta quaranta cinquanta sessanta settanta ottanta novanta")
_IT_ORDINALS = _words("- primo secondo terzo quarto quinto sesto settimo ottavo nono decimo")


def _en(n: int) -> str:
    if n == HIGHEST:
        return "one hundred"
    tens, ones = divmod(n, 10)
    return _EN[n] if n < 20 else _EN_TENS[tens] + (f"-{_EN[ones]}" if ones else "")


def _en_ordinal(n: int) -> str:
    head, dash, last = _en(n).rpartition("-")
    stem = _EN_ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
    return head + dash + stem


def _de(n: int) -> str:
    if n == HIGHEST:
        return "hundert"
    tens, ones = divmod(n, 10)
    if n < 20:
        return _DE[n]
    return _DE_TENS[tens] if not ones else f"{'ein' if ones == 1 else _DE[ones]}und{_DE_TENS[tens]}"


def _de_ordinal(n: int) -> str:
    return _DE_ORDINALS.get(n) or _de(n) + ("te" if n < 20 else "ste")


def _fr(n: int) -> str:
    if n == HIGHEST:
        return "cent"
    if n < 20:
        return _FR[n]
    tens = n // 10
    ones = n % 20 if tens in (7, 9) or tens == 8 else n % 10
    if ones == 0:
        return "quatre-vingts" if n == 80 else _FR_TENS[tens]
    joint = " et " if ones in (1, 11) and n < 80 else "-"
    return _FR_TENS[tens] + joint + _FR[ones]


def _fr_ordinal(n: int) -> str:
    if n == 1:
        return "premier"
    word = _fr(n)
    if word.endswith("cinq"):
        return f"{word}uième"
    if word.endswith("neuf"):
        return f"{word[:-1]}vième"
    return f"{word.removesuffix('s') if n == 80 else word.removesuffix('e')}ième"


def _es(n: int) -> str:
    if n == HIGHEST:
        return "cien"
    tens, ones = divmod(n, 10)
    return _ES[n] if n < 30 else _ES_TENS[tens] + (f" y {_ES[ones]}" if ones else "")


def _es_ordinal(n: int) -> str:
    if n == HIGHEST:
        return "centésimo"
    if n <= 12:
        return _ES_ORDINALS[n]
    tens, ones = divmod(n, 10)
    if tens == 1:
        return _ES_ORDINAL_TENS[1] + _ES_ORDINALS[ones]
    return _ES_ORDINAL_TENS[tens] + (f" {_ES_ORDINALS[ones]}" if ones else "")


def _it(n: int) -> str:
    if n == HIGHEST:
        return "cento"
    tens, ones = divmod(n, 10)
    if n < 20:
        return _IT[n]
    if ones in (1, 8):
        return _IT_TENS[tens][:-1] + _IT[ones]
    return _IT_TENS[tens] + ("tré" if ones == 3 else _IT[ones] if ones else "")


def _it_ordinal(n: int) -> str:
    if n <= 10:
        return _IT_ORDINALS[n]
    word = _it(n)
    if n % 10 == 3 and n > 20:
        return f"{word[:-1]}eesimo"
    return f"{word if n % 10 == 6 and n > 20 else word[:-1]}esimo"


_WORDS: dict[str, tuple[Callable[[int], str], Callable[[int], str]]] = {
    "en": (_en, _en_ordinal),
    "de": (_de, _de_ordinal),
    "fr": (_fr, _fr_ordinal),
    "es": (_es, _es_ordinal),
    "it": (_it, _it_ordinal),
}
LANGUAGES = tuple(_WORDS)


def cardinal(n: int, language: str) -> str:
    """How many: `three`."""
    words = _WORDS.get(language.partition("-")[0].lower())
    return words[0](n) if words is not None and 0 <= n <= HIGHEST else str(n)


def ordinal(n: int, language: str) -> str:
    """Which one: `third`, masculine singular where the language asks."""
    words = _WORDS.get(language.partition("-")[0].lower())
    return words[1](n) if words is not None and 1 <= n <= HIGHEST else str(n)


def resolve(utterance: Utterance, position: int | None) -> Utterance:
    """The same with the caller's place in the queue filled in; of one who is in no queue, nothing is said."""
    if not utterance.is_open():
        return utterance

    def word(kind: str) -> str:
        if position is None:
            return ""
        if kind == "ORDINAL":
            return ordinal(position, utterance.language)
        return cardinal(position, utterance.language) if kind == "CARDINAL" else str(position)

    text = PLACEHOLDER.sub(lambda found: word(found[1]), utterance.text)
    return Utterance(text, utterance.language, utterance.voice, utterance.rate, utterance.engine)
