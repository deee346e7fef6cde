"""RTCP over real sockets: what we report, what we believe (RFC 3550 section 6)."""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass

import pytest

from media.commands import CloseLeg, Connect, PayloadFormat, SetExtendedReports
from media.events import ConnectionWeak, LegGone, LinkUnhealthy, QualityReport
from media.quality.watch import Thresholds
from tests.support.media_world import PCMA, PCMU, FarEnd, MediaWorld, Rtp, media_world

G729 = PayloadFormat(18, "G729", 8000)


@dataclass(frozen=True)
class Compound:
    """One compound packet, taken apart by the letter of RFC 3550."""

    kinds: tuple[int, ...]
    ssrc: int
    ntp: int = 0
    timestamp: int = 0
    packets: int = 0
    octets: int = 0
    block: tuple[int, int, int, int, int, int, int] | None = None
    cname: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Compound:
        kinds, at = [], 0
        fields: dict[str, object] = {}
        while at < len(data):
            first, kind, words = struct.unpack_from("!BBH", data, at)
            assert first >> 6 == 2
            part = data[at + 4 : at + 4 + 4 * words]
            assert len(part) == 4 * words
            kinds.append(kind)
            if kind in (200, 201):
                fields["ssrc"] = struct.unpack_from("!I", part)[0]
                offset = 4
                if kind == 200:
                    ntp, timestamp, packets, octets = struct.unpack_from("!QIII", part, 4)
                    fields |= {"ntp": ntp, "timestamp": timestamp, "packets": packets, "octets": octets}
                    offset = 24
                if first & 0x1F:
                    about, lost, highest, jitter, last, delay = struct.unpack_from("!IIIIII", part, offset)
                    fields["block"] = (about, lost >> 24, lost & 0xFFFFFF, highest, jitter, last, delay)
            elif kind == 202:
                assert part[4] == 1
                fields["cname"] = part[6 : 6 + part[5]]
            at += 4 + 4 * words
        return cls(tuple(kinds), **fields)  # type: ignore[arg-type]


def report_on(ssrc: int, highest: int, *, lost: int = 0, last_sr: int = 0, delay: int = 0, jitter: int = 0) -> bytes:
    highest &= 0xFFFFFFFF
    return struct.pack("!BBHIIIIIII", 0x81, 201, 7, 0x1234, ssrc, lost & 0xFFFFFF, highest, jitter, last_sr, delay)


async def talking(world: MediaWorld, *, mux: bool = False) -> tuple[FarEnd, FarEnd, object, object, list[Rtp]]:
    """Alice and Bob, connected, ten packets each way."""
    alice, bob = world.far_end(), world.far_end()
    a, b = world.leg(alice, mux=mux), world.leg(bob)
    world.engine.post(Connect(a.leg, b.leg))
    alice.talk(a, 10)
    await bob.hear_many(10)
    bob.ssrc = 0x5678
    bob.talk(b, 10)
    return alice, bob, a, b, await alice.hear_many(10)


async def test_a_sender_report_says_what_was_sent_and_received() -> None:
    async with media_world(rtcp_interval=0.2) as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        for n in (0, 1, 2, 5, 6, 9):
            alice.send(a, Rtp(65534 + n & 0xFFFF, 160 * n))
        heard = (await bob.hear_many(6))[-1]
        first = Compound.parse(await bob.hear_rtcp())
        assert first.kinds == (200, 202)
        assert (first.packets, first.octets, first.block) == (6, 960, None)
        assert first.ssrc == heard.ssrc
        assert len(first.cname) == 24
        about_alice = Compound.parse(await alice.hear_rtcp())
        assert about_alice.kinds == (201, 202)
        assert about_alice.block is not None
        ssrc, fraction, lost, highest, *_ = about_alice.block
        assert (ssrc, lost, highest) == (0x1234, 4, 65534 + 9)
        assert fraction == (4 << 8) // 10


