"""Addresses we put into messages, and engine events for legs that are or are not there."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from media.events import DigitReceived, EngineDegraded, LegGone, MediaStarted, MediaTimeout, RecordingFinished
from softswitch.b2bua.destination import OutwardPolicy
from softswitch.b2bua.header_policy import HeaderTable
from softswitch.dialplan.route import Echo
from softswitch.sip.flow import Flow
from tests.support.puppets import a_moment
from tests.support.quiet_media import NOTHING_HEARD
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual


@pytest.mark.parametrize(
    ("flow", "contact"),
    [
        (Flow("UDP", ("192.0.2.1", 5060), ("198.51.100.7", 5060)), "<sip:192.0.2.1:5060>"),
        (Flow("TCP", ("192.0.2.1", 5070), ("198.51.100.7", 5060)), "<sip:192.0.2.1:5070;transport=tcp>"),
        (Flow("UDP", ("2001:db8::1", 5060), ("2001:db8::7", 5060)), "<sip:[2001:db8::1]:5060>"),
        (Flow("UDP", ("sip.example.net", 5060), ("198.51.100.7", 5060)), "<sip:sip.example.net:5060>"),
    ],
)
def test_contact(flow: Flow, contact: str) -> None:
    async def story() -> None:
        assert str(World(Random(1), []).switch.contact(flow)) == contact

    run_virtual(story)


def test_events_of_legs_and_recordings_nobody_knows_are_dropped() -> None:
    async def story() -> None:
        switch = World(Random(1), []).switch
        for event in (
            MediaStarted(99, "198.51.100.7", 4000),
            MediaTimeout(99, 60.0),
            DigitReceived(99, "5", 100),
            LegGone(99, NOTHING_HEARD, None),
            RecordingFinished(99, ()),
            EngineDegraded("no real-time priority"),
        ):
            switch.media_event(event)

    run_virtual(story)


def test_what_the_engine_hears_is_told_in_the_story_of_the_leg() -> None:
    async def story() -> None:
        world = World(Random(1), [Echo(None)])
        caller = world.phone(9)
        session = caller.call("123", SWITCH)
        await a_moment()
        (leg,) = world.media.open
        (running,) = world.supervisor.calls.values()
        world.switch.media_event(MediaStarted(leg, "198.51.100.9", 40000))
        world.switch.media_event(DigitReceived(leg, "#", 120))
        told = {line.event: dict(line.facts) for line in running.call.story.lines}
        assert told["media started"] == {"leg": "trunk:inbound", "remote": "198.51.100.9:40000"}
        assert told["digit"] == {"leg": "trunk:inbound", "digit": "#", "duration_ms": 120}
        caller.hang_up(session)
        await world.settle()
        assert not world.switch._by_media

    run_virtual(story)


@pytest.mark.parametrize(
    "broken",
    [{"outward": OutwardPolicy(headers=HeaderTable(add=(("X-Note", "a\r\nVia: b"),)))}, {"from_domain": "no domain"}],
)
def test_a_destination_that_cannot_be_written_fails_as_a_number_not_as_a_crash(broken: dict[str, Any]) -> None:
    """Refused by the stack before anything is sent, and nothing of the attempt stays."""

    async def story() -> None:
        world = World(Random(1), [to(1)])
        trunk = replace(world.supervisor.resources.trunks["t1"], **broken)
        world.supervisor.resources = replace(world.supervisor.resources, trunks={"t1": trunk})
        callee, caller = world.phone(1), world.phone(9)
        caller.call("123", SWITCH)
        await world.settle()
        assert caller.refused == [484]
        assert callee.rang == 0

    run_virtual(story)
