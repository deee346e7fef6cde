"""Browsers as legs in the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.problem import ConfigError
from softswitch import provision

if TYPE_CHECKING:
    from pathlib import Path

    from config.webrtc_schema import WebRtc


def loaded(folder: Path, config: str) -> WebRtc:
    (folder / "config").mkdir()
    (folder / "config" / "softswitch.yaml").write_text(config)
    (folder / "dialplan.yaml").write_text("routes: [{name: r, do: [echo]}]")
    return provision.load(folder / "config", environ={"TURN": "s3cret"}).settings.webrtc


def test_nothing_needs_to_be_said(tmp_path: Path) -> None:
    section = loaded(tmp_path, "node: {name: n}")
    assert (section.ice, section.port, section.ports, section.turn) == ("full", None, None, None)
    assert (section.consent.interval, section.consent.timeout) == (1.0, 5.0)


def test_everything_can_be_said(tmp_path: Path) -> None:
    section = loaded(
        tmp_path,
        """
        media: {address: "::"}
        webrtc:
          ice: LITE
          addresses: [203.0.113.5, "2001:db8::5"]
          port: 3478
          bandwidth: high
          video_kbit: 1500
          stun: stun:stun.example.net
          turn: {urls: ["turn:[2001:db8::1]:3478?transport=tcp", "turns:a.example:443"], secret: {env: TURN}, ttl: 2h}
        """,
    )
    assert (section.ice, section.addresses, section.port) == ("lite", ("203.0.113.5", "2001:db8::5"), 3478)
    assert section.video_kbit == 1500
    assert section.turn is not None
    assert (section.turn.secret.reveal(), section.turn.ttl) == ("s3cret", 7200.0)
    assert "s3cret" not in repr(section)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ("webrtc: {port: 80}", "webrtc.port: expected a whole number from 1024 to 65535, got 80"),
        ("webrtc: {video_kbit: 99}", "webrtc.video_kbit: expected a whole number from 100 to 100000, got 99"),
        ("webrtc: {port: 5060}", "webrtc.port: port 5060 is one of sip.listen"),
        ("webrtc: {port: 20010}", "webrtc.port: port 20010 lies inside media.ports (20000-39999)"),
        ("webrtc: {port: 3478, ports: {first: 40000, last: 40100}}", "webrtc.ports: has no effect: all browsers share"),
        ("webrtc: {ports: {first: 5000, last: 5100}}", "webrtc.ports: port 5060 of sip.listen lies inside 5000-5100"),
        ("webrtc: {ports: {first: 39000, last: 40100}}", "39000-40100 and media.ports (20000-39999) overlap"),
        ("webrtc: {addresses: 2001:db8::1}", "media sockets are bound to 0.0.0.0, which IPv6 does not reach"),
        ("webrtc: {addresses: 0.0.0.0}", "0.0.0.0 is no address a browser could send to"),
        (
            "webrtc: {consent: {interval: 2s, timeout: 3s}}",
            "expected at least twice the interval (2s), got 3s",
        ),
        ("webrtc: {stun: turn:a}", "expected stun:host[:port], got 'turn:a'"),
        ("webrtc: {stun: 'stun:a:99999'}", "expected a port from 1 to 65535, got 'stun:a:99999'"),
        ("webrtc: {turn: {urls: 'turn:a?transport=sctp', secret: x}}", "expected turn:host[:port]"),
        ("webrtc: {turn: {urls: 'turn://a', secret: x}}", "expected turn:host[:port]"),
    ],
)
def test_what_is_wrong_is_told(config: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as told:
        loaded(tmp_path, config)
    assert problem in "\n".join(map(str, told.value.problems))


def test_a_plain_secret_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "softswitch.yaml").write_text("webrtc: {turn: {urls: 'turn:a', secret: plain}}")
    (tmp_path / "dialplan.yaml").write_text("routes: [{name: r, do: [echo]}]")
    warnings = provision.load(tmp_path / "config").warnings
    assert any(each.path == "webrtc.turn.secret" and "plain text" in each.message for each in warnings)
