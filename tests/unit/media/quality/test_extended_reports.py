"""Extended reports octet by octet (RFC 3611 section 4), between two sides, and against whatever comes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.quality.pieces import Reporter, parse_extended
from media.quality.voip_metrics import VoipMetrics

RR = struct.pack("!BBHI", 0x80, 201, 1, 42)
OURS = 7


def xr(*blocks: bytes, ssrc: int = 42) -> bytes:
    body = struct.pack("!I", ssrc) + b"".join(blocks)
    return struct.pack("!BBH", 0x80, 207, len(body) // 4) + body


def reference_time(ntp: int) -> bytes:
    return struct.pack("!BBHQ", 4, 0, 2, ntp)


def dlrr(*receivers: tuple[int, int, int]) -> bytes:
    body = b"".join(struct.pack("!III", *each) for each in receivers)
    return struct.pack("!BBH", 5, 0, len(body) // 4) + body


VOIP = (5, 3, 64, 2, 400, 8000, 120, 45, 0xEC, 0xBA, 55, 16, 86, 127, 42, 41, 0xF3, 60, 80, 200)


def voip_metrics(ssrc: int = OURS, fields: tuple[int, ...] = VOIP) -> bytes:
    return struct.pack("!BBHI4B4H4B4BBBHHH", 7, 0, 8, ssrc, *fields[:17], 0, *fields[17:])


STATISTICS = struct.pack("!BBHIHH6I4B", 6, 0xE0, 9, OURS, 1, 2, *[0] * 6, *[0] * 4)
LOSS_RLE = struct.pack("!BBHIHHHH", 1, 0, 3, OURS, 1, 2, 0x4001, 0)


def test_the_blocks_we_read_among_those_we_do_not() -> None:
    data = RR + xr(
        LOSS_RLE,
        reference_time(0x1111_2222_3333_4444),
        STATISTICS,
        dlrr((1, 10, 20), (OURS, 30, 40)),
        voip_metrics(99, (255,) * 20),
        voip_metrics(),
    )
    assert parse_extended(data, OURS) == (0x2222_3333, (30, 40), VOIP)


def test_a_report_about_somebody_else_says_nothing_of_us() -> None:
    assert parse_extended(RR + xr(dlrr((1, 10, 20)), voip_metrics(99)), OURS) == (None, None, None)


def test_padding_is_not_a_block() -> None:
    padded = bytearray(xr(reference_time(0x1_0000_0000)) + b"\0\0\0\x04")
    padded[0] |= 0x20
    padded[3] += 1
    assert parse_extended(RR + bytes(padded), OURS) == (0x10000, None, None)


@pytest.mark.parametrize(
    "block",
    [
        struct.pack("!BBHI", 4, 0, 1, 5),
        struct.pack("!BBHIIII", 5, 0, 4, OURS, 1, 2, 3),
        voip_metrics()[:2] + struct.pack("!H", 9) + voip_metrics()[4:] + bytes(4),
    ],
    ids=["reference time", "DLRR", "VoIP Metrics"],
)
def test_a_block_of_the_wrong_length_is_passed_over(block: bytes) -> None:
    assert parse_extended(RR + xr(block, reference_time(1 << 16)), OURS) == (1, None, None)


@pytest.mark.parametrize(
    "data",
    [
        RR + xr(b"\x04\0\0\x03" + bytes(8)),
        RR + xr(b"\xff\0\xff\xff"),
        RR + struct.pack("!BBH", 0x80, 207, 0),
        xr(reference_time(1)),
    ],
    ids=["a block beyond the packet", "far beyond it", "no SSRC", "no receiver report before it"],
)
def test_blocks_that_do_not_add_up_spoil_the_compound(data: bytes) -> None:
    assert parse_extended(data, OURS) is None


@given(st.binary(max_size=120))
def test_whatever_comes_is_survived(data: bytes) -> None:
    words = data[: len(data) // 4 * 4]
    found = parse_extended(RR + struct.pack("!BBHI", 0x80, 207, 1 + len(words) // 4, 42) + words, OURS)
    if found is not None and found[2] is not None:
        VoipMetrics.read(found[2])


@given(st.binary(max_size=200))
def test_a_side_that_hears_nonsense_keeps_writing_what_is_well_formed(data: bytes) -> None:
    side = Reporter(ssrc=OURS, reference=True, metrics=True)
    side.receive(42, 1, 160, 1_000_000)
    side.read(RR + data, 2_000_000)
    assert parse_extended(side.write(3_000_000), 42) is not None


class TestTwoSides:
    def pair(self, **agreed: bool) -> tuple[Reporter, Reporter]:
        terms = {"reference": True, "metrics": True} | agreed
        # Clocks that show quite different times.
        return Reporter(ssrc=1, ntp_start=5 << 32, **terms), Reporter(ssrc=2, ntp_start=77 << 40, **terms)

    def test_who_only_receives_learns_the_round_trip(self) -> None:
        talker, listener = self.pair()
        for number in range(50):
            talker.send(number, number * 160, number * 20_000)
            listener.receive(1, number, number * 160, number * 20_000 + 30_000)
        # 40 ms there, 300 ms until the answer is due, 60 ms back.
        assert talker.read(listener.write(1_000_000), 1_040_000)
        assert listener.read(talker.write(1_340_000), 1_400_000)
        assert listener.round_trip is not None
        micros, extended = listener.round_trip
        assert extended
        assert micros == pytest.approx(100_000, abs=50)

    def test_without_agreement_nothing_is_said_or_believed(self) -> None:
        talker, listener = self.pair(reference=False, metrics=False)
        for number in range(50):
            talker.send(number, number * 160, number * 20_000)
            listener.receive(1, number, number * 160, number * 20_000)
        written = listener.write(1_000_000)
        assert written[1] == 201
        assert 207 not in (written[1], written[len(written) - 4 + 1])
        assert parse_extended(written, 1) == (None, None, None)
        assert listener.read(talker.write(1_100_000) + xr(dlrr((2, 5, 0)), ssrc=1), 1_200_000)
        assert listener.round_trip is None

    def test_a_dlrr_that_answers_nothing_we_sent_is_not_believed(self) -> None:
        talker, listener = self.pair()
        talker.send(0, 0, 0)
        listener.receive(1, 0, 0, 0)
        listener.write(1_000_000)
        assert listener.read(talker.write(1_100_000) + xr(dlrr((2, 0xABCD, 0)), ssrc=1), 1_200_000)
        assert listener.round_trip is None

    def test_a_sender_report_carries_the_time_already(self) -> None:
        _, sender = self.pair()
        sender.send(0, 0, 0)
        assert parse_extended(sender.write(1_000_000), 1) == (None, None, None)

    def test_figures_arrive_as_they_were_measured(self) -> None:
        talker, listener = self.pair()
        for number in range(400):
            talker.send(number, number * 160, number * 20_000)
            if number not in (100, 101, 102, 200):
                listener.receive(1, number, number * 160, number * 20_000)
        listener.score(88, 43, 42)
        assert talker.read(listener.write(9_000_000), 9_000_000)
        assert talker.metrics is not None
        found = VoipMetrics.read(talker.metrics)
        assert found is not None
        assert found.loss_percent == pytest.approx(1.0, abs=0.4)
        assert (found.discard_percent, found.burst_ms, found.gmin) == (0.0, 60, 16)
        assert found.burst_loss_percent > 99
        assert (found.r, found.mos_lq, found.mos_cq) == (88, 4.3, 4.2)
        assert (found.buffer_ms, found.end_system_ms, found.adaptive, found.concealment) == (40, 60, True, "standard")
        assert (found.signal_dbm, found.noise_dbm, found.echo_return_loss_db, found.external_r) == (None,) * 4

    def test_figures_from_somebody_else_within_the_call_are_not_taken(self) -> None:
        talker, _ = self.pair()
        talker.send(0, 0, 0)
        talker.receive(2, 0, 0, 0)
        foreign = struct.pack("!BBHI", 0x80, 201, 1, 99) + xr(voip_metrics(1), ssrc=99)
        assert talker.read(foreign, 1_000_000)
        assert talker.metrics is None


def test_what_was_lost_before_us_is_passed_over_not_lost_by_us() -> None:
    side = Reporter(ssrc=1, reference=False, metrics=False)
    for number in (0, 1, 2, 5, 6, 9):
        side.send(number, number * 160, number * 20_000)
    assert side.skipped == 4
