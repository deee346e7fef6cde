"""G.711 against the Recommendation: decoder output values, code words, and the law-to-law tables 3 and 4."""

from __future__ import annotations

from array import array

import pytest
from audiocodecs import g711
from hypothesis import given
from hypothesis import strategies as st

ALL_CODES = bytes(range(256))
ALL_SAMPLES = array("h", range(-32768, 32768))

# Tables 3/G.711 and 4/G.711: decoder output value numbers, written as runs.
MU_TO_A = [
    *(n for n in range(1, 9) for _ in range(2)),
    *range(9, 26),
    27, 29, 31,
    *range(33, 45),
    46,
    *range(48, 63),
    *range(64, 80),
    81,
    *range(82, 129),
]  # fmt: skip
A_TO_MU = [
    *range(1, 16, 2),
    *range(16, 32),
    *(n for n in range(32, 36) for _ in range(2)),
    *range(36, 48),
    48, 48, 49, 49,
    *range(50, 64),
    64, 64,
    *range(65, 80),
    79,
    *range(80, 128),
]  # fmt: skip


def a_code(number: int, positive: bool) -> int:
    """Character signal of A-law value `number` (1..128): bit 1 is the sign, even bits inverted (table 1, note 2)."""
    return ((0x80 if positive else 0) | (number - 1)) ^ 0x55


def mu_code(number: int, positive: bool) -> int:
    """Character signal of mu-law value `number` (0..127): all bits inverted but the sign (table 2, note 2)."""
    return (0xFF if positive else 0x7F) - number


def a_value(number: int) -> int:
    """Decoder output value of table 1a, column 7, on the scale where the last decision value is 4096."""
    segment, step = max((number - 1) // 16, 1), (number - 1) % 16
    if number <= 32:
        return 2 * number - 1
    return (2 * step + 33) << (segment - 1)


def mu_value(number: int) -> int:
    """Decoder output value of table 2a, column 7, on the scale where the last decision value is 8159."""
    segment, step = number // 16, number % 16
    return ((2 * step + 33) << segment) - 33


def decoded(samples: bytes) -> list[int]:
    return array("h", samples).tolist()


@pytest.mark.parametrize(
    ("number", "value"), [(1, 1), (16, 31), (33, 66), (64, 252), (65, 264), (113, 2112), (128, 4032)]
)
def test_a_values_are_those_of_table_1(number: int, value: int) -> None:
    assert a_value(number) == value


@pytest.mark.parametrize(
    ("number", "value"), [(0, 0), (1, 2), (15, 30), (16, 33), (32, 99), (64, 495), (112, 4191), (127, 8031)]
)
def test_mu_values_are_those_of_table_2(number: int, value: int) -> None:
    assert mu_value(number) == value


def test_every_a_law_code_word_decodes_to_its_value() -> None:
    output = decoded(g711.alaw_to_linear(ALL_CODES))
    for number in range(1, 129):
        assert output[a_code(number, True)] == 8 * a_value(number)  # 13 bits in 16: 32768 stands for 4096
        assert output[a_code(number, False)] == -8 * a_value(number)


def test_every_mu_law_code_word_decodes_to_its_value() -> None:
    output = decoded(g711.ulaw_to_linear(ALL_CODES))
    for number in range(128):
        assert output[mu_code(number, True)] == 4 * mu_value(number)  # 14 bits in 16
        assert output[mu_code(number, False)] == -4 * mu_value(number)


def test_encoding_what_was_decoded_gives_the_same_code_word() -> None:
    assert g711.linear_to_alaw(g711.alaw_to_linear(ALL_CODES)) == ALL_CODES
    again = bytearray(g711.linear_to_ulaw(g711.ulaw_to_linear(ALL_CODES)))
    assert again[0x7F] == 0xFF  # minus zero has no sign in two's complement
    again[0x7F] = 0x7F
    assert bytes(again) == ALL_CODES


def test_a_law_decides_between_the_decision_values() -> None:
    code_words, lower = g711.linear_to_alaw(ALL_SAMPLES), 0
    for number in range(1, 129):
        upper = 2 * a_value(number) - lower  # a decoder output value lies midway between two decision values
        for sample in range(8 * lower, min(8 * upper, 32768)):
            assert code_words[32768 + sample] == a_code(number, True)
            assert code_words[32767 - sample] == a_code(number, False)  # ones' complement: -1 mirrors 0
        lower = upper
    assert lower == 4096  # the virtual decision value of table 1


def test_mu_law_decides_between_the_decision_values() -> None:
    code_words, lower = g711.linear_to_ulaw(ALL_SAMPLES), 0
    for number in range(128):
        upper = 2 * mu_value(number) - lower if number else 1
        for sample in range(4 * lower, min(4 * upper, 32768)):
            assert code_words[32768 + sample] == mu_code(number, True)
            assert code_words[32767 - sample] == mu_code(number, False)
        lower = upper
    assert lower == 8159  # the virtual decision value of table 2
    assert code_words[-1] == 0x80  # beyond it the last value holds
    assert code_words[0] == 0x00


def test_encoding_is_monotonic() -> None:
    for encode, decode in ((g711.linear_to_alaw, g711.alaw_to_linear), (g711.linear_to_ulaw, g711.ulaw_to_linear)):
        values = decoded(decode(encode(ALL_SAMPLES)))
        assert values == sorted(values)


def test_mu_to_a_follows_table_3() -> None:
    output = g711.ulaw_to_alaw(ALL_CODES)
    for number, a_number in enumerate(MU_TO_A):
        for positive in (True, False):
            assert output[mu_code(number, positive)] == a_code(a_number, positive)


def test_a_to_mu_follows_table_4() -> None:
    output = g711.alaw_to_ulaw(ALL_CODES)
    for a_number, number in enumerate(A_TO_MU, start=1):
        for positive in (True, False):
            assert output[a_code(a_number, positive)] == mu_code(number, positive)


def test_bits_1_to_7_survive_a_mu_a() -> None:
    back = g711.ulaw_to_alaw(g711.alaw_to_ulaw(ALL_CODES))
    assert all((there ^ 0x55) >> 1 == (here ^ 0x55) >> 1 for here, there in zip(ALL_CODES, back, strict=True))


def test_silence_stays_silence() -> None:
    assert g711.linear_to_alaw(b"\0\0") == b"\xd5"
    assert g711.linear_to_ulaw(b"\0\0") == b"\xff"
    assert g711.alaw_to_ulaw(b"\xd5") == b"\xfe"  # A-law has no zero: its smallest value is mu-law's number 1
    assert g711.ulaw_to_alaw(b"\xff") == b"\xd5"


@given(st.binary(max_size=400))
def test_lengths(data: bytes) -> None:
    assert len(g711.alaw_to_linear(data)) == 2 * len(data)
    assert len(g711.ulaw_to_alaw(data)) == len(data)
    if len(data) % 2:
        with pytest.raises(ValueError, match="16-bit samples expected"):
            g711.linear_to_alaw(data)
    else:
        assert len(g711.linear_to_ulaw(data)) == len(data) // 2
