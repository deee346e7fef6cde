"""Pictures lost on either side of the switch come again: asked for by NACK, sent again by RFC 4588, from end to end."""

from __future__ import annotations

import random
import struct

from tests.support.media_world import media_world
from tests.support.video_peer import RTPFB, RTX, VP8, Picture, Watched, feedback, parts, receiver_report, two_watching

PICTURES = 200
LOSS = 0.1
REPAIRS = 0xA2
"""Source of what Alice sends again."""


async def test_losses_on_both_hops_are_made_up_for() -> None:
    dice = random.Random(11)
    async with media_world() as world:
        alice, bob = await two_watching(world)
        sent = {number: bytes([number & 0xFF]) * 200 for number in range(PICTURES)}
        got: dict[int, bytes] = {}
        for number, payload in sent.items():
            if number and dice.random() < LOSS:
                continue  # on her side
            alice.say(bytes(Picture(number, number * 3000, payload, ssrc=alice.video)))
            data = await bob.see()
            if dice.random() >= LOSS:
                got[int.from_bytes(data[2:4], "big")] = data[20:]
        assert 0.7 * PICTURES < len(got) < 0.95 * PICTURES
        again = 0
        while missing := [number for number in sent if number not in got]:
            # A far end asks until it has it: requests and repairs may be lost as well.
            bob.tell(receiver_report(0xB1), feedback(RTPFB, 1, 0xB1, alice.video, struct.pack("!HH", missing[0], 0)))
            (asked,) = await _asked(alice)
            repair = struct.pack("!H", asked) + sent[asked]
            again += 1
            alice.say(bytes(Picture(again, asked * 3000, repair, RTX.payload_type, REPAIRS)))
            data = await bob.see()
            assert data[1] & 0x7F == RTX.payload_type != VP8.payload_type
            if dice.random() >= LOSS:
                got[int.from_bytes(data[20:22], "big")] = data[22:]
        assert got == sent
        assert alice.counted().lost > 0
        assert bob.counted().repairs_asked == again


async def _asked(watched: Watched) -> list[int]:
    """The numbers of the next NACK."""
    while True:
        for part in await watched.told():
            if part[1] == RTPFB:
                assert parts(part) == [part]
                return [int.from_bytes(part[12:14], "big")]
