"""What pages are told of STUN and TURN servers."""

from __future__ import annotations

import base64
import hashlib
import hmac

from softswitch.endpoints.turn import IceServer, IceServers


def test_credentials_say_until_when_and_prove_it() -> None:
    """As coturn checks them: `use-auth-secret`, the user name `expiry:user`, HMAC-SHA1 in base64."""
    servers = IceServers(
        stun=("stun:stun.example",),
        turn=("turn:turn.example?transport=udp", "turns:turn.example"),
        secret="a shared secret",
        ttl=600.0,
        clock=lambda: 1_800_000_000.5,
    )
    stun, turn = servers.for_user("alice")
    assert stun == IceServer(("stun:stun.example",))
    assert turn.urls == ("turn:turn.example?transport=udp", "turns:turn.example")
    assert turn.username == "1800000600:alice"
    proof = hmac.new(b"a shared secret", b"1800000600:alice", hashlib.sha1).digest()
    assert base64.b64decode(turn.credential) == proof
    assert turn.credential not in repr(turn)


def test_what_is_not_configured_is_not_there() -> None:
    assert IceServers().for_user("alice") == ()
    assert len(IceServers(turn=("turn:turn.example",), secret="x").for_user("alice")) == 1
