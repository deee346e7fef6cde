"""TLS as others speak it: baresip registers over it and the switch knows it by that connection."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.support.baresip import Baresip
from tests.support.certificates import Authority
from tests.support.daemon import CONFIG, Daemon
from tests.support.loopback import HOST, free_port

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.interop

TLS = CONFIG.replace(
    "  timers:",
    """\
    - {{transport: tls, address: 127.0.0.1, port: {tls}}}
  tls: {{certificate: switch.crt, key: switch.key}}
  timers:""",
).replace("  allow_from: [127.0.0.3/32]\n", "  digest: [MD5]\n  allow_from: [127.0.0.0/8]\n")


async def test_baresip_registers_over_tls(tmp_path: Path) -> None:
    Authority.make(tmp_path).vouch("switch", dns=("switch.test",), addresses=(HOST,))
    async with Daemon(tmp_path) as daemon:
        port = daemon.values["tls"] = free_port(socket.SOCK_STREAM)
        daemon.write(TLS)
        await daemon.start()
        phone = Baresip(
            tmp_path, address=HOST, port=free_port(), control=free_port(socket.SOCK_STREAM),
            registrar=f"{HOST}:{port};transport=tls", user="1001",
            password=(tmp_path / "var" / "secrets" / "desk").read_text().strip(), speech=tmp_path / "silence.wav",
        )  # fmt: skip
        async with phone:
            await phone.registered()
            assert await daemon.metric("softswitch_registered_contacts") == 1
            assert "transport=tls" in str(await daemon.get("/api/registrations"))
