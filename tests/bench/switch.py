"""The switch under measurement: started as an operator would, with a generated configuration, on its own core."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.bench.callers import Callers
from tests.bench.machine import ROOT, pin_to_switch_core
from tests.bench.rtpload import ADDRESS, Generator

if TYPE_CHECKING:
    from collections.abc import Mapping

CALLER = "127.0.0.2"  # trunk alice calls from here
CALLED = "127.0.0.3"  # trunk bob is called here
PORTS = (10000, 32000)  # below the ephemeral range, two ports a leg
START_LIMIT_SECONDS = 15.0

CONFIG = """\
sip:
  listen:
    - {{transport: udp, address: {address}, port: {sip_port}}}
media:
  address: {address}
  ports: {{first: {first}, last: {last}}}
  timeout: 15m
admin: {{address: {address}, port: {admin_port}}}
limits: {{max_calls: 10000, calls_per_second: 5000, media_load: 1.0}}
trunks:
  alice: {{sources: ["{caller}"], codecs: [PCMA]{srtp}}}
  bob: {{destinations: ["{called}:{bob_port}"], codecs: [PCMA]}}
"""
DIALPLAN = """\
timezone: UTC
routes:
  - name: through
    when: {from: trunk:alice}
    do:
      - dial: {trunk: bob}
"""


class SwitchError(Exception):
    """The switch did not start, or did not do what a row needs."""


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM, address: str = ADDRESS) -> int:
    """Return a port nobody has at the moment."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


class Switch:
    """A running daemon. `bob_port` is where trunk bob is dialled; without one, the bench's own callers answer there."""

    def __init__(
        self,
        *,
        bob_port: int | None = None,
        suite: str = "",
        dialplan: str = DIALPLAN,
        prompts: Mapping[str, bytes] | None = None,
    ) -> None:
        """`suite`: trunk alice is SRTP with it; its calls want a generator that is `secure`. `prompts`: by name."""
        self._folder = tempfile.TemporaryDirectory(prefix="bench-switch-")
        self.folder = Path(self._folder.name)
        self.sip_port, self.admin_port = free_port(), free_port(socket.SOCK_STREAM)
        self._callers: Callers | None = None
        self._suite = suite
        if bob_port is None:
            self._callers = Callers((CALLER, 0), (CALLED, 0), (ADDRESS, self.sip_port), suite)
            bob_port = self._callers.bob_port
        (self.folder / "softswitch.yaml").write_text(
            CONFIG.format(
                address=ADDRESS, sip_port=self.sip_port, admin_port=self.admin_port, first=PORTS[0], last=PORTS[1],
                caller=CALLER, called=CALLED, bob_port=bob_port,
                srtp=f", srtp: mandatory, srtp_suites: [{suite}]" if suite else "",
            )
        )  # fmt: skip
        (self.folder / "dialplan.yaml").write_text(dialplan)
        for name, content in (prompts or {}).items():
            (self.folder / "prompts").mkdir(exist_ok=True)
            (self.folder / "prompts" / name).write_bytes(content)
        self.calls = 0
        self.ready_after = 0.0
        self._process = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def callers(self) -> Callers:
        """The SIP clients on both trunks."""
        if self._callers is None:
            raise SwitchError("this switch was started for somebody else's callers")
        return self._callers

    def add_calls(self, generator: Generator, up_to: int) -> None:
        """Bridge calls until there are `up_to`, and tell the generator where they listen."""
        new = range(self.calls, up_to)
        ports = {n: (generator.port(0, n), generator.port(1, n)) for n in new}
        for number, call in self.callers.bridge(ports).items():
            assert call.towards_a is not None
            assert call.towards_b is not None
            generator.add(number, call.towards_a, call.towards_b)
            if call.keys is not None:
                generator.secure(number, self._suite, *call.keys)
        self.calls = max(self.calls, up_to)

    def metrics(self) -> dict[str, float]:
        """Return every sample of /metrics, label set included in the name."""
        text = self._get("/metrics")
        samples = re.findall(r"^([a-z_]+(?:\{[^}]*\})?) ([-+\d.eE]+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in samples}

    def settle(self, seconds: float = 60.0) -> dict[str, float]:
        """Wait until no call, leg or transaction is left; return the metrics then, or when time is up."""
        deadline = time.monotonic() + seconds
        while True:
            now = self.metrics()
            busy = sum(now[name] for name in ("softswitch_active_calls", "softswitch_media_legs"))
            if not (busy or now["softswitch_sip_transactions"]) or time.monotonic() > deadline:
                return now
            time.sleep(0.5)

    def stop(self) -> None:
        """End the process and wait for it."""
        if self._callers is not None:
            self._callers.close()
        self._process.terminate()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:  # it lets calls end; a second signal ends them at once
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._folder.cleanup()

    def _start(self) -> subprocess.Popen[bytes]:
        path = os.pathsep.join((str(ROOT), str(ROOT / "codecs")))
        with (self.folder / "log").open("wb") as log:
            started = time.monotonic()
            process = subprocess.Popen(
                [sys.executable, "-m", "softswitch", "run", "--config", str(self.folder / "softswitch.yaml")],
                cwd=self.folder, env={**os.environ, "PYTHONPATH": path}, stdout=log, stderr=log,
                preexec_fn=pin_to_switch_core,
            )  # fmt: skip
        while process.poll() is None and time.monotonic() < started + START_LIMIT_SECONDS:
            try:
                self._get("/ready")
            except (OSError, urllib.error.HTTPError):
                time.sleep(0.01)
            else:
                self.ready_after = time.monotonic() - started
                return process
        process.kill()
        process.wait()
        raise SwitchError(f"the switch did not become ready:\n{self.log_tail()}")

    def log_tail(self) -> str:
        """Return the end of its log."""
        return "\n".join((self.folder / "log").read_text(errors="replace").splitlines()[-20:])

    def _get(self, path: str) -> str:
        token = self.folder / "var" / "secrets" / "admin-token"
        headers = {"Authorization": f"Bearer {token.read_text().strip()}"} if token.exists() else {}
        request = urllib.request.Request(f"http://{ADDRESS}:{self.admin_port}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return str(answer.read().decode())
