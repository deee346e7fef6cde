"""What one audio leg costs aiortc: an RTCPeerConnection that sends and receives, on the measured core.

`python -m tests.bench.aiortc_leg offer|answer CODEC LEGS` is one end: descriptions go by standard input and output.
"""

from __future__ import annotations

import asyncio
import fractions
import json
import subprocess
import sys
import time
from contextlib import ExitStack

import av
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCRtpSender, RTCSessionDescription

from tests.bench.machine import ROOT, cpu_ms, pin_to_generator_core, pin_to_switch_core

LEGS = 4
"""At once: their cost is divided by this."""
SECONDS = 5.0
SETTLE = 3.0
PTIME = 0.02
NATIVE = {"PCMU": (8000, "mono"), "opus": (48000, "stereo")}
"""What each encoder of aiortc takes as it comes."""
FEWEST = 0.9
"""Of the frames that are due must have come."""


class Voice(MediaStreamTrack):
    """Frames at their pace, as a microphone gives them."""

    kind = "audio"

    def __init__(self, rate: int, layout: str) -> None:
        super().__init__()
        self._rate = rate
        self._layout = layout
        octets = int(rate * PTIME) * (4 if layout == "stereo" else 2)
        self._sounds = [bytes((7 * k + n) % 251 for n in range(octets)) for k in range(10)]
        self._count = 0
        self._started = time.monotonic()

    async def recv(self) -> av.AudioFrame:
        """The next 20 ms."""
        await asyncio.sleep(max(0.0, self._started + self._count * PTIME - time.monotonic()))
        samples = int(self._rate * PTIME)
        frame = av.AudioFrame(format="s16", layout=self._layout, samples=samples)
        for plane in frame.planes:
            plane.update(self._sounds[self._count % len(self._sounds)])
        frame.pts = self._count * samples
        frame.sample_rate = self._rate
        frame.time_base = fractions.Fraction(1, self._rate)
        self._count += 1
        return frame


class End:
    """Legs of one process."""

    def __init__(self, codec: str, legs: int) -> None:
        self.heard = 0
        self._listening: list[asyncio.Future[None]] = []
        self.peers = [self._peer(codec) for _ in range(legs)]

    def _peer(self, codec: str) -> RTCPeerConnection:
        peer = RTCPeerConnection()
        transceiver = peer.addTransceiver(Voice(*NATIVE[codec]))
        known = RTCRtpSender.getCapabilities("audio").codecs
        transceiver.setCodecPreferences([each for each in known if each.name.lower() == codec.lower()])

        @peer.on("track")
        def listen(track: MediaStreamTrack) -> None:
            self._listening.append(asyncio.ensure_future(self._listen(track)))

        return peer

    async def _listen(self, track: MediaStreamTrack) -> None:
        while True:
            await track.recv()
            self.heard += 1


async def offer(end: End) -> None:
    """Say what we offer, take what they answer."""
    for peer in end.peers:
        await peer.setLocalDescription(await peer.createOffer())
    say([peer.localDescription.sdp for peer in end.peers])
    for peer, text in zip(end.peers, json.loads(await read()), strict=True):
        await peer.setRemoteDescription(RTCSessionDescription(text, "answer"))


async def answer(end: End) -> None:
    """Take what they offer, answer it."""
    for peer, text in zip(end.peers, json.loads(await read()), strict=True):
        await peer.setRemoteDescription(RTCSessionDescription(text, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
    say([peer.localDescription.sdp for peer in end.peers])


def say(what: object) -> None:
    """One line of JSON."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def read() -> str:
    """One line."""
    return await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


async def main(role: str, codec: str, legs: int) -> None:
    """Talk until the input ends; each further line is answered with the frames heard so far."""
    end = End(codec, legs)
    await (offer if role == "offer" else answer)(end)
    while await read():
        say(end.heard)


def cost(codec: str) -> float:
    """Microseconds of CPU a second that one leg with this codec takes."""
    with ExitStack() as stack:

        def start(role: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.bench.aiortc_leg", role, codec, str(LEGS)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                preexec_fn=pin_to_switch_core if role == "offer" else pin_to_generator_core,
            )
            stack.callback(process.communicate)
            stack.callback(process.terminate)
            return process

        def tell(process: subprocess.Popen[str], line: str) -> str:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(line)
            process.stdin.flush()
            return process.stdout.readline()

        measured, other = start("offer"), start("answer")
        assert measured.stdin is not None
        measured.stdin.write(tell(other, tell(measured, "")))
        measured.stdin.flush()
        time.sleep(SETTLE)
        heard, spent, started = int(tell(measured, "\n")), cpu_ms(measured.pid), time.monotonic()
        time.sleep(SECONDS)
        heard, spent = int(tell(measured, "\n")) - heard, cpu_ms(measured.pid) - spent
        elapsed = time.monotonic() - started
    due = LEGS * elapsed / PTIME
    if heard < FEWEST * due:
        raise RuntimeError(f"aiortc, {codec}: {heard} frames of {due:.0f} were heard: no leg to compare with")
    return spent * 1000 / elapsed / LEGS


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