async def test_the_report_answers_their_sender_report() -> None:
    async with media_world(rtcp_interval=0.2) as world:
        began = time.monotonic()
        alice, _, a, _, heard = await talking(world)
        theirs = struct.pack("!BBHIQIII", 0x80, 200, 6, 0x1234, 0x1111_2222_3333_4444, 0, 10, 1600)
        alice.send_rtcp(a, theirs)
        report = Compound.parse(await alice.hear_rtcp())
        while report.block is None or report.block[5] == 0:
            report = Compound.parse(await alice.hear_rtcp())
        assert report.ssrc == heard[0].ssrc
        assert report.block[5] == 0x2222_3333
        assert 0 <= report.block[6] / 65536 < time.monotonic() - began


async def test_the_round_trip_is_measured_from_our_own_report() -> None:
    async with media_world(rtcp_interval=0.2) as world:
        began = time.monotonic()
        alice, _, a, _, heard = await talking(world)
        report = Compound.parse(await alice.hear_rtcp())
        assert report.kinds[0] == 200
        highest = heard[-1].sequence
        middle = report.ntp >> 16 & 0xFFFFFFFF
        alice.send_rtcp(a, report_on(report.ssrc, highest, lost=2, last_sr=middle, delay=0, jitter=80))
        await world.until(lambda: world.engine.statistics(a.leg).reported is not None)
        found = world.engine.statistics(a.leg)
        assert found.reported is not None
        assert (found.reported.expected, found.reported.lost, found.reported.jitter_ms) == (10, 2, 10.0)
        assert found.rtt_ms is not None
        assert 0 <= found.rtt_ms < 1000 * (time.monotonic() - began)


async def test_reports_that_cannot_be_true_are_not_believed() -> None:
    async with media_world(rtcp_interval=0.2) as world:
        alice, _, a, _, heard = await talking(world)
        report = Compound.parse(await alice.hear_rtcp())
        ours, highest = report.ssrc, heard[-1].sequence
        middle = report.ntp >> 16 & 0xFFFFFFFF
        lies = [
            report_on(ours ^ 1, highest, lost=3),
            report_on(ours, highest, lost=11),
            report_on(ours, highest + 5, lost=3),
            report_on(ours, highest - 300, lost=3),
        ]
        for lie in lies:
            alice.send_rtcp(a, lie)
        await world.until(lambda: world.engine.counters().rtcp_received == len(lies))
        assert world.engine.statistics(a.leg).reported is None
        for last_sr, delay in ((middle ^ 0x10000, 0), (0, 0), (middle, 1 << 20)):
            alice.send_rtcp(a, report_on(ours, highest, last_sr=last_sr, delay=delay))
        await world.until(lambda: world.engine.counters().rtcp_received == len(lies) + 3)
        found = world.engine.statistics(a.leg)
        assert found.reported is not None
        assert found.rtt_ms is None


async def test_a_strangers_report_and_a_bye_change_nothing() -> None:
    async with media_world() as world:
        alice, bob, a, _b, heard = await talking(world)
        mallory = world.far_end("127.0.0.2")
        mallory.send_rtcp(a, report_on(heard[0].ssrc, heard[-1].sequence, lost=5))
        alice.send_rtcp(a, report_on(heard[0].ssrc, heard[-1].sequence) + struct.pack("!BBHI", 0x81, 203, 1, 0x1234))
        await world.until(lambda: world.engine.counters().rtcp_received == 1)
        found = world.engine.statistics(a.leg)
        assert found.drops.stranger == 1
        assert found.reported.lost == 0
        alice.talk(a, 1)
        await bob.hear()
        assert world.told(LegGone) == []


async def test_muxed_reports_share_the_rtp_port() -> None:
    async with media_world(rtcp_interval=0.2) as world:
        alice, _, a, _, heard = await talking(world, mux=True)
        report = Compound.parse(await FarEnd._take(alice.rtp))
        assert report.kinds == (200, 202)
        alice.send(a, report_on(report.ssrc, heard[-1].sequence, lost=1))
        await world.until(lambda: world.engine.statistics(a.leg).reported is not None)
        assert world.engine.statistics(a.leg).reported.lost == 1


