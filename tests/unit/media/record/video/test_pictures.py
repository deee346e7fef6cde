"""Packets into pictures: byte for byte what was coded, in any order, and nothing that could not be shown."""

from __future__ import annotations

import io
import random
import struct

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.record.video.payloads import payloads_of
from media.record.video.pictures import PATIENCE, Picture, Pictures, VideoPacket
from media.record.video.rtp import read_packet
from tests.support.video_streams import CODECS, HEIGHT, WIDTH, coded, packets

MS = 1_000_000


def pictures_of(codec: str) -> Pictures:
    payloads = payloads_of(codec)
    assert payloads is not None
    return Pictures(payloads)


def read(data: bytes, arrival: int = 0) -> VideoPacket:
    packet = read_packet(data, arrival, repairs=False)
    assert packet is not None
    return packet


def put(pictures: Pictures, stream: list[bytes]) -> list[Picture]:
    """A packet a millisecond, as far as they come."""
    return [each for number, data in enumerate(stream) for each in pictures.put(read(data, number * MS))]


def plain(codec: str, data: bytes) -> object:
    """Without what may be written in more than one way: start codes, and temporal delimiters."""
    if codec == "h264":
        return [unit for unit in data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if unit]
    return data.removeprefix(b"\x12\x00") if codec == "av1" else data


def decoded(codec: str, shown: list[Picture]) -> int:
    """How many of them a decoder shows, all being well."""
    if codec == "h264":
        body = b"".join(each.data for each in shown)
    else:
        fourcc = {"vp8": b"VP80", "vp9": b"VP90", "av1": b"AV01"}[codec]
        body = b"DKIF" + struct.pack("<HH4sHHIIII", 0, 32, fourcc, WIDTH, HEIGHT, 30, 1, len(shown), 0)
        for number, each in enumerate(shown):
            data = b"\x12\x00" + each.data if codec == "av1" else each.data
            body += struct.pack("<IQ", len(data), number) + data
    with av.open(io.BytesIO(body), "r", format="h264" if codec == "h264" else "ivf") as source:
        return sum(not frame.is_corrupt for frame in source.decode(video=0))


@pytest.mark.parametrize("codec", CODECS)
class TestEveryCodec:
    def test_pictures_are_what_was_coded(self, codec: str) -> None:
        pictures = pictures_of(codec)
        shown = put(pictures, list(packets(codec)))
        sent = coded(codec)
        assert len(packets(codec)) >= len(sent)
        assert [plain(codec, each.data) for each in shown] == [plain(codec, each.data) for each in sent]
        assert [each.key for each in shown] == [each.key for each in sent]
        assert [(each.timestamp - shown[0].timestamp) & 0xFFFFFFFF for each in shown] == [n * 3000 for n in range(60)]
        assert (pictures.gaps, pictures.skipped, pictures.wants_key) == (0, 0, False)
        assert decoded(codec, shown) == 60

    def test_their_order_does_not_matter(self, codec: str) -> None:
        dice = random.Random(5)
        stream = list(packets(codec))
        first, rest = stream[:1], stream[1:]
        shuffled = [rest[i] for i in sorted(range(len(rest)), key=lambda i: i + dice.uniform(0, 12))]
        doubled = [each for data in shuffled for each in ([data, data] if dice.random() < 0.2 else [data])]
        pictures = pictures_of(codec)
        shown = put(pictures, first + doubled)
        assert [each.data for each in shown] == [each.data for each in put(pictures_of(codec), stream)]
        assert pictures.gaps == 0

    @pytest.mark.parametrize("seed", range(6))
    def test_after_a_loss_it_goes_on_with_a_key_frame(self, codec: str, seed: int) -> None:
        dice = random.Random(seed)
        stream = [read(data, number * 20 * MS) for number, data in enumerate(packets(codec, 120, 20))]
        lost = set(dice.sample(range(len(stream)), 4))
        pictures = pictures_of(codec)
        shown: list[Picture] = []
        wanted = False
        for number, packet in enumerate(stream):
            if number in lost:
                continue
            for each in pictures.put(packet):
                assert each.key or not wanted
                wanted = False
                shown.append(each)
            wanted = wanted or pictures.wants_key
        whole = {plain_key(codec, each.data) for each in coded(codec, 120, 20)}
        assert all(plain_key(codec, each.data) in whole for each in shown)
        assert shown[0].key
        assert 1 <= pictures.gaps <= 4
        assert decoded(codec, shown) == len(shown)
        held = PATIENCE // (20 * MS)  # behind a loss near the end, whose packet may still come
        assert len(shown) + pictures.skipped >= 120 - 2 * 4 - held

    def test_a_stream_joined_in_its_middle_waits_for_a_key_frame(self, codec: str) -> None:
        pictures = pictures_of(codec)
        shown = put(pictures, list(packets(codec))[3:])
        assert shown[0].key
        assert pictures.gaps == 0
        assert decoded(codec, shown) == len(shown) == 30 if len(packets(codec)) == 60 else len(shown) >= 30

    @given(data=st.data())
    def test_rubbish_is_no_picture_and_no_error(self, codec: str, data: st.DataObject) -> None:
        pictures = pictures_of(codec)
        stream = list(packets(codec))[:8]
        for number, packet in enumerate(stream):
            spoilt = bytearray(packet)
            for _ in range(data.draw(st.integers(0, 3))):
                spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
            found = read_packet(
                bytes(spoilt[: data.draw(st.integers(0, len(spoilt)))]), number, repairs=data.draw(st.booleans())
            )
            if found is not None:
                list(pictures.put(found))


def plain_key(codec: str, data: bytes) -> str:
    return repr(plain(codec, data))


