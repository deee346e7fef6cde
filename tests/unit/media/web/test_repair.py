"""Audio that is lost on a browser's way: repeated in later packets (RFC 2198), or asked for again (RFC 4585 6.2.1)."""

from __future__ import annotations

import random
import struct
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

import pytest

from media.commands import Connect, PayloadFormat, SetFormats, SetNack
from tests.support.browser_far_end import BrowserFarEnd, browser_leg
from tests.support.media_world import Rtp, media_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from media.legs import OpenedLeg
    from tests.support.media_world import FarEnd, MediaWorld

OPUS = PayloadFormat(111, "opus", 48000)
RED = PayloadFormat(63, "red", 48000)
STEP = 960


def payload(number: int) -> bytes:
    """Something of its own length for each packet."""
    return bytes([number & 0xFF]) * (20 + number % 7)


def plain(number: int) -> Rtp:
    return Rtp(number & 0xFFFF, number * STEP, payload(number), OPUS.payload_type)


def redundant(number: int, *back: int) -> Rtp:
    """What this packet says, and so many packets before it."""
    heads = b"".join(
        struct.pack(
            "!BHB",
            0x80 | 111,
            back_by * STEP << 2 | len(payload(number - back_by)) >> 8,
            len(payload(number - back_by)),
        )
        for back_by in back
    )
    said = b"".join(payload(number - back_by) for back_by in back) + payload(number)
    return Rtp(number & 0xFFFF, number * STEP, heads + b"\x6f" + said, RED.payload_type)


def unpacked(packet: Rtp) -> list[tuple[int, int, bytes]]:
    """Payload type, timestamp and payload of each block, as a browser reads them."""
    data, blocks = packet.payload, []
    while data[0] & 0x80:
        kind, word, low = struct.unpack_from("!BHB", data)
        blocks.append((kind & 0x7F, word >> 2, (word & 3) << 8 | low))
        data = data[4:]
    kind, data = data[0], data[1:]
    found = []
    for each, back, length in blocks:
        found.append((each, packet.timestamp - back & 0xFFFFFFFF, data[:length]))
        data = data[length:]
    return [*found, (kind, packet.timestamp, data)]


@asynccontextmanager
async def call(
    *formats: PayloadFormat, nack: bool = False
) -> AsyncIterator[tuple[MediaWorld, BrowserFarEnd, OpenedLeg, FarEnd, OpenedLeg]]:
    """A browser with these formats, connected to a phone that speaks Opus."""
    async with media_world(rtcp_interval=1000.0) as world:
        phone = world.far_end()
        with closing(BrowserFarEnd()) as browser:
            a, b = browser_leg(world, browser, formats), world.leg(phone, (OPUS,))
            world.engine.post(SetNack(a.leg, nack), Connect(a.leg, b.leg))
            await world.settled()
            yield world, browser, a, phone, b


def report(heard: list[Rtp], lost: int) -> bytes:
    """A receiver report on what was heard."""
    block = struct.pack("!IIIIII", heard[0].ssrc, lost, heard[-1].sequence, 0, 0, 0)
    return struct.pack("!BBHI", 0x81, 201, 7, 0x1234) + block


def nack(ssrc: int, *asked: tuple[int, int]) -> bytes:
    entries = b"".join(struct.pack("!HH", *each) for each in asked)
    return struct.pack("!BBHII", 0x81, 205, 2 + len(asked), 0x1234, ssrc) + entries