async def test_closing_says_bye() -> None:
    async with media_world() as world:
        alice, _, a, _, heard = await talking(world)
        world.engine.post(CloseLeg(a.leg))
        last = Compound.parse(await alice.hear_rtcp())
        assert last.kinds == (200, 202, 203)
        assert last.ssrc == heard[0].ssrc


async def test_quality_is_told_at_every_interval_and_summed_up_at_the_end() -> None:
    async with media_world(quality_interval=0.2) as world:
        _, _, a, _, _ = await talking(world)

        def told() -> list[QualityReport]:
            return [each for each in world.told(QualityReport) if each.leg == a.leg and each.received.expected]

        # The ten packets may lie in two intervals; together they are ten, each once.
        await world.until(lambda: sum(each.received.expected for each in told()) == 10)
        for each in told():
            assert each.received.mos_cq is not None
            assert each.received.mos_cq > 4.3
            assert each.sent is None
        so_far = world.engine.quality(a.leg)
        assert so_far is not None
        assert so_far.received.expected == 10
        assert so_far.received.mos_cq == pytest.approx(told()[-1].received.mos_cq)
        world.engine.post(CloseLeg(a.leg))
        gone = await world.gone(a)
        assert gone.quality is not None
        assert gone.quality.codec == "PCMA"
        assert gone.quality.received.expected == 10
        assert world.engine.quality(a.leg) is None


