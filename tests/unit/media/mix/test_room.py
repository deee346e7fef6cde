"""The logic of a room, tick by tick: who hears whom how loud, and that nothing clicks. Parties are streams."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from media.mix.room_pieces import TickedRoom
from media.mix.stream import StreamRings
from tests.support.tones import decibels, largest_step, strength, tone

UNITY = 8192
MIX, TRACKS = 1, 2
Pcm = NDArray[np.int32]


class Party:
    """A stream that says a tone of its own for ever."""

    def __init__(
        self, room: TickedRoom, number: int, amplitude: float = 0.1, *, rate: int = 8000, **how: object
    ) -> None:
        self.number, self.rate, self.room = number, rate, room
        self.frequency = 250 + 100 * number
        self.amplitude = amplitude
        self.rings = StreamRings(number, rate, 100, 100)
        self.said = 0
        self.heard: list[int] = []
        self.tracks: dict[int, list[int]] = {}
        room.join(self.rings, **how)

    def say(self, frames: int = 1) -> None:
        pcm = tone(self.rate, self.frequency, self.amplitude, frames / 50, start=self.said / 50).astype(np.int16)
        self.said += frames
        for frame in np.split(pcm, frames):
            assert self.rings.say(frame.tobytes())

    def hear(self) -> None:
        for party, _, _, pcm in self.rings.read():
            (self.tracks.setdefault(party, []) if party else self.heard).extend(np.frombuffer(pcm, np.int16).tolist())


def meet(room: TickedRoom, *parties: Party, frames: int = 10, silent: tuple[Party, ...] = ()) -> None:
    for _ in range(frames):
        for party in parties:
            if party not in silent:
                party.say()
        room.tick()
        for party in parties:
            party.hear()


def spectrum(samples: list[int], parties: tuple[Party, ...], rate: int = 8000) -> list[float]:
    """How loud each party's tone is in the last 100 ms, in dB of what it said."""
    last = samples[-rate // 10 :]
    return [decibels(strength(last, rate, each.frequency) / (each.amplitude * 32767)) for each in parties]


@pytest.mark.parametrize("count", [2, 3, 7])
def test_everybody_hears_the_others_and_not_themselves(count: int) -> None:
    room = TickedRoom(8000, 8)
    parties = tuple(Party(room, number) for number in range(1, count + 1))
    meet(room, *parties)
    for listener in parties:
        for speaker, level in zip(parties, spectrum(listener.heard, parties), strict=True):
            assert level < -60 if speaker is listener else level == pytest.approx(0, abs=0.05)


def test_what_the_others_say_is_added_to_the_sample() -> None:
    room = TickedRoom(8000, 3)
    one, two, three = (Party(room, number) for number in (1, 2, 3))
    meet(room, one, two, three)
    assert list(np.add(tone(8000, 350, 0.1, 0.2), tone(8000, 450, 0.1, 0.2))) == three.heard


def test_who_says_nothing_hears_everybody() -> None:
    room = TickedRoom(8000, 4)
    one, two, three, four = parties = tuple(Party(room, number) for number in (1, 2, 3, 4))
    meet(room, *parties, silent=(three, four))
    assert three.heard == four.heard
    assert spectrum(three.heard, (one, two)) == pytest.approx([0, 0], abs=0.05)
    assert max(spectrum(one.heard, (one, three, four))) < -60


@pytest.mark.parametrize("db", [-20.0, -6.0, 6.0])
def test_a_gain_holds_for_one_pair_alone(db: float) -> None:
    room = TickedRoom(8000, 3)
    one, two, three = parties = tuple(Party(room, number) for number in (1, 2, 3))
    room.gain(1, 2, round(UNITY * 10 ** (db / 20)))
    meet(room, *parties)
    assert spectrum(two.heard, (one, three)) == pytest.approx([db, 0], abs=0.1)
    assert spectrum(three.heard, (one, two)) == pytest.approx([0, 0], abs=0.1)
    assert spectrum(one.heard, (two, three)) == pytest.approx([0, 0], abs=0.1)


@pytest.mark.parametrize(
    ("mode", "customer_hears", "agent_hears"), [("listen", [], []), ("whisper", [], [3]), ("barge", [3], [3])]
)
def test_supervision_is_a_row_of_the_matrix(mode: str, customer_hears: list[int], agent_hears: list[int]) -> None:
    """1 is the customer, 2 the agent, 3 the supervisor, who always hears both."""
    room = TickedRoom(8000, 3)
    customer, agent = Party(room, 1), Party(room, 2)
    supervisor = Party(room, 3, speaks=False)
    if mode == "whisper":
        room.gain(3, 1, 0)
    room.speak(3, mode != "listen")
    parties = (customer, agent, supervisor)
    meet(room, *parties)
    assert spectrum(supervisor.heard, (customer, agent)) == pytest.approx([0, 0], abs=0.05)
    for party, expected in ((customer, customer_hears), (agent, agent_hears)):
        level = spectrum(party.heard, (supervisor,))[0]
        assert level == pytest.approx(0, abs=0.05) if expected else level < -70


def test_joining_leaving_and_turning_up_do_not_click() -> None:
    room = TickedRoom(8000, 4)
    one, listener = Party(room, 1), Party(room, 9)
    meet(room, one, listener, silent=(listener,), frames=3)
    two = Party(room, 2, fade=True)
    meet(room, one, two, listener, silent=(listener,), frames=6)
    joined = len(listener.heard)
    room.gain(2, 9, 2 * UNITY)
    meet(room, one, two, listener, silent=(listener,), frames=3)
    room.gain(2, 9, 0)
    meet(room, one, two, listener, silent=(listener,), frames=3)
    room.gain(2, 9, UNITY)
    meet(room, one, two, listener, silent=(listener,), frames=3)
    room.leave(2)
    meet(room, one, listener, silent=(listener,), frames=3)
    alone = largest_step(tone(8000, 350, 0.1, 0.1)) + 2 * largest_step(tone(8000, 450, 0.1, 0.1))
    assert largest_step(listener.heard) <= alone * 1.05
    assert spectrum(listener.heard[:joined], (one, two)) == pytest.approx([0, 0], abs=0.5)
    assert spectrum(listener.heard[-2 * 160 :], (two,))[0] < -60


def test_who_joins_hears_no_click_either() -> None:
    room = TickedRoom(8000, 3)
    one = Party(room, 1, 0.5)
    meet(room, one, frames=3)
    listener = Party(room, 2, fade=True)
    one.say()
    room.tick()
    meet(room, one, listener, silent=(listener,), frames=4)
    assert listener.heard[0] == 0
    assert largest_step([0, *listener.heard]) <= largest_step(tone(8000, 350, 0.5, 0.1)) * 1.05


def test_a_stream_that_falls_silent_does_not_click() -> None:
    """It stops in the middle of a word, at full amplitude."""
    room = TickedRoom(8000, 2)
    one, listener = Party(room, 1, 0.5), Party(room, 2)
    one.frequency = 337
    meet(room, one, listener, silent=(listener,), frames=3)
    meet(room, one, listener, silent=(one, listener), frames=3)
    assert abs(listener.heard[479]) > 8000
    assert largest_step(listener.heard) <= largest_step(tone(8000, 337, 0.5, 0.1)) * 1.05
    assert not any(listener.heard[640:])
    meet(room, one, listener, silent=(listener,), frames=1)
    assert listener.heard[960:] == list(tone(8000, 337, 0.5, 0.02, start=0.06))


def test_nothing_clips_however_many_shout() -> None:
    room = TickedRoom(8000, 12)
    parties = tuple(Party(room, number, 0.9) for number in range(1, 12))
    listener = Party(room, 20)
    meet(room, *parties, listener, silent=(listener,), frames=20)
    assert max(map(abs, listener.heard)) <= 32000
    assert room.limiter_gain < 1 / 6
    levels = spectrum(listener.heard, parties)
    assert max(levels) - min(levels) < 1


def test_the_level_is_not_jerked_when_a_listener_begins_to_speak() -> None:
    """From the mix of everybody to a mix of one's own and back, while the level is turned down."""
    room = TickedRoom(8000, 4)
    one, two = Party(room, 1, 0.9), Party(room, 2, 0.9)
    listener = Party(room, 3, 0.002)
    for talks in (False, True, False, True, False):
        meet(room, one, two, listener, silent=() if talks else (listener,), frames=4)
    steady = np.array(listener.heard[1600:], float)
    both = (tone(8000, 350, 0.9, 0.2, start=0.2) + tone(8000, 450, 0.9, 0.2, start=0.2)).astype(float)
    gains = [
        float(np.dot(steady[at : at + 160], both[at : at + 160]) / np.dot(both[at : at + 160], both[at : at + 160]))
        for at in range(0, len(steady), 160)
    ]
    assert max(gains) / min(gains) < 1.06


def test_a_party_that_only_hums_is_left_out_until_it_speaks() -> None:
    room = TickedRoom(8000, 3)
    speaker, hummer, listener = Party(room, 1), Party(room, 2, 0.0015), Party(room, 3)
    meet(room, speaker, hummer, listener, silent=(speaker, listener), frames=60)
    assert max(map(abs, listener.heard[:160])) > 40
    assert not any(listener.heard[-3200:])
    hummer.amplitude = 0.1
    meet(room, speaker, hummer, listener, silent=(speaker, listener))
    assert spectrum(listener.heard, (hummer,)) == pytest.approx([0], abs=0.1)
    assert largest_step(listener.heard) <= largest_step(tone(8000, 450, 0.1, 0.1)) * 1.05


def test_streams_of_other_rates_hear_and_are_heard() -> None:
    room = TickedRoom(16000, 3)
    narrow, wide, high = parties = Party(room, 1), Party(room, 2, rate=16000), Party(room, 3, rate=48000)
    meet(room, *parties)
    assert spectrum(wide.heard, (narrow, high), 16000) == pytest.approx([0, 0], abs=0.3)
    assert spectrum(narrow.heard, (wide, high), 16000) == pytest.approx([0, 0], abs=0.3)


def test_the_rate_of_a_room_may_change_while_it_ticks() -> None:
    room = TickedRoom(8000, 2)
    one, two = parties = Party(room, 1, rate=16000), Party(room, 2)
    meet(room, *parties, silent=(two,), frames=5)
    room.rate(16000)
    two.heard.clear()
    meet(room, *parties, silent=(two,), frames=10)
    assert len(two.heard) == 10 * 320
    assert spectrum(two.heard, (one,), 16000) == pytest.approx([0], abs=0.3)


def test_tracks_are_one_for_each_voice() -> None:
    room = TickedRoom(8000, 4)
    one, two = Party(room, 1), Party(room, 2)
    scribe = Party(room, 3, speaks=False, hears=TRACKS)
    meet(room, one, two, scribe, silent=(scribe,))
    assert scribe.tracks == {1: list(tone(8000, 350, 0.1, 0.2)), 2: list(tone(8000, 450, 0.1, 0.2))}
    assert not scribe.heard


def test_a_track_says_when_it_was() -> None:
    room = TickedRoom(8000, 3)
    one = Party(room, 1)
    scribe = Party(room, 3, speaks=False, hears=TRACKS)
    ticks = []
    for talks in (True, True, False, True):
        one.say() if talks else None
        room.tick()
        ticks += [tick for _, tick, _, _ in scribe.rings.read()]
    assert ticks == [0, 1, 2, 3]  # the third is the last sound dying away
    room.tick(3)
    assert [tick for _, tick, _, _ in scribe.rings.read()] == [4]


def test_marks_are_told_when_they_are_reached_and_clear_takes_back_the_rest() -> None:
    room = TickedRoom(8000, 2)
    bot, listener = StreamRings(1, 8000, 10, 10), Party(room, 2)
    room.join(bot)
    room.told()
    frame = tone(8000, 300, 0.3, 0.02).astype(np.int16).tobytes()
    for mark in (0, 7, 0, 8):
        assert bot.say(frame, mark)
    room.tick(2)
    assert [(kind, party, number) for kind, party, number, _ in room.told()] == [(22, 1, 7)]
    bot.clear()
    assert bot.waiting == 0
    room.tick(3)
    listener.hear()
    assert room.told() == []
    assert not any(listener.heard[3 * 160 :])


def test_a_stream_takes_only_what_it_has_room_for() -> None:
    room = TickedRoom(8000, 2)
    bot = StreamRings(1, 8000, 3, 10)
    room.join(bot)
    frame = bytes(320)
    assert [bot.say(frame) for _ in range(4)] == [True, True, True, False]
    assert bot.waiting == 3
    room.tick()
    assert bot.say(frame)
    assert not bot.say(frame)
    with pytest.raises(ValueError, match="expected 320 octets, 20 ms at 8000 Hz, got 100"):
        bot.say(bytes(100))


def test_who_reads_too_late_loses_the_oldest_and_can_tell_how_much() -> None:
    room = TickedRoom(8000, 2)
    late = StreamRings(1, 8000, 3, 4)
    room.join(late)
    room.tick(10)
    assert [tick for _, tick, _, _ in late.read()] == [6, 7, 8, 9]
    assert late.lost == 6


def test_seats_are_taken_again() -> None:
    room = TickedRoom(8000, 3)
    first = [Party(room, number) for number in (1, 2, 3)]
    room.gain(1, 2, 0)
    room.gain(2, 3, 0)
    room.tick()
    for party in first:
        room.leave(party.number)
    room.tick()
    assert room.seats_used == 0
    again = tuple(Party(room, number) for number in (4, 5, 6))
    meet(room, *again)
    for listener in again:
        others = tuple(each for each in again if each is not listener)
        assert spectrum(listener.heard, others) == pytest.approx([0, 0], abs=0.05)


def test_a_full_room_seats_who_comes_in_the_tick_in_which_another_left() -> None:
    room = TickedRoom(8000, 2)
    leaver, stayer = Party(room, 1), Party(room, 2)
    room.gain(1, 2, 0)
    meet(room, leaver, stayer)
    room.leave(1)
    comer = Party(room, 3)
    meet(room, stayer, comer)
    assert spectrum(stayer.heard, (comer,)) == pytest.approx([0], abs=0.05)
    assert spectrum(comer.heard, (stayer,)) == pytest.approx([0], abs=0.05)


def test_a_room_tells_how_many_are_in_it() -> None:
    room = TickedRoom(8000, 3)
    for number in (1, 2):
        Party(room, number)
    room.leave(1)
    room.close()
    assert room.told() == [(20, 0, 1, 1), (20, 0, 1, 2), (20, 0, 1, 1), (21, 0, 1, 0)]


def test_a_hundred_parties() -> None:
    room = TickedRoom(8000, 100)
    parties = tuple(Party(room, number, 0.005) for number in range(1, 101))
    for each in parties:
        each.frequency = 200 + 30 * each.number
    meet(room, *parties, frames=10)
    for listener in (parties[0], parties[57], parties[99]):
        levels = spectrum(listener.heard, parties)
        mine = levels.pop(listener.number - 1)
        assert mine < -25
        assert levels == pytest.approx([0] * 99, abs=0.5)
    assert math.isclose(room.limiter_gain, 1.0)
