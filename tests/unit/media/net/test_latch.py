"""Source locking: who may speak to a leg, and where it sends (symmetric RTP without RTP bleed)."""

from __future__ import annotations

import pytest

from media.pieces import SourceLatch

WINDOW = 5_000_000
GRACE = 100_000
SDP = (b"\xc0\x00\x02\x01", 4000)
PHONE = (b"\xcb\x00\x71\x05", 61000)
STRANGER = (b"\xc6\x33\x64\x09", 5555)
MOVED = (b"\xc0\x00\x02\x02", 7000)


@pytest.fixture
def latch() -> SourceLatch:
    made = SourceLatch(window=WINDOW, grace=GRACE)
    made.signal(SDP, 0)
    return made


def stream(latch: SourceLatch, address: tuple[bytes, int], start: int, count: int, ssrc: int = 1) -> list[str]:
    """Packets 20 ms apart."""
    return [latch.packet(address, ssrc, start + n * 20_000) for n in range(count)]


def test_the_sdp_address_locks_at_once_even_late(latch: SourceLatch) -> None:
    assert latch.packet(SDP, 1, WINDOW * 100) == "locked"
    assert latch.packet(SDP, 2, WINDOW * 100) == "accepted"


def test_a_locked_leg_never_follows_a_stranger(latch: SourceLatch) -> None:
    latch.packet(SDP, 1, 0)
    assert set(stream(latch, STRANGER, 1000, 1000)) == {"stranger"}
    assert latch.destination == SDP


def test_the_same_host_on_another_port_is_a_stranger_too(latch: SourceLatch) -> None:
    latch.packet(SDP, 1, 0)
    assert latch.packet((SDP[0], SDP[1] + 2), 1, 1000) == "stranger"


def test_behind_a_nat_the_only_source_wins_after_the_grace(latch: SourceLatch) -> None:
    assert stream(latch, PHONE, 1000, 7) == ["stranger"] * 5 + ["locked", "accepted"]
    assert latch.destination == PHONE


def test_nothing_is_sent_to_a_candidate_before_it_is_locked(latch: SourceLatch) -> None:
    stream(latch, PHONE, 1000, 4)
    assert latch.destination == SDP


def test_the_sdp_source_beats_a_quicker_stranger(latch: SourceLatch) -> None:
    stream(latch, STRANGER, 0, 4)
    assert latch.packet(SDP, 1, 85_000) == "locked"
    assert set(stream(latch, STRANGER, 100_000, 20)) == {"stranger"}


def test_the_sdp_source_takes_the_lock_back_inside_the_window(latch: SourceLatch) -> None:
    assert stream(latch, STRANGER, 0, 7)[-1] == "accepted"
    assert not latch.settled(200_000)
    assert latch.packet(SDP, 1, 200_000) == "locked"
    assert latch.packet(STRANGER, 1, 210_000) == "stranger"
    assert latch.settled(210_000)


def test_after_the_window_no_stranger_wins(latch: SourceLatch) -> None:
    assert set(stream(latch, STRANGER, WINDOW, 100)) == {"stranger"}
    assert latch.destination == SDP


def test_one_packet_at_each_end_of_the_grace_is_not_a_stream(latch: SourceLatch) -> None:
    latch.packet(STRANGER, 1, 0)
    assert latch.packet(STRANGER, 1, GRACE) == "stranger"


def test_a_candidate_that_changes_its_ssrc_starts_over(latch: SourceLatch) -> None:
    assert {latch.packet(STRANGER, n, n * 20_000) for n in range(100)} == {"stranger"}


def test_a_second_stranger_does_not_hold_the_phone_up(latch: SourceLatch) -> None:
    verdicts = []
    for n in range(8):
        verdicts.append(latch.packet(PHONE, 1, n * 20_000))
        assert latch.packet(STRANGER, 9, n * 20_000 + 5_000) == "stranger"
    assert verdicts[-1] == "accepted"


def test_before_sdp_nobody_is_heard_and_nothing_is_sent() -> None:
    latch = SourceLatch(window=WINDOW, grace=GRACE)
    latch.open(0)
    assert set(stream(latch, PHONE, 0, 50)) == {"stranger"}
    assert latch.destination is None


