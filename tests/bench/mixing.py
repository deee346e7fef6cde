"""The mixing rows: legs a core in rooms of three, and one conference of a hundred.

The engine is driven without signalling. Everybody speaks all the time (speech, no silence suppression), which is the
worst case: each leg is decoded through a jitter buffer, added, taken out of its own mix, limited and encoded. In the
second conference half of the legs send silence, as listeners' phones do: they all hear the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.rows import Row
from tests.bench.transcode import DRAIN, ROUNDS, SECONDS, Codecs, beside

if TYPE_CHECKING:
    from tests.bench.transcode import Log, Window

BAR = 2500
ROOM = 3
STEP = 1.15
MOST_LOSS = 0.001
TICK = 0.02 / (SECONDS + DRAIN)  # of a room, as a share of the window: where in it the first one falls is chance
LIMIT = 6000  # ports end here
BESIDE = 999  # calls of two legs: rooms of three need a number that three divides
RELAYED = 1900  # calls a core that relays must carry (tests.bench.relay)


def missing(window: Window) -> float:
    """Share of the packets due that did not come: a room speaks on while the generator counts what is under way."""
    return 1 - (1 - window.loss) * SECONDS / (SECONDS + DRAIN)


def clean(window: Window) -> bool:
    """Whether the rooms kept their pace, and what they sent arrived.

    More than was due means that the generator was held up and sent less than it should: nothing was measured.
    """
    return abs(missing(window)) <= MOST_LOSS + TICK and window.gaps <= MOST_LOSS


def describe(window: Window) -> str:
    """Return one line for the log."""
    return (
        f"{2 * window.calls:5} legs: {missing(window):+.2%} not sent, {window.gaps:.4%} lost, "
        f"{window.cpu_us:.1f} us a packet, core {window.core:.0%}, generator late {window.late_ms:.1f} ms"
    )


def watch(engine: Codecs, calls: int, log: Log) -> Window:
    """Watch so many calls, again when the machine held the generator up meanwhile."""
    window = engine.watch(calls)
    for _ in range(ROUNDS):
        log(describe(window))
        if clean(window):
            break
        window = engine.watch(calls)
    return window


def most_legs(log: Log) -> tuple[int, Window]:
    """The most legs in rooms of three of which under 0.1 % of the packets are lost."""
    best = 0
    with Codecs("PCMA", "PCMA", room=ROOM) as engine:
        calls = -(-BAR // (2 * ROOM)) * ROOM
        best_window = window = watch(engine, calls, log)
        while clean(window):
            best, best_window = 2 * calls, window
            calls = int(calls * STEP) // ROOM * ROOM
            if 2 * calls > LIMIT:
                break
            window = watch(engine, calls, log)
    return best, best_window


def conference(log: Log, *, quiet: bool) -> Window:
    """A hundred legs in one room."""
    with Codecs("PCMA", "PCMA", room=100, quiet=quiet) as engine:
        windows = [engine.watch(50) for _ in range(ROUNDS)]
    for window in windows:
        log(describe(window))
    return sorted(windows, key=lambda window: window.core)[ROUNDS // 2]


def cost_to_relay(log: Log) -> Row:
    """What 20 ms of a leg cost in a room, against relaying its packet: the same sockets, packets and machine.

    A core that just relays `RELAYED` calls spends 1 s on 100 packets of each; `BAR` legs are 50 turns a second each.
    """
    with Codecs("PCMA", "PCMA") as relay, Codecs("PCMA", "PCMA", room=ROOM) as rooms:
        found = beside(log, {"relayed": relay, "in rooms": rooms}, BESIDE)
    ratio = found["in rooms"].cpu_us / found["relayed"].cpu_us
    how = (
        f"CPU for 20 ms of a leg, {2 * BESIDE} legs in rooms of three against {BESIDE} relayed calls, best of {ROUNDS} "
        f"windows in turn; the bar is {BAR} legs where {RELAYED} calls are relayed"
    )
    return Row("mixing.three_party_cost_to_relay", ratio, "", f"<= {100 * RELAYED / (50 * BAR):.2f}", how)


def run(log: Log) -> list[Row]:
    """Rooms of three beside the relay, then as many as there can be, then the conferences."""
    log("rooms of three beside the relay")
    beside_relay = cost_to_relay(log)
    log("rooms of three, everybody speaks")
    legs, window = most_legs(log)
    how = f"engine alone on one core, A-law, all legs speak, {SECONDS:.0f} s a step, < 0.1 % lost"
    rows = [
        beside_relay,
        Row("mixing.three_party_legs_per_core", legs, "legs", f">= {BAR}", how),
        Row("mixing.three_party_us_per_leg_tick", window.cpu_us, "us", None, f"CPU for 20 ms of a leg, at {legs} legs"),
    ]
    for name, quiet, who in (("all_speak", False, "all 100 speak"), ("half_silent", True, "50 speak, 50 send silence")):
        log(f"one conference, {who}")
        window = conference(log, quiet=quiet)
        how = f"one room of 100 legs, A-law, {who}; median of {ROUNDS} windows of {SECONDS:.0f} s"
        rows += [
            Row(
                f"mixing.conference_100_{name}_lost", window.gaps, "", f"<= {MOST_LOSS}", f"{how}; gaps in its numbers"
            ),
            Row(
                f"mixing.conference_100_{name}_not_sent",
                max(0.0, missing(window)),
                "",
                f"<= {TICK:.3f}",
                f"{how}; a tick",
            ),
            Row(f"mixing.conference_100_{name}_core", window.core, "", "<= 0.5", how),
        ]
    return rows