async def test_a_packet_the_browser_asks_for_comes_again_as_it_was() -> None:
    async with call(OPUS, nack=True) as (world, browser, a, phone, b):
        for number in range(10):
            phone.send(b, plain(number))
        sent = [await browser.take() for _ in range(10)]
        first, ssrc = struct.unpack_from("!H", sent[0], 2)[0], struct.unpack_from("!I", sent[0], 8)[0]
        browser.report(a, nack(ssrc, (first + 2 & 0xFFFF, 0b101), (first + 9 & 0xFFFF, 0)))
        assert [await browser.take() for _ in range(4)] == [sent[2], sent[3], sent[5], sent[9]]
        asked = world.engine.counters().rtcp_received
        for wrong in (nack(ssrc ^ 1, (first, 0)), nack(ssrc, (first + 77 & 0xFFFF, 0xFFFF)), nack(ssrc)):
            browser.report(a, wrong)
        for _ in range(3):
            browser.report(a, nack(ssrc, (first + 2 & 0xFFFF, 0)))
        await world.until(lambda: world.engine.counters().rtcp_received == asked + 6)
        phone.send(b, plain(10))
        assert await browser.take() == sent[2]
        assert browser.opening.open(await browser.take())[12:] == payload(10)
        found = world.engine.statistics(a.leg)
        assert found is not None
        assert (found.drops.total, found.packets_sent) == (0, 11)


async def test_who_did_not_agree_on_it_gets_nothing_again_and_is_asked_for_nothing() -> None:
    async with call(OPUS) as (world, browser, a, phone, b):
        phone.send(b, plain(0))
        sent = await browser.take()
        browser.report(a, nack(struct.unpack_from("!I", sent, 8)[0], (struct.unpack_from("!H", sent, 2)[0], 0)))
        for number in (0, 3):
            browser.say(a, plain(number))
        await phone.hear_many(2)
        phone.send(b, plain(1))
        assert browser.opening.open(await browser.take())[12:] == payload(1)
        assert world.engine.counters().rtcp_sent == 0


async def test_what_is_lost_on_the_way_from_the_browser_is_asked_for() -> None:
    async with call(OPUS, nack=True) as (world, browser, a, phone, _):
        for number in (65533, 65534, 65537, 65538, 65542):
            browser.say(a, plain(number))
        await phone.hear_many(5)
        requests = [await browser.hear_rtcp() for _ in range(2)]
        assert {each[:4] for each in requests} == {bytes((0x81, 205, 0, 3))}
        assert {each[8:12] for each in requests} == {struct.pack("!I", 0x1234)}
        assert [struct.unpack("!HH", each[12:]) for each in requests] == [(65535, 0b1), (3, 0b11)]
        browser.sealing.roc, browser.sealing.highest = 0, None
        browser.say(a, plain(65535))
        late = await phone.hear()
        assert late.payload == payload(65535)
        found = world.engine.statistics(a.leg)
        assert found is not None
        assert (found.received.lost, found.received.received) == (4, 6)


@pytest.mark.parametrize("lost", [1, 2])
async def test_what_a_later_packet_repeats_is_not_lost(lost: int) -> None:
    """Everything arrives in its order, as if nothing had happened; only the reports tell."""
    async with call(OPUS, RED) as (world, browser, a, phone, _):
        for number in range(20):
            if not 7 <= number < 7 + lost:
                browser.say(a, redundant(number, *(back for back in (2, 1) if back <= number)))
        heard = await phone.hear_many(20)
        assert [each.payload for each in heard] == [payload(number) for number in range(20)]
        assert [each.sequence - heard[0].sequence & 0xFFFF for each in heard] == list(range(20))
        assert [each.timestamp - heard[0].timestamp & 0xFFFFFFFF for each in heard] == [n * STEP for n in range(20)]
        assert {each.payload_type for each in heard} == {111}
        found = world.engine.statistics(a.leg)
        assert found is not None
        assert (found.packets_received, found.received.lost, found.drops.total) == (20 - lost, 0, 0)


async def test_only_what_is_not_repeated_is_asked_for() -> None:
    async with call(OPUS, RED, nack=True) as (_, browser, a, phone, _b):
        for number in (0, 4):
            browser.say(a, redundant(number, *([2, 1] if number else [])))
        heard = await phone.hear_many(4)
        assert [each.payload for each in heard] == [payload(number) for number in (0, 2, 3, 4)]
        assert struct.unpack("!HH", (await browser.hear_rtcp())[12:]) == (1, 0)