def numbered(data: bytes, sequence: int) -> bytes:
    return data[:2] + (sequence & 0xFFFF).to_bytes(2, "big") + data[4:]


class TestWithoutMuch:
    def test_numbers_that_wrap(self) -> None:
        stream = [numbered(data, 65_530 + number) for number, data in enumerate(packets("vp8"))]
        assert len(put(pictures_of("vp8"), stream)) == 60

    def test_what_is_sent_again_fills_the_hole(self) -> None:
        stream = list(packets("vp8"))
        missing = stream[5]
        again = (
            missing[:1]
            + bytes([missing[1] & 0x80 | 97])
            + b"\0\7"
            + missing[4:8]
            + b"rtx!"
            + missing[2:4]
            + missing[12:]
        )
        pictures = pictures_of("vp8")
        shown = put(pictures, stream[:5] + stream[6:9])
        repaired = read_packet(again, 9 * MS, repairs=True)
        assert repaired is not None
        shown += pictures.put(repaired)
        shown += put(pictures, stream[9:])
        assert [each.data for each in shown] == [each.data for each in coded("vp8")]

    def test_padding_alone_is_no_picture_but_has_a_number(self) -> None:
        stream = list(packets("vp8"))
        last = next(number for number, data in enumerate(stream) if data[1] & 0x80)
        base = read(stream[0]).sequence
        probe = bytes([stream[0][0] | 0x20, stream[0][1] & 0x7F]) + stream[0][2:12] + b"\0\0\0\4"
        moved = [*stream[: last + 1], probe, *stream[last + 1 :]]
        pictures = pictures_of("vp8")
        assert len(put(pictures, [numbered(data, base + number) for number, data in enumerate(moved)])) == 60
        assert pictures.gaps == 0

    def test_patience_ends(self) -> None:
        stream = [read(data) for data in packets("vp8")]
        pictures = pictures_of("vp8")
        list(pictures.put(stream[0]))
        list(pictures.put(stream[2]._replace(arrival=1)))
        assert pictures.gaps == 0
        list(pictures.put(stream[3]._replace(arrival=PATIENCE + 2)))
        assert (pictures.gaps, pictures.wants_key) == (1, True)

    def test_a_codec_nobody_knows(self) -> None:
        assert payloads_of("H265") is None


@pytest.mark.parametrize(
    ("codec", "payloads"),
    [
        ("vp8", [b""]),
        ("vp8", [b"\x90\x80\x81"]),
        ("vp8", [b"\x90\xf0\x01"]),
        ("vp9", [b"\x8b"]),
        ("vp9", [b"\x0a\x18\x01"]),
        ("vp9", [b"\x0a\x08\x02\x04\x01"]),
        ("h264", [b"\x78"]),
        ("h264", [b"\x78\x00\x09\x67"]),
        ("h264", [b"\x7c\x05aa"]),
        ("h264", [b"\x7c\x85aa", b"\x7c\x85aa"]),
        ("h264", [b"\x7c\x85aa"]),
        ("h264", [b"\x7a\x00\x00\x00"]),
        ("av1", [b"\x00"]),
        ("av1", [b"\x90\x0a"]),
        ("av1", [b"\x50\x0a"]),
        ("av1", [b"\x00\x7f\x0a"]),
        ("av1", [b"\x30\x01\x0a"]),
        ("av1", [b"\x00" + b"\xff" * 9]),
    ],
)
def test_packets_that_break_their_format(codec: str, payloads: list[bytes]) -> None:
    known = payloads_of(codec)
    assert known is not None
    with pytest.raises(ValueError, match=r"VP8|VP9|H\.264|AV1"):
        known.join(payloads)


class TestDescriptors:
    """Against the figures of the specifications, octet by octet."""

    @pytest.mark.parametrize(
        "descriptor",
        [
            b"\x10",
            b"\x90\x80\x11",
            b"\x90\x80\x91\x22",
            b"\x90\xc0\x11\x05",
            b"\x90\xf0\x91\x22\x05\x40",
            b"\x90\x20\x40",
        ],
    )
    def test_vp8(self, descriptor: bytes) -> None:
        known = payloads_of("vp8")
        assert known is not None
        assert known.join([descriptor + b"frame"]) == b"frame"

    @pytest.mark.parametrize(
        "descriptor",
        [
            b"\x0c",
            b"\x8c\x11",
            b"\x8c\x91\x22",
            b"\xac\x11\x00\x05",  # a layer, with TL0PICIDX
            b"\xfc\x91\x22\x00\x03\x02",  # flexible mode: layer alone, two references
            b"\x0e\x00",  # structure with nothing
            b"\x0e\x18" + b"\x01\x40\x00\xf0" + b"\x02\x04\x01\x28\x01\x02",  # one layer's size, two pictures
        ],
    )
    def test_vp9(self, descriptor: bytes) -> None:
        known = payloads_of("vp9")
        assert known is not None
        assert known.join([descriptor + b"frame"]) == b"frame"

    def test_layers_of_vp9_are_one_superframe(self) -> None:
        known = payloads_of("vp9")
        assert known is not None
        assert known.join([b"\x08low", b"\x04er", b"\x0chigh"]) == b"lowerhigh\xc1\x05\x04\xc1"

    def test_obus_of_av1_get_their_sizes(self) -> None:
        known = payloads_of("av1")
        assert known is not None
        # A sequence header and a frame in two pieces, then a temporal delimiter that is left out.
        assert known.join([bytes([0x48]) + b"\x03\x08ab" + b"\x03\x30cd", b"\x90ef"]) == b"\x0a\x02ab\x32\x04cdef"
        assert known.is_key(b"\x0a\x02ab")
