"""Commands in any order, formats of every kind, packets of any kind: the engine goes on, and nothing is left behind.

Every storm is drawn from its seed. What is asserted holds whatever the order: every leg that is closed is told of,
every port is free again, no number of a leg's stream is used twice, and two legs opened afterwards hear each other.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from audiocodecs.coding import Encoder, why_unavailable

from media.commands import (
    Announce,
    CloseLeg,
    CloseRecording,
    CloseRoom,
    Connect,
    Disconnect,
    Encoding,
    JoinRoom,
    LeaveRoom,
    OpenRecording,
    OpenRoom,
    PayloadFormat,
    Play,
    ReduceNoise,
    SendDigits,
    SetDigits,
    SetDirection,
    SetFormats,
    SetGain,
    SetKeys,
    SetRemote,
    StartEcho,
    StartTap,
    StopEcho,
    StopPlay,
    StopTap,
    Tone,
)
from media.events import LegGone
from media.srtp.material import KeyMaterial
from tests.support.media_world import CN, DTMF, LOOPBACK, PCMA, PCMU, FarEnd, MediaWorld, Rtp, media_world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from media.commands import Command
    from media.legs import OpenedLeg
    from media.mix.stream import StreamRings
    from media.rooms import Hearing

SECONDS = 1.5
LEGS = 7
SEEDS = (1, 2, 3)
QUIET = (CN, DTMF, PayloadFormat(102, "telephone-event", 48000))
AUDIO = [
    each
    for each in (
        PCMA,
        PCMU,
        PayloadFormat(9, "G722", 8000),
        PayloadFormat(18, "G729", 8000),
        PayloadFormat(111, "opus", 48000, Encoding(dtx=True)),
        PayloadFormat(112, "opus", 48000, Encoding(highest_rate=16000, fec=False)),
        PayloadFormat(96, "L16", 8000),
        PayloadFormat(97, "L16", 16000),
        PayloadFormat(98, "L16", 48000),
        PayloadFormat(11, "L16", 44100),
        PayloadFormat(99, "speex", 16000),
    )
    if each.name == "speex" or why_unavailable(each.name) is None
]
TONE = Tone((425, 620), (50, 30), 0.0)
SUITES = {"AES_CM_128_HMAC_SHA1_80": 30, "AEAD_AES_256_GCM": 44}


def _opus_packets() -> list[bytes]:
    """Silence of 10 to 120 ms, with and without anything to say."""
    if why_unavailable("opus") is not None:
        return [b"\xf8"]
    packets = [Encoder("opus", 48000).encode(b"\1\2" * 480 * tens) for tens in (1, 2, 4, 6)]
    # Two and three frames of one packet in one: 40, 80 and 120 ms (RFC 6716 3.2.3).
    packets += [bytes([packets[1][0] | 1]) + 2 * packets[1][1:], bytes([packets[3][0] | 1]) + 2 * packets[3][1:]]
    return [*packets, b"\xf8", b"\xf8\xff\xfe"]


class Party:
    """A leg, its far end, and what that says."""

    def __init__(self, dice: random.Random, far: FarEnd, opened: OpenedLeg) -> None:
        self.dice = dice
        self.far = far
        self.opened = opened
        self.leg = opened.leg
        self.formats: tuple[PayloadFormat, ...] = (PCMA,)
        self.sequence = dice.randrange(65536)
        self.timestamp = dice.randrange(1 << 32)
        self.secret = False
        self.numbers: dict[int, set[int]] = defaultdict(set)
        self.heard = 0

    def say(self, opus: list[bytes]) -> None:
        dice = self.dice
        form = dice.choice(self.formats)
        self.sequence += dice.choice((1, 1, 1, 1, 1, 2, 5, 150))
        self.timestamp += dice.choice((160, 160, 160, 480, 960, 960, 12_000, 1 << 31))
        packet = Rtp(
            self.sequence & 0xFFFF,
            self.timestamp & 0xFFFFFFFF,
            self._payload(form, opus),
            form.payload_type,
            ssrc=0x1000 + self.far.port,
            marker=dice.random() < 0.1,
        )
        with suppress(BlockingIOError):
            self.far.send(self.opened, packet)

    def _payload(self, form: PayloadFormat, opus: list[bytes]) -> bytes:
        dice = self.dice
        name = form.name.lower()
        if dice.random() < 0.05:
            return dice.randbytes(dice.choice((0, 1, 2, 3, 1400, 2036, 2036, 4000)))
        if name == "opus":
            return dice.choice(opus)
        if name == "telephone-event":
            return bytes([dice.randrange(18), dice.choice((10, 0x8A)), *dice.randbytes(2)])
        if name == "cn":
            return bytes([dice.randrange(40, 80)]) + dice.randbytes(dice.choice((0, 0, 10)))
        if name == "g729":
            return dice.randbytes(dice.choice((2, 10, 20, 22, 120)))
        return dice.randbytes(dice.choice((80, 160, 160, 240, 320, 480, 960, 1920)))

    def listen(self) -> None:
        """Take what has come; nothing of it has a number that was used before."""
        while True:
            try:
                data = self.far.rtp.recv(4096)
            except BlockingIOError:
                return
            self.heard += 1
            ssrc = int.from_bytes(data[8:12], "big")
            number = int.from_bytes(data[2:4], "big")
            assert number not in self.numbers[ssrc], (self.leg, ssrc, number)
            self.numbers[ssrc].add(number)


class Storm:
    """Legs, rooms and recordings, and whatever may be asked of them."""

    def __init__(self, world: MediaWorld, seed: int, folder: Path) -> None:
        self.world = world
        self.dice = random.Random(seed)
        self.folder = folder
        self.parties: list[Party] = []
        self.opened: list[int] = []
        self.number = 0
        self.rooms: list[int] = []
        self.recordings: list[int] = []
        self.streams: list[StreamRings] = []
        self.opus = _opus_packets()
        self.prompts: list[int | Tone] = [TONE, Tone((300,), (3,), 0.0)]
        self.verbs: list[Callable[[], list[Command]]] = [
            self.formats, self.formats, self.formats, self.connect, self.connect, self.connect, self.part, self.play,
            self.announce, self.stop_play, self.echo, self.direction, self.noise, self.press, self.digits, self.room,
            self.join, self.join, self.gain, self.leave, self.close_room, self.tap, self.untap, self.record,
            self.keys, self.remote, self.stream, self.stream, self.hush, self.close,
        ]  # fmt: skip

    def fresh(self) -> int:
        self.number += 1
        return self.number

    def open(self) -> None:
        far = self.world.far_end()
        opened = self.world.leg(far, group=self.dice.choice(("one", "other")))
        party = Party(self.dice, far, opened)
        self.parties.append(party)
        self.opened.append(opened.leg)
        self.world.engine.post(*self.formats(party))

    def any(self) -> Party:
        return self.dice.choice(self.parties)

    def formats(self, party: Party | None = None) -> list[Command]:
        dice = self.dice
        party = party or self.any()
        receive = tuple(dice.sample(AUDIO, dice.randint(1, 4)) + dice.sample(QUIET, dice.randint(0, 2)))
        send = receive if dice.random() < 0.7 else tuple(dice.sample(AUDIO, 1))
        party.formats = receive
        return [SetFormats(party.leg, receive, send, dice.choice((10, 20, 20, 30, 40, 50, 60)))]

    def connect(self) -> list[Command]:
        return [Connect(self.any().leg, self.any().leg)]

    def part(self) -> list[Command]:
        return [Disconnect(self.any().leg, self.any().leg)]

    def play(self) -> list[Command]:
        dice = self.dice
        sounds = tuple(dice.choices(self.prompts, k=dice.randint(1, 8)))
        return [Play(self.any().leg, self.fresh(), sounds, dice.random() < 0.5, 0, dice.randrange(100))]

    def announce(self) -> list[Command]:
        return [Announce(self.any().leg, self.fresh(), TONE)]

    def stop_play(self) -> list[Command]:
        return [StopPlay(self.any().leg)]

    def echo(self) -> list[Command]:
        return [self.dice.choice((StartEcho, StopEcho))(self.any().leg)]

    def direction(self) -> list[Command]:
        return [SetDirection(self.any().leg, self.dice.random() < 0.8, self.dice.random() < 0.8)]

    def noise(self) -> list[Command]:
        return [ReduceNoise(self.any().leg, self.dice.choice((0, 10, 25)))]

    def press(self) -> list[Command]:
        digits = "".join(self.dice.choices("0123456789*#ABCD", k=self.dice.randint(1, 4)))
        return [SendDigits(self.any().leg, digits, self.dice.choice((40, 160)), 40)]

    def digits(self) -> list[Command]:
        return [SetDigits(self.any().leg, self.dice.random() < 0.6, self.dice.random() < 0.6)]

    def room(self) -> list[Command]:
        if len(self.rooms) > 3:
            return []
        room = self.fresh()
        self.rooms.append(room)
        return [OpenRoom(room, self.dice.choice(("one", "other")), self.dice.randint(1, 5))]

    def join(self) -> list[Command]:
        if not self.rooms:
            return self.room()
        some = tuple(each.leg for each in self.dice.sample(self.parties, 2))
        return [
            JoinRoom(
                self.dice.choice(self.rooms), self.any().leg, self.dice.random() < 0.8, self.dice.random() < 0.8,
                some if self.dice.random() < 0.3 else (),
            )
        ]  # fmt: skip

    def gain(self) -> list[Command]:
        room = self.dice.choice(self.rooms or [0])
        return [SetGain(room, self.any().leg, self.any().leg, self.dice.choice((None, -90.0, -3.0, 0.0, 12.0)))]

    def leave(self) -> list[Command]:
        return [LeaveRoom(self.dice.choice(self.rooms or [0]), self.any().leg)]

    def close_room(self) -> list[Command]:
        if not self.rooms or self.dice.random() < 0.5:
            return []
        return [CloseRoom(self.rooms.pop(self.dice.randrange(len(self.rooms))))]

    def stream(self) -> list[Command]:
        room, rate = self.dice.choice(self.rooms or [0]), self.dice.choice((8000, 16000, 24000, 48000))
        hears: Hearing = self.dice.choice(("nothing", "mix", "tracks"))
        with suppress(ValueError):  # it is full
            behind = self.dice.choice((0.02, 1.0))
            self.streams.append(self.world.engine.open_stream(room, rate=rate, hears=hears, ahead=0.1, behind=behind))
        return []

    def hush(self) -> list[Command]:
        if self.streams:
            self.world.engine.close_stream(self.streams.pop(self.dice.randrange(len(self.streams))))
        return []

    def use_streams(self) -> None:
        for each in self.streams:
            each.say(self.dice.randbytes(each.rate // 25), self.dice.randrange(3))
            if self.dice.random() < 0.5:
                each.read()
            if self.dice.random() < 0.05:
                each.clear()

    def record(self) -> list[Command]:
        if len(self.recordings) > 1:
            return [CloseRecording(self.recordings.pop(0))]
        recording = self.fresh()
        self.recordings.append(recording)
        return [OpenRecording(recording, str(self.folder / f"{recording}.wav"))]

    def tap(self) -> list[Command]:
        if not self.recordings:
            return []
        path = str(self.folder / f"leg{self.fresh()}.wav")
        return [StartTap(self.any().leg, self.dice.choice(self.recordings), path, self.dice.randrange(2))]

    def untap(self) -> list[Command]:
        return [StopTap(self.any().leg)]

    def keys(self) -> list[Command]:
        party = self.any()
        if self.dice.random() < 0.5:
            return [SetKeys(party.leg, None, None)]
        suite = self.dice.choice(tuple(SUITES))
        keys = [KeyMaterial(suite, bytes([self.dice.randrange(12)]) * SUITES[suite]) for _ in range(2)]
        return [SetKeys(party.leg, None if self.dice.random() < 0.8 else keys[0], keys[1])]

    def remote(self) -> list[Command]:
        party = self.any()
        port = self.dice.choice((0, 9, party.far.port, party.far.port, party.far.port))
        return [SetRemote(party.leg, LOOPBACK, port, LOOPBACK, party.far.rtcp_port)]

    def close(self) -> list[Command]:
        party = self.parties.pop(self.dice.randrange(len(self.parties)))
        self.open()
        return [CloseLeg(party.leg)]

    async def rage(self, seconds: float) -> None:
        """Commands and packets, in turns of a few each."""
        for _ in range(LEGS):
            self.open()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for _ in range(self.dice.randrange(4)):
                with suppress(ValueError):  # legs of two workers, a room that is full
                    self.world.engine.post(*self.dice.choice(self.verbs)())
            self.use_streams()
            for party in self.parties:
                for _ in range(self.dice.randrange(3)):
                    party.say(self.opus)
                party.listen()
            await asyncio.sleep(self.dice.choice((0, 0.001, 0.001, 0.02)))


async def _hears(world: MediaWorld, group: str) -> None:
    """Two new legs of the group: one is heard by the other, transcoded."""
    alice, bob = world.far_end(), world.far_end()
    a, b = world.leg(alice, (PCMA,), group=group), world.leg(bob, (PayloadFormat(97, "L16", 16000),), group=group)
    world.engine.post(Connect(a.leg, b.leg))
    heard: list[Rtp] = []

    def arrived() -> bool:
        heard.extend(bob.hear_waiting())
        return len(heard) > 2

    await world.talk_until(alice, a, arrived)
    assert all(len(each.payload) == 640 for each in heard)
    world.engine.post(CloseLeg(a.leg), CloseLeg(b.leg))
    for each in (a, b):
        await world.gone(each)


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_order_of_commands_and_packets_breaks_the_engine(seed: int, tmp_path: Path) -> None:
    async with media_world(workers=1 + seed % 2, port_drain=0.0, rtcp_interval=0.2, latch_window=0.2) as world:
        storm = Storm(world, seed, tmp_path)
        await storm.rage(SECONDS)
        world.engine.post(
            *(CloseLeg(each.leg) for each in storm.parties), *(CloseRoom(each) for each in storm.rooms),
            *(CloseRecording(each) for each in storm.recordings),
        )  # fmt: skip
        for group in ("one", "other"):
            await _hears(world, group)
        await world.until(lambda: {each.leg for each in world.told(LegGone)}.issuperset(storm.opened))
        counters = world.engine.counters()
        assert (counters.legs, counters.ports_free) == (0, counters.ports_total)