async def test_losses_that_are_reported_make_us_repeat_and_their_end_makes_us_stop() -> None:
    async with call(OPUS, RED) as (world, browser, a, phone, b):
        told: list[Rtp] = []
        lost = 0

        async def said(number: int) -> Rtp:
            phone.send(b, plain(number))
            told.append(await browser.hear())
            return told[-1]

        async def reported(more: int) -> None:
            nonlocal lost
            lost += more
            known = world.engine.counters().rtcp_received
            browser.report(a, report(told, lost))
            await world.until(lambda: world.engine.counters().rtcp_received > known)

        for number in range(20):
            assert (await said(number)).payload_type == 111
        await reported(1)
        packets = [await said(number) for number in range(20, 40)]
        assert {each.payload_type for each in packets} == {63}
        assert [len(unpacked(each)) for each in packets] == [1] + [2] * 19
        for number, each in enumerate(packets[1:], 21):
            assert unpacked(each) == [
                (111, each.timestamp - STEP, payload(number - 1)), (111, each.timestamp, payload(number))
            ]  # fmt: skip
        await reported(4)
        await said(40)
        assert [block[2] for block in unpacked(await said(41))] == [payload(39), payload(40), payload(41)]
        number = 42
        while (await said(number)).payload_type == 63:
            for _ in range(9):
                number += 1
                await said(number)
            await reported(0)
            number += 1
            assert number < 400
        found = world.engine.statistics(a.leg)
        assert found is not None
        assert found.octets_sent == sum(len(payload(each)) for each in range(number + 1))


async def test_a_pause_is_not_bridged() -> None:
    """What lies farther back than the field can say (14 bits of timestamp) is left out."""
    async with call(OPUS, RED) as (world, browser, a, phone, b):
        phone.send(b, plain(0))
        heard = [await browser.hear()]
        phone.send(b, plain(1))
        heard.append(await browser.hear())
        browser.report(a, report(heard, 1))
        await world.until(lambda: world.engine.counters().rtcp_received == 1)
        for sequence, number in enumerate((2, 3, 40, 41), 2):
            phone.send(b, Rtp(sequence, number * STEP, payload(number), 111))
        said = [[block[2] for block in unpacked(await browser.hear())] for _ in range(4)]
        assert said == [[payload(2)], [payload(2), payload(3)], [payload(40)], [payload(40), payload(41)]]


async def test_redundancy_is_no_audio_of_its_own() -> None:
    """Nothing is decoded for it, nor relayed as it; and a new agreement ends it."""
    async with call(OPUS, RED) as (world, browser, a, phone, _):
        world.engine.post(SetFormats(a.leg, (OPUS,), (OPUS,)))
        await world.settled()
        browser.say(a, redundant(0))
        browser.say(a, plain(1))
        assert (await phone.hear()).payload == payload(1)
        assert world.engine.counters().drops.unknown_payload == 1


async def test_anything_may_come_as_redundancy() -> None:
    """Lengths beyond the packet, itself inside itself, nothing at all: each is dropped or read as it says."""
    dice = random.Random(5)
    async with call(OPUS, RED, nack=True) as (world, browser, a, phone, _):
        browser.say(a, plain(0))
        await phone.hear()
        number, sent = 0, 1
        for _ in range(300):
            number += dice.choice((1, 1, 2, 3, 20))
            data = bytearray(redundant(number, *range(dice.randrange(8), 0, -1)).payload)
            for _ in range(dice.randrange(6)):
                data[dice.randrange(len(data))] = dice.randrange(256)
            browser.say(a, Rtp(number & 0xFFFF, number * STEP, bytes(data[: dice.randrange(len(data) + 1)]), 63))
            sent += 1
            await world.until(lambda sent=sent: world.engine.counters().packets_received == sent)  # type: ignore[misc]
        browser.say(a, plain(number + 1))
        await world.until(lambda: world.engine.counters().packets_received == 302)
        while (await phone.hear()).payload != payload(number + 1):
            pass
        assert world.engine.counters().drops.malformed > 0
