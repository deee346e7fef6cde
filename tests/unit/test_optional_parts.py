"""What a node imports: the libraries of browsers, tokens and certificates only where configuration needs them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.loopback import free_port

if TYPE_CHECKING:
    from collections.abc import Collection

ROOT = Path(__file__).parent.parent.parent
START = """\
import asyncio, sys
from pathlib import Path
from softswitch import app, cli, provision
from softswitch.node import Node

async def live():
    node = await Node.start(provision.load(Path("config"), None, create_secrets=True))
    await node.stop()

asyncio.run(live())
print("imported:", *sys.modules)
"""
CONFIG = """\
sip:
  listen:
    - {{transport: udp, address: 127.0.0.1, port: {sip}}}
media: {{address: 127.0.0.1, ports: {{first: 10000, last: 13999}}, priority: 0}}
admin: {{address: 127.0.0.1, port: {admin}}}
recording: {{enabled: false}}
trunks:
  carrier: {{sources: ["127.0.0.2"], destinations: ["127.0.0.2:5060"]}}
"""
PHONES = """\
phones:
  allow_from: [127.0.0.3/32]
  users: {{1001: {{password: secret-of-the-desk}}}}
"""
WEB = """\
web: {{address: 127.0.0.1, port: {web}}}
"""
TRANSPORTS = {"OpenSSL", "cryptography", "softswitch.webrtc.transports"}
SERVER = {"jwt", "softswitch.endpoints.tokens", "softswitch.web_service", "softswitch.admin.web_server"}
NEVER_AT_START = {"av", "numpy", "soundfile"}


@pytest.mark.parametrize(
    ("sections", "there"),
    [("", frozenset()), (PHONES, TRANSPORTS), (WEB, TRANSPORTS | SERVER)],
    ids=["trunks alone", "phones, which may be browsers behind a proxy", "pages"],
)
def test_what_is_not_configured_is_not_imported(sections: str, there: Collection[str], tmp_path: Path) -> None:
    """Each library for browsers is megabytes and milliseconds; a node between trunks has neither to give."""
    ports = {"sip": free_port(), "admin": free_port(socket.SOCK_STREAM), "web": free_port(socket.SOCK_STREAM)}
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "softswitch.yaml").write_text((CONFIG + sections).format(**ports))
    (tmp_path / "dialplan.yaml").write_text("routes: [{name: echo, when: {from: trunks}, do: [echo]}]\n")
    ran = subprocess.run(
        [sys.executable, "-c", START],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'codecs'}"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
    )  # fmt: skip
    *_, last = ran.stdout.splitlines() or [""]
    assert last.startswith("imported: "), ran.stdout
    imported = set(last.split()[1:])
    assert imported & (TRANSPORTS | SERVER | NEVER_AT_START) == there
