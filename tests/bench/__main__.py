"""`python -m tests.bench [--only GROUP]`: measure the switch against its bars; a table, and build/bench.json.

Exit status 1 when a bar does not hold, 2 when the machine cannot run the bench.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from tests.bench import (
    audio,
    browser_setup,
    footprint,
    hostile,
    listeners,
    machine,
    micro,
    mixing,
    relay,
    setup_rate,
    srtp,
    webrtc,
)
from tests.bench.rows import table
from tests.bench.transcode import run as transcode

if TYPE_CHECKING:
    from tests.bench.rows import Row

GROUPS = {
    "micro": micro.run,
    "audio": audio.run,
    "footprint": footprint.run,
    "transcode": transcode,
    "setup": setup_rate.run,
    "relay": relay.run,
    "srtp": srtp.run,
    "webrtc": webrtc.run,
    "listeners": listeners.run,
    "mixing": mixing.run,
    "hostile": hostile.run,
    "browser_setup": browser_setup.run,
}
RESULT = machine.ROOT / "build" / "bench.json"


def main() -> int:
    """Run the groups asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure the switch against its bars.")
    parser.add_argument("--only", choices=GROUPS, action="append", help="one group (may be given several times)")
    chosen = parser.parse_args().only or list(GROUPS)
    machine.isolate()
    try:
        machine.prepare()
    except machine.MachineError as error:
        sys.stderr.write(f"bench: {error}\n")
        return 2
    described = machine.Machine.describe()
    started = time.monotonic()

    def log(line: str) -> None:
        sys.stdout.write(f"{time.monotonic() - started:6.1f} s  {line}\n")
        sys.stdout.flush()

    rows: list[Row] = []
    for group in chosen:
        log(f"--- {group}")
        rows += GROUPS[group](log)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(
        json.dumps(
            {
                "machine": asdict(described),
                "seconds": round(time.monotonic() - started, 1),
                "groups": chosen,
                "rows": [row.as_json() for row in rows],
            },
            indent=1,
        )
        + "\n"
    )
    sys.stdout.write(f"\n{table(rows)}\n\n")
    sys.stdout.write(f"{described.cpu}, {described.cores} cores, {described.system}, Python {described.python}, ")
    sys.stdout.write(f"{described.commit}; load before {described.load_before:.2f}; written to {RESULT}\n")
    failed = [row.name for row in rows if row.holds is False]
    if failed:
        sys.stdout.write(f"bars that do not hold: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