def with_extended(report: bytes, *blocks: bytes, ssrc: int = 0x1234) -> bytes:
    body = struct.pack("!I", ssrc) + b"".join(blocks)
    return report + struct.pack("!BBH", 0x80, 207, len(body) // 4) + body


def blocks_of(data: bytes) -> dict[int, bytes]:
    """Blocks of the extended report in a compound, by type."""
    at = 0
    while data[at + 1] != 207:
        at += 4 + 4 * struct.unpack_from("!H", data, at + 2)[0]
        if at == len(data):
            return {}
    end = at + 4 + 4 * struct.unpack_from("!H", data, at + 2)[0]
    at += 8
    found = {}
    while at < end:
        kind, _, words = struct.unpack_from("!BBH", data, at)
        found[kind] = data[at + 4 : at + 4 + 4 * words]
        at += 4 + 4 * words
    return found


async def extended_of(end: FarEnd, kind: int) -> bytes:
    """The next block of this type."""
    while True:
        found = blocks_of(await end.hear_rtcp()).get(kind)
        if found is not None:
            return found


async def test_extended_reports_are_sent_and_read_where_agreed() -> None:
    async with media_world(rtcp_interval=0.2, quality_interval=0.2) as world:
        began = time.monotonic()
        alice, bob, a, b, heard = await talking(world)
        world.engine.post(SetExtendedReports(a.leg, reference_time=True, metrics=True))
        ours = Compound.parse(await alice.hear_rtcp()).ssrc
        # Alice tells her time; we answer it.
        receiver_report = struct.pack("!BBHI", 0x80, 201, 1, 0x1234)
        alice.send_rtcp(a, with_extended(receiver_report, struct.pack("!BBHQ", 4, 0, 2, 0x1111_2222_3333_4444)))
        ssrc, last, delay = struct.unpack("!III", await extended_of(alice, 5))
        assert (ssrc, last) == (0x1234, 0x2222_3333)
        assert 0 <= delay / 65536 < time.monotonic() - began
        # We have sent nothing new since our last report: our time goes along, and her answer gives the round trip.
        middle = struct.unpack("!IQ", b"\0\0\0\0" + await extended_of(alice, 4))[1] >> 16 & 0xFFFFFFFF
        alice.send_rtcp(a, with_extended(receiver_report, struct.pack("!BBHIII", 5, 0, 3, ours, middle, 0)))
        await world.until(lambda: world.engine.statistics(a.leg).rtt_ms is not None)
        # What she sent sounded well here.
        while (metrics := await extended_of(alice, 7))[20] == 127:
            pass
        assert struct.unpack_from("!I", metrics)[0] == 0x1234
        assert (metrics[4], metrics[5], metrics[20], metrics[22], metrics[23]) == (0, 0, 93, 44, 44)
        # And what we sent sounded badly there.
        rest = (127, 127, 127, 16, 80, 127, 41, 40, 0, 0, 90, 90, 90)
        hers = struct.pack("!BBHI4B4H4B4BBBHHH", 7, 0, 8, ours, 8, 13, *[0] * 6, *rest)
        alice.send_rtcp(a, with_extended(report_on(ours, heard[-1].sequence), hers))
        await world.event(QualityReport, lambda told: told.leg == a.leg and told.sent is not None)
        far = world.engine.quality(a.leg).far
        assert far is not None
        assert (far.discard_percent, far.buffer_ms, far.mos_cq) == (13 / 2.56, 90, 4.0)
        assert blocks_of(await bob.hear_rtcp()) == {}
        assert b.leg != a.leg


async def test_a_far_end_that_owes_us_media_and_sends_none_is_told_of() -> None:
    async with media_world(quality_interval=0.2) as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        alice.talk(a, 10)
        heard = await bob.hear_many(10)
        told = await world.event(QualityReport, lambda told: told.leg == b.leg)
        assert told.received.expected == 0
        assert told.received.mos_cq is None
        assert told.received.reason == "nothing received, though the far end should send"
        # What we send it is scored all the same, by its reports.
        bob.send_rtcp(b, report_on(heard[0].ssrc, heard[-1].sequence, lost=1))
        told = await world.event(QualityReport, lambda told: told.leg == b.leg and told.sent is not None)
        assert told.sent is not None
        assert (told.sent.expected, told.sent.lost) == (10, 1)
        assert told.sent.mos_cq is not None
        summary = world.engine.quality(b.leg)
        assert summary is not None
        assert summary.received.reason == told.received.reason
        assert summary.sent.reason == ""


async def test_each_direction_is_scored_with_the_codec_that_passes() -> None:
    async with media_world(quality_interval=0.2) as world:
        alice, bob = world.far_end(), world.far_end()
        a = world.leg(alice, (PCMA, PCMU, G729))
        b = world.leg(bob, (PCMA, PCMU, G729))
        world.engine.post(Connect(a.leg, b.leg))
        for number in range(10):
            alice.send(a, Rtp(number, 160 * number, b"\0" * 20, payload_type=18))
        await bob.hear_many(10)
        bob.ssrc = 0x5678
        bob.talk(b, 10)
        await alice.hear_many(10)
        await world.event(QualityReport, lambda told: told.leg == a.leg and told.received.expected > 0)
        summary = world.engine.quality(a.leg)
        assert summary is not None
        assert (summary.received.codec, summary.sent.codec) == ("G729", "PCMA")
        assert summary.received.ceiling == pytest.approx(4.104, abs=6e-4)


async def test_a_weak_connection_and_an_unhealthy_link_are_told_of() -> None:
    limits = Thresholds(first_after=0.0, hold=0.0)
    async with media_world(quality_interval=0.2, thresholds=limits) as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        for number in range(0, 60, 3):
            alice.send(a, Rtp(number, 160 * number))
        weak = await world.event(ConnectionWeak)
        assert (weak.leg, weak.direction, weak.cause) == (a.leg, "received", "loss")
        assert weak.score < 4.0
        unhealthy = await world.event(LinkUnhealthy)
        assert (unhealthy.leg, unhealthy.figure, unhealthy.limit) == (a.leg, "loss", 1.0)
        assert unhealthy.value > 50
