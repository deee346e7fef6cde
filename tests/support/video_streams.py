"""Coded pictures and their RTP packets, both by FFmpeg: encoders, and packetizers that know nothing of ours."""

from __future__ import annotations

import io
import socket
import struct
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import av
import numpy as np

CODECS = ("vp8", "vp9", "h264", "av1")
WIDTH, HEIGHT, RATE = 320, 240, 30

_ENCODERS: dict[str, tuple[str, dict[str, str]]] = {
    "vp8": ("libvpx", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
    "vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
    "h264": ("libx264", {"tune": "zerolatency", "preset": "ultrafast", "profile": "baseline"}),
    "av1": ("libsvtav1", {"preset": "12", "svtav1-params": "pred-struct=1:lp=1"}),
}


class Coded(NamedTuple):
    """One coded picture."""

    data: bytes
    key: bool


def coded(codec: str, count: int = 60, gop: int = 30) -> tuple[Coded, ...]:
    """Pictures of a bar that moves before noise; the n-th is as bright as `brightness(n)`."""
    return _coded(codec, count, gop)


@lru_cache
def _coded(codec: str, count: int, gop: int) -> tuple[Coded, ...]:
    # Once: no two runs of an encoder that minds the time are alike.
    name, options = _ENCODERS[codec]
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base, context.framerate = Fraction(1, RATE), Fraction(RATE, 1)
    context.options = options
    context.gop_size = gop
    noise = np.random.default_rng(7).integers(0, 40, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    found: list[Coded] = []
    for number in range(count):
        image = noise + np.uint8(brightness(number))
        image[number * 3 % HEIGHT : number * 3 % HEIGHT + 30] //= 2
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = number, context.time_base
        found += [Coded(bytes(packet), packet.is_keyframe) for packet in context.encode(frame)]
    found += [Coded(bytes(packet), packet.is_keyframe) for packet in context.encode(None)]
    assert len(found) == count
    return tuple(found)


def brightness(number: int) -> int:
    """Of the n-th picture: dark, but bright each second for half of it."""
    return 200 if number % RATE < RATE // 2 else 20


def packets(codec: str, count: int = 60, gop: int = 30) -> tuple[bytes, ...]:
    """The same as RTP packets of at most 1200 octets, 90 kHz."""
    return _packets(codec, count, gop)


@lru_cache
def _packets(codec: str, count: int, gop: int) -> tuple[bytes, ...]:
    pictures = coded(codec, count, gop)
    if codec == "h264":
        template = av.open(io.BytesIO(pictures[0].data), format="h264")
    else:
        fourcc = {"vp8": b"VP80", "vp9": b"VP90", "av1": b"AV01"}[codec]
        head = b"DKIF" + struct.pack("<HH4sHHIIII", 0, 32, fourcc, WIDTH, HEIGHT, 90000, 1, 1, 0)
        first = pictures[0].data
        template = av.open(io.BytesIO(head + struct.pack("<IQ", len(first), 0) + first), format="ivf")
    found: list[bytes] = []
    with template, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
        there.bind(("127.0.0.1", 0))
        there.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        there.setblocking(False)
        port = there.getsockname()[1]
        sender = av.open(
            f"rtp://127.0.0.1:{port}?rtcpport={port}&pkt_size=1200", "w", format="rtp", options={"strict": "-2"}
        )
        stream = sender.add_stream_from_template(template.streams.video[0], opaque=True)
        for number, picture in enumerate(pictures):
            packet = av.Packet(picture.data)
            packet.stream = stream
            packet.pts = packet.dts = number * 90000 // RATE
            packet.time_base = Fraction(1, 90000)
            packet.is_keyframe = picture.key
            sender.mux_one(packet)
            while True:
                try:
                    data = there.recv(2048)
                except BlockingIOError:
                    break
                if not 192 <= data[1] <= 223:  # no sender reports (RFC 5761 4)
                    found.append(data)
        sender.close()
    return tuple(found)
