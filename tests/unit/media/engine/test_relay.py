"""The relay over real sockets: what one far end says, the other hears, as one unbroken stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from audiocodecs import g711

from media.commands import (
    CloseRecording,
    Connect,
    Disconnect,
    OpenRecording,
    PayloadFormat,
    SetDirection,
    SetFormats,
    SetRemote,
    StartEcho,
    StartTap,
    StopEcho,
    StopTap,
)
from media.events import MediaStarted, RecordingFinished
from tests.support.media_world import CN, DTMF, PCMA, PCMU, MediaWorld, Rtp, media_world

if TYPE_CHECKING:
    from pathlib import Path

    from media.legs import OpenedLeg

G722 = PayloadFormat(9, "G722", 8000)
GSM = PayloadFormat(3, "GSM", 8000)
OPUS_96 = PayloadFormat(96, "opus", 48000)
OPUS_111 = PayloadFormat(111, "OPUS", 48000)


async def test_both_ways_with_our_own_ssrc_and_payload_untouched() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        alice.talk(a, 20, payload=bytes(range(160)))
        heard = await bob.hear_many(20)
        bob.ssrc = 0x9999
        bob.talk(b, 1, payload=b"back")
        back = await alice.hear()
        assert back.payload == b"back"
        assert {each.payload for each in heard} == {bytes(range(160))}
        assert {each.payload_type for each in heard} == {8}
        assert len({each.ssrc for each in heard}) == 1
        assert heard[0].ssrc not in (0x1234, 0x9999, back.ssrc)
        assert [(each.sequence - heard[0].sequence) & 0xFFFF for each in heard] == list(range(20))
        assert [(each.timestamp - heard[0].timestamp) & 0xFFFFFFFF for each in heard] == [160 * n for n in range(20)]
        assert [each.marker for each in heard] == [True] + [False] * 19


async def test_loss_reordering_and_duplicates_stay_visible() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        order = [0, 1, 5, 4, 4, 7, 12]
        for n in order:
            alice.send(a, Rtp(65533 + n & 0xFFFF, 160 * n))
        heard = await bob.hear_many(len(order))
        assert [(each.sequence - heard[0].sequence) & 0xFFFF for each in heard] == order
        received = world.engine.statistics(a.leg)
        assert received is not None
        assert (received.received.expected, received.received.received, received.received.duplicates) == (13, 6, 1)
        assert received.received.loss_events == 3


async def test_the_stream_goes_on_over_a_change_of_partner() -> None:
    async with media_world() as world:
        alice, bob, carol = world.far_end(), world.far_end(), world.far_end()
        a, b, c = world.leg(alice), world.leg(bob), world.leg(carol)
        bob.ssrc, bob.sequence, carol.ssrc = 0xB, 40_000, 0xC
        world.engine.post(Connect(a.leg, b.leg))
        bob.talk(b, 3)
        before = await alice.hear_many(3)
        world.engine.post(Connect(a.leg, c.leg))
        await world.settled()
        carol.talk(c, 3)
        after = await alice.hear_many(3)
        assert after[0].ssrc == before[0].ssrc
        assert [(each.sequence - before[0].sequence) & 0xFFFF for each in after] == [3, 4, 5]
        assert after[0].marker
        assert 0 < (after[0].timestamp - before[-1].timestamp) & 0xFFFFFFFF < 8000
        bob.talk(b, 1)
        carol.talk(c, 1)
        assert (await alice.hear()).sequence == after[-1].sequence + 1 & 0xFFFF


@pytest.mark.parametrize(("said", "wanted"), [(PCMA, PCMU), (PCMU, PCMA)])
async def test_between_the_laws_by_table(said: PayloadFormat, wanted: PayloadFormat) -> None:
    every = bytes(range(256))
    expected = g711.alaw_to_ulaw(every) if said is PCMA else g711.ulaw_to_alaw(every)
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice, (said,)), world.leg(bob, (wanted,))
        world.engine.post(Connect(a.leg, b.leg))
        alice.talk(a, 1, payload=every, payload_type=said.payload_type)
        heard = await bob.hear()
        assert (heard.payload_type, heard.payload) == (wanted.payload_type, expected)


async def test_payload_types_are_mapped_by_name_whatever_the_codec() -> None:
    other_dtmf = PayloadFormat(97, "telephone-event", 8000)
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a = world.leg(alice, (PCMA, G722, OPUS_96, DTMF, CN))
        b = world.leg(bob, (PCMU, OPUS_111, G722, other_dtmf, CN))
        world.engine.post(Connect(a.leg, b.leg))
        heard = []
        for number, payload_type in enumerate((9, 96, 101, 13)):
            alice.send(a, Rtp(number, 160 * number, b"1234", payload_type))
            heard.append((await bob.hear()).payload_type)
        assert heard == [9, 111, 97, 13]


async def test_what_cannot_be_carried_is_dropped_and_counted() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice, (PCMA, GSM)), world.leg(bob, (PCMA,))
        world.engine.post(Connect(a.leg, b.leg))
        alice.send(a, Rtp(0, 0, payload_type=3))
        alice.send(a, Rtp(1, 160, payload_type=77))
        alice.send(a, Rtp(2, 320))
        first = await bob.hear()
        found = world.engine.statistics(a.leg)
        assert found is not None
        assert (found.drops.unroutable, found.drops.unknown_payload) == (1, 1)
        assert (first.payload_type, bob.heard_nothing()) == (8, True)


async def test_a_payload_type_of_the_other_direction_is_understood() -> None:
    asked_for = PayloadFormat(110, "telephone-event", 8000)
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice, (PCMA, DTMF), send=(PCMA, asked_for)), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        alice.talk(a, 1, payload_type=110, payload=b"\1\x8a\0\xa0")
        assert (await bob.hear()).payload_type == 101


async def test_extension_csrc_and_padding_are_left_behind() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        plain = bytes(Rtp(1, 160, b""))
        alice.send(a, b"\xb1" + plain[1:] + b"csrc" + b"\xbe\xde\0\1abcd" + b"sound" + b"\0\0\3")
        heard = await bob.hear()
        assert heard.payload == b"sound"


async def test_hold_silences_one_direction_only() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg), SetDirection(b.leg, send=False, receive=True))
        alice.talk(a, 2)
        bob.talk(b, 1)
        await alice.hear()
        await world.event(MediaStarted, lambda event: event.leg == a.leg)
        assert bob.heard_nothing()
        world.engine.post(SetDirection(b.leg, send=True, receive=True))
        await world.settled()
        alice.talk(a, 1)
        assert (await bob.hear()).marker


async def test_disconnect_only_parts_the_pair_it_names() -> None:
    async with media_world() as world:
        alice, bob, carol = world.far_end(), world.far_end(), world.far_end()
        a, b, c = world.leg(alice), world.leg(bob), world.leg(carol)
        world.engine.post(Connect(a.leg, b.leg), Connect(a.leg, c.leg), Disconnect(a.leg, b.leg))
        await world.settled()
        alice.talk(a, 1)
        await carol.hear()
        world.engine.post(Disconnect(c.leg, a.leg))
        await world.settled()
        alice.talk(a, 1)
        await world.until(lambda: world.engine.counters().packets_received == 2)
        assert carol.heard_nothing()
        assert bob.heard_nothing()


async def test_a_codec_changed_by_reinvite_applies_to_the_next_packet() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        alice.talk(a, 1)
        first = await bob.hear()
        world.engine.post(SetFormats(b.leg, (PCMU,), (PCMU,)))
        await world.settled()
        alice.talk(a, 1)
        second = await bob.hear()
        assert (first.payload_type, second.payload_type) == (8, 0)
        assert second.sequence == first.sequence + 1 & 0xFFFF


async def test_a_sequence_that_jumps_and_an_ssrc_that_changes_do_not_break_the_stream() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        alice.talk(a, 2)
        alice.sequence += 30_000
        alice.talk(a, 2)
        heard = await bob.hear_many(4)
        assert [(each.sequence - heard[0].sequence) & 0xFFFF for each in heard] == [0, 1, 2, 3]
        alice.ssrc = 0x7777
        resumed: list[Rtp] = []
        await world.talk_until(alice, a, lambda: bool(resumed) or bool(resumed.extend(bob.hear_waiting())))
        assert {each.ssrc for each in resumed} == {heard[0].ssrc}
        found = world.engine.statistics(a.leg)
        assert found is not None
        assert found.ssrc_received == 0x7777
        assert found.drops.foreign_ssrc < 10  # none, if this machine paused for as long as a source that is gone


async def test_new_remote_address_moves_the_stream() -> None:
    async with media_world() as world:
        alice, bob, moved = world.far_end(), world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        bob.talk(b, 1)
        await alice.hear()
        alice.talk(a, 1)
        await bob.hear()
        world.engine.post(SetRemote(b.leg, moved.host, moved.port, moved.host, moved.rtcp_port))
        await world.settled()
        alice.talk(a, 1)
        await moved.hear()
        assert bob.heard_nothing()


async def test_what_an_inactive_far_end_still_sends_goes_nowhere_but_is_counted(tmp_path: Path) -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        path = str(tmp_path / "a.wav")
        world.engine.post(
            Connect(a.leg, b.leg),
            SetDirection(a.leg, send=True, receive=False),
            OpenRecording(1, None),
            StartTap(a.leg, 1, path, 0),
        )
        await world.settled()
        alice.talk(a, 3)
        await world.until(lambda: packets_received(world, a) == 3)
        world.engine.post(StartEcho(a.leg))
        await world.settled()
        alice.talk(a, 3)
        await world.until(lambda: packets_received(world, a) == 6)
        world.engine.post(StopEcho(a.leg), StopTap(a.leg), CloseRecording(1))
        finished = await world.event(RecordingFinished)
        assert sum(each.packets for each in finished.files) == 0
        world.engine.post(SetDirection(a.leg, send=True, receive=True))
        await world.settled()
        alice.talk(a, 1, payload=b"resumed")
        assert (await bob.hear()).payload == b"resumed"
        assert alice.heard_nothing()
        found = world.engine.statistics(a.leg)
        assert found is not None
        assert (found.received.expected, found.received.received) == (7, 7)


async def test_the_music_of_a_holder_is_relayed() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg), SetDirection(a.leg, send=False, receive=True, expected=False))
        await world.settled()
        alice.talk(a, 3)
        assert len(await bob.hear_many(3)) == 3


@pytest.mark.parametrize("speaks_before", [True, False])
async def test_the_music_of_an_old_hold_is_relayed_and_nothing_is_sent_there(speaks_before: bool) -> None:
    async with media_world() as world:
        alice, bob, mallory = world.far_end(), world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        if speaks_before:
            alice.talk(a, 1)
            await bob.hear()
        world.engine.post(SetRemote(a.leg, "0.0.0.0", alice.port, "0.0.0.0", alice.rtcp_port))
        await world.settled()
        alice.talk(a, 3, payload=b"music")
        assert {each.payload for each in await bob.hear_many(3)} == {b"music"}
        mallory.talk(a, 50, payload=b"injected")
        bob.talk(b, 2)
        await world.until(lambda: world.engine.counters().drops.stranger == 50)
        await world.until(lambda: world.engine.counters().drops.unroutable == 2)
        world.engine.post(SetRemote(a.leg, alice.host, alice.port, alice.host, alice.rtcp_port))
        await world.settled()
        bob.talk(b, 1, payload=b"resumed")
        assert (await alice.hear()).payload == b"resumed"
        alice.talk(a, 1, payload=b"genuine")
        assert (await bob.hear()).payload == b"genuine"
        assert alice.heard_nothing()
        assert mallory.heard_nothing()
        assert bob.heard_nothing()


def packets_received(world: MediaWorld, leg: OpenedLeg) -> int:
    found = world.engine.statistics(leg.leg)
    return 0 if found is None else found.packets_received
