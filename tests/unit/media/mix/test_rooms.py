"""Rooms through the whole engine: phones with real sockets, each with a tone of its own, and what each hears."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from media.commands import (
    CloseLeg,
    CloseRoom,
    Connect,
    JoinRoom,
    LeaveRoom,
    OpenRoom,
    PayloadFormat,
    Play,
    SetGain,
    StopPlay,
    Tone,
)
from media.events import MarkReached, RoomChanged, RoomClosed
from tests.support.media_world import PCMA, PCMU, media_world
from tests.support.parties import Party, meet
from tests.support.tones import largest_step, strength, tone

if TYPE_CHECKING:
    from collections.abc import Sequence

G722 = PayloadFormat(9, "G722", 8000)
OPUS = PayloadFormat(111, "opus", 48000)
L16 = PayloadFormat(96, "L16", 16000)
ROOM = 7


def hears(listener: Party, speakers: Sequence[Party], *, within: float = 0.5, db: float = 0.0) -> bool:
    """Whether these and no others are heard, as loud as they should be."""
    return all(abs(listener.level_of(each) - db) <= within for each in speakers)


def deaf_to(listener: Party, speakers: Sequence[Party], *, below: float = -40.0) -> bool:
    return all(listener.level_of(each) < below for each in speakers)


def others(parties: Sequence[Party], party: Party) -> list[Party]:
    return [each for each in parties if each is not party]


def n_minus_one(parties: Sequence[Party]) -> bool:
    return all(hears(each, others(parties, each)) and deaf_to(each, [each]) for each in parties)


@pytest.mark.parametrize(
    "formats",
    [(PCMA, PCMA, PCMU), (G722, PCMA, G722), (OPUS, G722, PCMA, L16)],
    ids=["narrow", "wide", "mixed"],
)
async def test_everybody_hears_the_others_and_not_themselves(formats: tuple[PayloadFormat, ...]) -> None:
    async with media_world() as world:
        parties = [Party(world, number, format_) for number, format_ in enumerate(formats)]
        world.engine.post(OpenRoom(ROOM, "room"), *(JoinRoom(ROOM, each.leg) for each in parties))
        await meet(parties, lambda: n_minus_one(parties))
        assert world.told(RoomChanged)[-1] == RoomChanged(ROOM, len(parties))


async def test_a_hundred_legs_in_one_room() -> None:
    async with media_world() as world:
        parties = [Party(world, 2 * number % 33, PCMA, amplitude=0.1) for number in range(100)]
        for each in parties[3:]:
            each.talks = False
        world.engine.post(OpenRoom(ROOM, "room", 100), *(JoinRoom(ROOM, each.leg) for each in parties))
        await meet(
            parties,
            lambda: n_minus_one(parties[:3]) and all(hears(each, parties[:3]) for each in parties[3:]),
        )


async def test_gains_are_exact_for_their_pair() -> None:
    async with media_world() as world:
        one, two, three = parties = [Party(world, number, PCMU) for number in range(3)]
        world.engine.post(OpenRoom(ROOM, "room"), *(JoinRoom(ROOM, each.leg) for each in parties))
        world.engine.post(SetGain(ROOM, one.leg, two.leg, -12.0), SetGain(ROOM, three.leg, two.leg, None))
        await meet(
            parties,
            lambda: hears(two, [one], db=-12.0) and deaf_to(two, [two, three]) and hears(three, [one, two]),
        )
        world.engine.post(SetGain(ROOM, one.leg, two.leg, 0.0), SetGain(ROOM, three.leg, two.leg, 6.0))
        await meet(parties, lambda: hears(two, [one]) and hears(two, [three], db=6.0))


async def test_whisper_listen_and_barge() -> None:
    async with media_world() as world:
        customer, agent, supervisor = parties = [Party(world, number, PCMA) for number in range(3)]
        world.engine.post(OpenRoom(ROOM, "room"), JoinRoom(ROOM, customer.leg), JoinRoom(ROOM, agent.leg))
        world.engine.post(JoinRoom(ROOM, supervisor.leg, speaks=False))
        await meet(parties, lambda: hears(supervisor, [customer, agent]) and deaf_to(supervisor, [supervisor]))
        await meet(
            parties, lambda: deaf_to(customer, [supervisor], below=-50) and deaf_to(agent, [supervisor], below=-50)
        )
        world.engine.post(JoinRoom(ROOM, supervisor.leg, silent_to=(customer.leg,)))
        before = len(customer.heard)
        await meet(parties, lambda: hears(agent, [customer, supervisor]) and len(customer.heard) > before + 2400)
        since = customer.heard[before - 800 :]
        windows = [since[at : at + 800] for at in range(0, len(since) - 800, 160)]
        assert max(strength(each, 8000, supervisor.frequency) for each in windows) < 0.01 * 0.1 * 32767
        world.engine.post(JoinRoom(ROOM, supervisor.leg))
        await meet(parties, lambda: n_minus_one(parties))


async def test_a_bridged_pair_moves_into_a_room_and_back() -> None:
    """While the third is there they hear it, too; their own words go on, without a word lost or said twice."""
    async with media_world() as world:
        one, two, third = parties = [Party(world, number, PCMA, amplitude=0.3) for number in range(3)]
        third.talks = False
        world.engine.post(Connect(one.leg, two.leg))
        await meet(parties, lambda: hears(one, [two]) and hears(two, [one]))
        relayed = len(one.heard)
        world.engine.post(OpenRoom(ROOM, "room"), *(JoinRoom(ROOM, each.leg) for each in parties))
        await meet(parties, lambda: len(one.heard) > relayed + 4000 and hears(third, [one, two]))
        moved = one.heard[: relayed + 3200]
        assert largest_step(moved) <= largest_step(tone(8000, two.frequency, 0.3, 0.1)) * 1.2
        third.talks = True
        await meet(parties, lambda: n_minus_one(parties))
        world.engine.post(LeaveRoom(ROOM, third.leg), CloseRoom(ROOM))
        await world.event(RoomClosed)
        await meet(parties, lambda: hears(one, [two]) and hears(two, [one]) and deaf_to(one, [third, one]))


async def test_who_is_closed_leaves_and_the_rest_goes_on() -> None:
    async with media_world() as world:
        one, two, three = parties = [Party(world, number, PCMA) for number in range(3)]
        world.engine.post(OpenRoom(ROOM, "room"), *(JoinRoom(ROOM, each.leg) for each in parties))
        await meet(parties, lambda: n_minus_one(parties))
        world.engine.post(CloseLeg(three.leg))
        await world.gone(three.opened)
        rest = [one, two]
        await meet(rest, lambda: n_minus_one(rest) and deaf_to(one, [three]))
        assert world.told(RoomChanged)[-1].parties == 2


async def test_the_rate_follows_those_who_can_use_it() -> None:
    """One wide phone among narrow ones needs no wide room; two do, and hear what no narrow phone could send."""
    async with media_world() as world:
        wide, narrow, other = parties = [
            Party(world, number, format_) for number, format_ in enumerate((G722, PCMA, G722))
        ]
        wide.frequency = 5250
        world.engine.post(OpenRoom(ROOM, "room"), JoinRoom(ROOM, wide.leg), JoinRoom(ROOM, narrow.leg))
        await meet(parties[:2], lambda: hears(wide, [narrow]))
        world.engine.post(JoinRoom(ROOM, other.leg))
        await meet(parties, lambda: hears(other, [wide, narrow], within=1.0) and hears(narrow, [other]))


async def test_what_plays_to_a_party_goes_before_the_room() -> None:
    async with media_world() as world:
        one, two = parties = [Party(world, number, PCMA) for number in range(2)]
        world.engine.post(OpenRoom(ROOM, "room"), *(JoinRoom(ROOM, each.leg) for each in parties))
        await meet(parties, lambda: n_minus_one(parties))
        world.engine.post(Play(one.leg, 1, Tone((950,)), True))
        played = Party(world, 7, PCMA)
        await meet(parties, lambda: deaf_to(one, [two]) and one.level_of(played) > 0 and hears(two, [one]))
        world.engine.post(StopPlay(one.leg))
        await meet(parties, lambda: n_minus_one(parties))


async def test_a_room_that_is_full_or_elsewhere_says_so() -> None:
    async with media_world(workers=2) as world:
        here, there = Party(world, 0, PCMA, group="a"), Party(world, 1, PCMA, group="b")
        world.engine.post(OpenRoom(1, "a", 1), OpenRoom(2, "b", 3), JoinRoom(1, here.leg))
        with pytest.raises(ValueError, match="open the leg with the group of the room"):
            world.engine.post(JoinRoom(2, here.leg))
        third = Party(world, 2, PCMA, group="a")
        with pytest.raises(ValueError, match="room 1 is full: 1 parties"):
            world.engine.post(JoinRoom(1, third.leg))
        with pytest.raises(ValueError, match="room 1 is already open"):
            world.engine.post(OpenRoom(1, "a"))
        with pytest.raises(ValueError, match="at most 12 dB"):
            world.engine.post(SetGain(1, here.leg, there.leg, 13))


async def test_a_closed_room_is_forgotten_and_its_number_may_be_used_again() -> None:
    async with media_world() as world:
        parties = [Party(world, number, PCMA) for number in range(2)]
        joins = [JoinRoom(ROOM, each.leg) for each in parties]
        for _ in range(2):
            world.events.clear()
            world.engine.post(OpenRoom(ROOM, "room"), *joins)
            await meet(parties, lambda: n_minus_one(parties))
            world.engine.post(CloseRoom(ROOM), SetGain(ROOM, parties[0].leg, parties[1].leg, -6), *joins)
            await world.event(RoomClosed)
            for each in parties:
                each.hear()
                each.heard.clear()


async def test_a_stream_is_a_party_like_any_other() -> None:
    """A bot: it hears each voice for itself, is heard by all, tells its marks, and leaves."""
    async with media_world() as world:
        one, two = parties = [Party(world, number, PCMA) for number in range(2)]
        world.engine.post(OpenRoom(ROOM, "room"), *(JoinRoom(ROOM, each.leg) for each in parties))
        bot = world.engine.open_stream(ROOM, rate=16000, ahead=10)
        said = tone(16000, 1250, 0.1, 5).astype(np.int16)
        for at, frame in enumerate(np.split(said, 250)):
            assert bot.say(frame.tobytes(), 5 if at == 9 else 0)
        tracks: dict[int, list[int]] = {}

        def listened() -> bool:
            for party, _, rate, pcm in bot.read():
                tracks.setdefault(party, []).extend(np.frombuffer(pcm, np.int16).tolist())
                assert rate == 8000
            return all(
                len(tracks.get(each.leg, ())) > 1600
                and strength(tracks[each.leg][-800:], 8000, each.frequency) == pytest.approx(3277, rel=0.05)
                and strength(tracks[each.leg][-800:], 8000, other.frequency) < 40
                for each, other in (parties, parties[::-1])
            )

        voice = Party(world, 10, PCMA)
        await meet(parties, lambda: listened() and hears(one, [two, voice]) and hears(two, [one, voice]))
        assert (await world.event(MarkReached)) == MarkReached(bot.number, 5)
        bot.clear()
        await meet(parties, lambda: deaf_to(one, [voice]) and bot.waiting == 0)
        world.engine.close_stream(bot)
        await world.event(RoomChanged, lambda event: event.parties == 2 and len(world.told(RoomChanged)) > 3)
        with pytest.raises(ValueError, match="room 9 is not open"):
            world.engine.open_stream(9)
        for _ in range(98):
            world.engine.open_stream(ROOM, hears="nothing")
        with pytest.raises(ValueError, match="room 7 is full: 100 parties"):
            world.engine.open_stream(ROOM)
