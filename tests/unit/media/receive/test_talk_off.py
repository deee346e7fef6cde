"""Speech, music and noise are no keys (ITU-T Q.24: signal simulation by speech)."""

from __future__ import annotations

import numpy as np
import pytest

from media.receive.digit_pieces import InBandDigits
from tests.support.keys import DBM0, Samples, Voice, pcm
from tests.support.programs import required

TEXTS = {
    "en": "Thank you for calling. All agents are busy, please hold. My order is five four two seven nine, and nobody "
    "was at home yesterday, we were away all year, along the low hills near Loch Lomond.",
    "de": "Guten Tag, alle Plätze sind belegt. Meine Kundennummer ist drei acht eins null fünf. Über sieben Brücken.",
    "fr": "Bonjour, tous nos conseillers sont en ligne. Mon numéro est le quatre vingt dix sept, je voudrais savoir.",
    "es": "Buenas tardes, todos nuestros agentes están ocupados. Mi número es cinco cuatro dos siete nueve.",
    "it": "Buongiorno, tutti gli operatori sono occupati. Il mio numero è cinque quattro due sette nove.",
    "hr": "Dobar dan, svi su naši agenti trenutno zauzeti. Moj broj je pet četiri dva sedam devet.",
    "ru": "Добрый день, все операторы сейчас заняты. Номер моего заказа пять четыре два семь девять.",
    "tr": "Aradığınız için teşekkür ederiz, bütün temsilcilerimiz meşgul, lütfen hatta kalın.",
    "hi": "कॉल करने के लिए धन्यवाद। हमारे सभी एजेंट अभी व्यस्त हैं, कृपया लाइन पर बने रहें।",
}
VARIANTS = ("", "+f1", "+f3", "+f5", "+m2", "+m7", "+whisper", "+croak")
PACES = (100, 160, 240)
PITCHES = (15, 45, 70, 85)
LEVELS = (-10, -16, -24)


def keys(rate: int, sound: Samples) -> list[tuple[int, float, float]]:
    return InBandDigits(rate).feed(pcm(sound))


def test_five_minutes_of_speech_in_nine_languages_are_no_key() -> None:
    required("espeak-ng")
    seconds = 0.0
    for turn in range(45):
        language = list(TEXTS)[turn % len(TEXTS)]
        voice = Voice(language + VARIANTS[(turn // 9 + turn) % len(VARIANTS)], PACES[turn % 3], PITCHES[turn // 2 % 4])
        original = voice.says(TEXTS[language])
        for rate in (8000, 16000):
            sound = original.at(rate, LEVELS[turn // 3 % 3])
            assert keys(rate, sound) == [], f"{language}, turn {turn}, at {rate} Hz"
        seconds += original.seconds
    assert seconds > 300


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("tilt", [0.0, 0.5, 1.0], ids=["white", "pink", "brown"])
def test_a_minute_of_noise_is_no_key(rate: int, tilt: float) -> None:
    dice = np.random.default_rng(int(10 * tilt))
    spectrum = np.fft.rfft(dice.normal(0, 1, rate * 60))
    spectrum /= np.arange(1, len(spectrum) + 1) ** tilt
    noise = np.fft.irfft(spectrum)
    assert keys(rate, noise * np.sqrt(DBM0 / 10) / noise.std()) == []


@pytest.mark.parametrize("rate", [8000, 16000])
def test_two_minutes_of_chords_are_no_key(rate: int) -> None:
    """Instruments have overtones; a chord of two pure sines in the right places would rightly be a key."""
    dice = np.random.default_rng(440)
    for _ in range(40):
        t = np.arange(rate * 3) / rate
        chord = np.zeros(len(t))
        for _ in range(int(dice.integers(1, 5))):
            base = 110 * 2 ** (int(dice.integers(0, 40)) / 12)
            for overtone in range(1, 7):
                if base * overtone < 0.45 * rate:
                    chord += np.sin(2 * np.pi * base * overtone * t) * np.exp(-t * dice.uniform(0, 3)) / overtone
        assert keys(rate, 12000 * chord / np.abs(chord).max()) == []
