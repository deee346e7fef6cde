"""TLS in the configuration: what is missing, what cannot be used, and where it says so."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from config.problem import ConfigError
from softswitch import tls_settings
from tests.support.certificates import Authority
from tests.support.config_files import ConfigFolder

if TYPE_CHECKING:
    from pathlib import Path

LISTEN = "sip: {listen: [{transport: udp}, {transport: tls}], tls: {certificate: ours.crt, key: ours.key}}\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def authority(root: Path) -> Authority:
    found = Authority.make(root)
    found.vouch("ours", dns=("switch.test",))
    return found


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (
            "sip: {listen: [{transport: tls}]}",
            "1:16 sip.listen[0]: a tls listener needs sip.tls.certificate, this node's certificate",
        ),
        ("sip: {tls: {key: ours.key}}", "1:18 sip.tls.key: key without certificate"),
        (
            "trunks: {a: {destinations: ['sip.test;transport=tls']}}",
            "1:29 trunks.a.destinations[0]: over TLS, and there is no tls listener in sip.listen to connect from",
        ),
        (
            "trunks: {a: {tls: true, destinations: [sip.test]}}",
            "1:40 trunks.a.destinations[0]: over TLS, and there is no tls listener in sip.listen to connect from",
        ),
        (
            LISTEN + "trunks: {a: {destinations: [sip.test], tls: {key: a.key}}}",
            "2:51 trunks.a.tls.key: key without certificate",
        ),
        (
            LISTEN + "trunks: {a: {tls: {identities: x.test}}, b: {tls: {identities: [y.test, X.test]}}}",
            "2:73 trunks.b.tls.identities[1]: the trunk 'a' is already known by x.test",
        ),
        (
            LISTEN.replace("tls: {", "tls: {client_certificate: none, ") + "trunks: {a: {tls: {identities: x.test}}}",
            "2:32 trunks.a.tls.identities: nobody is asked for a certificate: sip.tls.client_certificate is none",
        ),
        (
            LISTEN.replace("tls: {", "tls: {minimum_version: 1.1, "),
            "1:76 sip.tls.minimum_version: expected 1.2 or 1.3, got 1.1",
        ),
        (
            LISTEN.replace("udp}", "tcp, port: 5061}"),
            "1:46 sip.listen[1]: tls 0.0.0.0:5061 is already taken by 0.0.0.0:5061 above",
        ),
        # The files.
        (
            LISTEN.replace("ours.crt", "none.crt"),
            "1:72 sip.tls.certificate: {root}/none.crt cannot be read: No such file or directory",
        ),
        (
            LISTEN.replace("ours.crt", "ours.key"),
            "1:72 sip.tls.certificate: {root}/ours.key holds no certificate in PEM form",
        ),
        (
            LISTEN.replace("ours.key", "other.key"),
            "1:87 sip.tls.key: the key in {root}/other.key is not that of the certificate {root}/ours.crt",
        ),
        (LISTEN.replace("ours.key", "ours.crt"), "1:87 sip.tls.key: {root}/ours.crt holds no key in PEM form"),
        (
            LISTEN + "trunks: {a: {destinations: [sip.test], tls: {ca: ours.key}}}",
            "2:50 trunks.a.tls.ca: {root}/ours.key holds no certificate of an authority in PEM form",
        ),
    ],
)  # fmt: skip
def test_mistakes(root: Path, authority: Authority, config: str, problem: str) -> None:
    authority.vouch("other")
    expected = f"config/all.yaml:{problem}".replace("{root}", str(root))
    assert ConfigFolder.make(root, config).problems() == [expected]


@pytest.mark.parametrize(("days", "verb"), [(-3, "expired"), (3, "expires"), (300, "")])
def test_what_ends_soon_is_told(root: Path, authority: Authority, days: int, verb: str) -> None:
    authority.vouch("ours", dns=("switch.test",), lasts=timedelta(days=days))
    warnings = [str(each) for each in ConfigFolder.make(root, LISTEN).provision().warnings]
    assert [f"ours.crt {verb} on " in warning for warning in warnings] == [True] * bool(verb)


def test_terms(root: Path, authority: Authority) -> None:
    authority.vouch("a")
    config = (
        LISTEN
        + """
trunks:
  plain: {destinations: [192.0.2.1]}
  own: {destinations: [192.0.2.2], tls: {certificate: a.crt, key: a.key, ca: authority.pem}}
  lax: {destinations: [sip.test], tls: {verify: false, identities: lax.test}}
"""
    )
    settings = ConfigFolder.make(root, config).load()
    server, trunks = tls_settings.terms(settings)
    assert server is not None
    assert (server.ask, server.minimum) == ("optional", "1.2"), (
        "a trunk is known by its certificate: they are asked for"
    )
    assert {name: terms.ask for name, terms in trunks.items()} == {
        "plain": "required",
        "own": "required",
        "lax": "none",
    }
    assert trunks["own"].files == (root / "a.crt", root / "a.key", root / "authority.pem")
    assert trunks["plain"].own == server.own


def test_an_encrypted_key(root: Path, authority: Authority) -> None:
    from cryptography.hazmat.primitives import serialization

    file = root / "ours.key"
    key = serialization.load_pem_private_key(file.read_bytes(), None)
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
        )
    )
    with pytest.raises(ConfigError, match="the key is encrypted: store it decrypted"):
        ConfigFolder.make(root, LISTEN).provision()
