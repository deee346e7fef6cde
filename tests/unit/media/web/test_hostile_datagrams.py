"""Anything may come to a browser leg's port (THREATS M2): it is handed up, heard, or dropped and counted."""

from __future__ import annotations

import random
import struct
from contextlib import closing

import pytest

from media.commands import Connect, PayloadFormat, SetNack
from media.events import HandshakeReceived
from tests.support.browser_far_end import CLIENT_HELLO, STUN, BrowserFarEnd, browser_leg, free_port
from tests.support.media_world import PCMA, Rtp, media_world

ROUNDS = 1200
VOLLEY = 20
RED = PayloadFormat(63, "red", 8000)
SUITE = "AES_CM_128_HMAC_SHA1_80"
"""Its tag stands behind the packet whatever the header says, so that what is malformed inside can authenticate."""


def spoilt(dice: random.Random, data: bytes, times: int) -> bytes:
    """Some octets changed, the end cut or drawn out."""
    changed = bytearray(data)
    for _ in range(dice.randrange(times + 1)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    if dice.random() < 0.3:
        return bytes(changed[: dice.randrange(len(changed) + 1)])
    return bytes(changed) + dice.randbytes(dice.choice((0, 0, 1, 40, 1400, 2100)) if dice.random() < 0.2 else 0)


def outside(dice: random.Random) -> bytes:
    """What needs no key to be sent."""
    kind = dice.randrange(6)
    if kind == 0:
        return dice.randbytes(dice.randrange(1600))
    if kind == 1:
        return bytes([dice.randrange(256)]) + dice.randbytes(dice.randrange(60))
    seed = (STUN, CLIENT_HELLO, bytes(Rtp(5, 800)), struct.pack("!BBHI", 0x80, 201, 1, 9))[kind - 2]
    return spoilt(dice, seed, 6)


def report(dice: random.Random, ssrc: int) -> bytes:
    """RTCP of any kind, lengths that lie, feedback about us and others."""
    packets = b""
    for _ in range(dice.randrange(1, 4)):
        words = dice.randrange(12)
        body = dice.randbytes(4) + dice.choice((struct.pack("!I", ssrc), dice.randbytes(4))) + dice.randbytes(4 * words)
        length = dice.choice((len(body) // 4, len(body) // 4, dice.randrange(40)))
        first = 0x80 | dice.choice((0, 0, 0x20)) | dice.randrange(32)
        packets += struct.pack("!BBH", first, dice.choice((200, 201, 202, 203, 204, 205, 206, 207, 223)), length) + body
    return packets


def speech(dice: random.Random, number: int) -> bytes:
    """RTP with any header, and redundancy that claims anything."""
    packet = bytearray(
        bytes(Rtp(number & 0xFFFF, number * 160, dice.randbytes(dice.randrange(80)), dice.choice((8, 63, 9))))
    )
    if dice.random() < 0.5:
        packet[0] = 0x80 | dice.randrange(64)
    return bytes(packet)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_that_comes_breaks_a_leg_or_makes_it_answer_a_stranger(seed: int, shared: bool) -> None:
    dice = random.Random(seed)
    async with media_world(browser_port=free_port() if shared else None) as world:
        phone = world.far_end()
        with closing(BrowserFarEnd(suite=SUITE)) as browser, closing(BrowserFarEnd("127.0.0.9")) as stranger:
            a, b = browser_leg(world, browser, (PCMA, RED)), world.leg(phone)
            world.engine.post(SetNack(a.leg, on=True), Connect(a.leg, b.leg))
            await world.settled()
            browser.say(a, Rtp(0, 0))
            await phone.hear()
            phone.send(b, Rtp(0, 0))
            ssrc = (await browser.hear()).ssrc
            phone.hear_waiting()
            before = world.engine.counters()
            number = sent = 0
            for _ in range(ROUNDS // VOLLEY):
                for _ in range(VOLLEY):
                    sent += 1
                    if dice.random() < 0.5:
                        dice.choice((browser, stranger)).raw(a, outside(dice))
                    elif dice.random() < 0.5:
                        browser.report(a, report(dice, ssrc))
                    else:
                        number += dice.choice((1, 1, 2, 9))
                        browser.say(a, speech(dice, number))
                taken = before.packets_received + sent
                await world.until(lambda taken=taken: world.engine.counters().packets_received == taken)  # type: ignore[misc]
                phone.hear_waiting()
            found = world.engine.counters()
            dropped = found.drops.total - before.drops.total
            handed_up = len(world.told(HandshakeReceived))
            assert 0 < handed_up < sent - dropped
            assert found.drops.malformed > 0
            assert found.drops.stranger > 0
            assert found.rtcp_received > before.rtcp_received
            browser.say(a, Rtp(number + 1 & 0xFFFF, (number + 1) * 160, b"\x2a" * 160))
            while (await phone.hear()).payload != b"\x2a" * 160:
                pass
            assert stranger.heard_nothing()