def test_a_new_sdp_address_moves_the_leg_and_the_old_source_is_heard_meanwhile(latch: SourceLatch) -> None:
    stream(latch, PHONE, 0, 7)
    latch.signal(MOVED, 1_000_000)
    assert latch.destination == MOVED
    assert latch.packet(PHONE, 1, 1_010_000) == "accepted"
    assert latch.packet(MOVED, 2, 1_020_000) == "locked"
    assert latch.packet(PHONE, 1, 1_030_000) == "stranger"


def test_the_old_source_is_not_heard_for_ever(latch: SourceLatch) -> None:
    latch.packet(SDP, 1, 0)
    latch.signal(MOVED, 1_000_000)
    assert latch.packet(SDP, 1, 1_000_000 + WINDOW) == "stranger"


def test_repeating_the_address_changes_nothing(latch: SourceLatch) -> None:
    stream(latch, PHONE, 0, 7)
    latch.signal(SDP, 1_000_000)
    assert latch.packet(PHONE, 1, 1_010_000) == "accepted"
    assert latch.destination == PHONE


def test_sdp_that_catches_up_with_the_nat_changes_nothing(latch: SourceLatch) -> None:
    stream(latch, PHONE, 0, 7)
    latch.signal(PHONE, 1_000_000)
    assert latch.packet(PHONE, 1, 1_010_000) == "accepted"


def test_an_address_that_must_not_be_sent_to_ends_sending(latch: SourceLatch) -> None:
    latch.packet(SDP, 1, 0)
    latch.signal(None, 1_000_000)
    assert latch.destination is None


@pytest.mark.parametrize("heard", [SDP, PHONE])
def test_in_an_old_hold_only_who_was_heard_is_heard(latch: SourceLatch, heard: tuple[bytes, int]) -> None:
    stream(latch, heard, 0, 7)
    latch.signal(None, 1_000_000)
    latch.open(1_000_000)
    assert set(stream(latch, STRANGER, 1_010_000, 20)) == {"stranger"}
    assert latch.packet(heard, 1, WINDOW * 100) == "accepted"
    assert latch.destination is None


def test_an_old_hold_that_overtakes_the_first_packet_still_knows_the_sdp_address(latch: SourceLatch) -> None:
    latch.signal(None, 1_000_000)
    latch.signal(None, 1_100_000)
    assert set(stream(latch, STRANGER, 1_110_000, 20)) == {"stranger"}
    assert latch.packet(SDP, 1, WINDOW * 100) == "locked"
    assert latch.destination is None


def test_an_old_hold_amid_a_move_hears_both_sides_of_it(latch: SourceLatch) -> None:
    latch.packet(SDP, 1, 0)
    latch.signal(MOVED, 1_000_000)
    latch.signal(None, 1_100_000)
    assert latch.packet(SDP, 1, WINDOW * 100) == "accepted"
    assert latch.packet(MOVED, 1, WINDOW * 100) == "locked"
    assert latch.packet(SDP, 1, WINDOW * 100) == "stranger"


def test_after_an_old_hold_the_phone_is_found_anew(latch: SourceLatch) -> None:
    latch.packet(SDP, 1, 0)
    latch.signal(None, 1_000_000)
    latch.signal(MOVED, 2_000_000)
    assert latch.destination == MOVED
    assert latch.packet(SDP, 1, 2_010_000) == "stranger"
    assert latch.packet(MOVED, 1, 2_020_000) == "locked"
    latch.signal(None, 3_000_000)
    latch.signal(MOVED, 4_000_000)
    assert latch.packet(MOVED, 1, 4_010_000) == "accepted"


def test_the_window_opens_anew_when_media_is_expected(latch: SourceLatch) -> None:
    latch.open(30_000_000)
    assert stream(latch, PHONE, 30_000_000, 7)[-1] == "accepted"


def test_ipv4_and_ipv6_never_match() -> None:
    latch = SourceLatch(window=WINDOW, grace=GRACE)
    latch.signal((b"\x20\x01" + b"\0" * 13 + b"\x01", 4000), 0)
    assert latch.packet(SDP, 1, 1) == "stranger"
    assert latch.packet((b"\x20\x01" + b"\0" * 13 + b"\x01", 4000), 1, 2) == "locked"
