"""The `web` section: what is wrong with it, and where it says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.certificates import Authority
from tests.support.config_files import ConfigFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ("web: {port: 8080}", "1:13 web.port: port 8080 is already taken by admin.port"),
        (
            "web: {port: 5060, address: 127.0.0.1}",
            "1:13 web.port: port 5060 is already taken by sip.listen[1]",
        ),
        (
            "web: {https: true}",
            "1:14 web.https: there is no certificate: give web.tls, or sip.tls.certificate",
        ),
        (
            "web: {https: false, tls: {certificate: ours.crt, key: ours.key}}",
            "1:26 web.tls: has no effect: https is false",
        ),
        ("web: {token_key: short}", "1:18 web.token_key: expected at least 16 characters"),
        (
            "web: {session: {token: 2h, longest: 1h}}",
            "1:16 web.session: longest: expected at least `token` (7200s), got 3600s",
        ),
        (
            "web: {url: phone.example}",
            "1:12 web.url: expected https://host or https://host:port, got 'phone.example'",
        ),
        (
            "web: {origins: [https://desk.example/path]}",
            "1:17 web.origins[0]: expected https://host, https://host:port or *, got 'https://desk.example/path'",
        ),
    ],
)
def test_what_cannot_be_meant(root: Path, config: str, problem: str) -> None:
    Authority.make(root).vouch("ours", dns=("switch.test",))
    assert ConfigFolder.make(root, config).problems() == [f"config/all.yaml:{problem}"]


def test_nothing_is_served_unless_asked_for(root: Path) -> None:
    settings = ConfigFolder.make(root, "").load(create_secrets=True)
    assert settings.web is None
    assert not (root / "var/secrets/web-token-key").exists()


def test_an_empty_section_is_enough(root: Path) -> None:
    settings = ConfigFolder.make(root, "web:").load(create_secrets=True)
    assert settings.web is not None
    key = root / "var/secrets/web-token-key"
    assert settings.web.token_key.reveal() == key.read_text().strip()
    assert key.stat().st_mode & 0o777 == 0o600
    again = ConfigFolder(root).load(create_secrets=True).web
    assert again is not None
    assert again.token_key == settings.web.token_key


def test_origins_are_kept_as_browsers_write_them(root: Path) -> None:
    config = "web: {origins: ['https://Desk.example:443/', 'http://[::1]:8080', 'https://a.example:8443']}"
    web = ConfigFolder.make(root, config).load().web
    assert web is not None
    assert web.origins == ("https://desk.example", "http://[::1]:8080", "https://a.example:8443")


@pytest.mark.parametrize(
    ("config", "warning"),
    [
        ("web: {}", "without HTTPS browsers give pages no microphone"),
        ("web: {address: 127.0.0.1, origins: '*'}", "any site's pages may sign in here"),
        ("web: {address: 127.0.0.1, token_key: sixteen characters}", "a secret in plain text"),
    ],
)
def test_what_works_and_is_probably_not_meant(root: Path, config: str, warning: str) -> None:
    [found] = ConfigFolder.make(root, config).load().warnings
    assert warning in str(found)


@pytest.mark.parametrize("config", ["web: {address: 127.0.0.1}", "web: {proxies: 10.0.0.1}"])
def test_what_is_meant_without_https(root: Path, config: str) -> None:
    assert ConfigFolder.make(root, config).load().warnings == ()
