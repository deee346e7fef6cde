"""A media engine without signalling: `python -m tests.bench.bare_engine OPUS_COMPLEXITY`, told on standard input.

A line of JSON opens calls: {"first": 0, "formats": [["PCMA", 8, 8000], ["opus", 111, 48000]], "ports": [[a, b], ...]};
the answer is where it listens, [[a, b], ...]. With "room": 3 its legs, one after the other, meet in rooms of three
instead. With "keys": [SUITE, [theirs, ours], ...] leg A of each call is a browser's whose ICE and DTLS are done, the
keys in hexadecimal. Ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import sys

from media.commands import Connect, JoinRoom, OpenRoom, PayloadFormat, SetFormats, SetKeys, SetPath, SetRemote
from media.control import MediaEngine
from media.settings import MediaSettings
from media.srtp.material import KeyMaterial
from tests.bench.rtpload import ADDRESS

PORTS = (10000, 32000)


def open_calls(engine: MediaEngine, line: str) -> list[list[int]]:
    """Bridge calls between the ports asked for."""
    asked = json.loads(line)
    sides = [(PayloadFormat(number, name, rate),) for name, number, rate in asked["formats"]]
    suite, *keys = asked.get("keys", [""])
    answer = []
    for call, theirs in enumerate(asked["ports"], asked["first"]):
        group = "rooms" if "room" in asked else str(call)
        legs = [engine.open_leg(label="bench", group=group, browser=bool(suite) and not n) for n, _ in enumerate(sides)]
        for leg, formats, port in zip(legs, sides, theirs, strict=True):
            engine.post(SetFormats(leg.leg, formats, formats), SetRemote(leg.leg, ADDRESS, port, ADDRESS, port + 1))
        if suite:
            material = (KeyMaterial(suite, bytes.fromhex(each)) for each in keys[call - asked["first"]])
            engine.post(SetPath(legs[0].leg, ADDRESS, theirs[0]), SetKeys(legs[0].leg, *material))
        if "room" in asked:
            for place, leg in enumerate(legs, 2 * call):
                sit(engine, place, leg.leg, asked["room"])
        else:
            engine.post(Connect(legs[0].leg, legs[1].leg))
        answer.append([leg.port for leg in legs])
    return answer


def sit(engine: MediaEngine, place: int, leg: int, size: int) -> None:
    """Let the leg into its room, which the first of `size` opens."""
    if place % size == 0:
        engine.post(OpenRoom(place // size, "rooms", size))
    engine.post(JoinRoom(place // size, leg))


async def main() -> None:
    """Serve until the input ends."""
    loop = asyncio.get_running_loop()
    settings = MediaSettings(address=ADDRESS, port_first=PORTS[0], port_last=PORTS[1], opus_complexity=int(sys.argv[1]))
    engine = MediaEngine.start(settings, lambda _: None, loop)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        sys.stdout.write(json.dumps(open_calls(engine, line)) + "\n")
        sys.stdout.flush()
    await engine.stop()


if __name__ == "__main__":
    asyncio.run(main())
