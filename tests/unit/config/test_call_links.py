"""The `call_links` section: what is wrong with it, and what it becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from softswitch import assembly
from softswitch.contact_center.call_link import Kind, Routing, Validity
from softswitch.contact_center.call_link_wish import Defaults
from tests.support.config_files import ConfigFolder

if TYPE_CHECKING:
    from pathlib import Path

WEB = "web: {address: 127.0.0.1, url: 'https://call.example'}\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ("call_links: {kind: audio}", "1:13 call_links: guests call from pages of this node: give the section web"),
        (
            WEB + "call_links: {valid_for: 48h, longest: 24h}",
            "2:25 call_links.valid_for: links would be valid for 48h, and may be for 24h",
        ),
        (
            WEB + "call_links: {type: once}",
            "2:20 call_links.type: expected one_time, time_frame or expiration, got 'once'",
        ),
        (
            WEB + "call_links: {hours: {days: mon-fri, timezone: Berlin}}",
            "2:47 call_links.hours.timezone: expected a time zone such as Europe/Berlin, got 'Berlin'",
        ),
    ],
)
def test_what_cannot_be_meant(root: Path, config: str, problem: str) -> None:
    assert ConfigFolder.make(root, config).problems() == [f"config/all.yaml:{problem}"]


def test_links_that_nobody_elsewhere_can_open_are_told(root: Path) -> None:
    folder = ConfigFolder.make(root, "web: {address: 127.0.0.1}\ncall_links: {kind: audio}")

    assert any("give web.url" in str(warning) for warning in folder.load().warnings)


def test_a_destination_no_rule_takes_is_told(root: Path) -> None:
    rules = "routes:\n  - {name: x, when: {from: phones}, do: [echo]}\n"
    folder = ConfigFolder.make(root, WEB + "call_links: {destination: support}", rules)

    [warning] = [str(each) for each in folder.provision().warnings if "support" in str(each)]

    assert warning == (
        "config/all.yaml:2:27 call_links.destination: no rule of the dialplan takes a guest's call to 'support' "
        "(when: {from: guests})"
    )
    folder.write("dialplan.yaml", rules.replace("phones", "guests"))
    assert not [each for each in folder.provision().warnings if "support" in str(each)]


def test_without_a_word_the_defaults_are_those_of_the_rules(root: Path) -> None:
    settings = ConfigFolder.make(root, "").load()

    assert assembly.call_link_defaults(settings) == Defaults(title="Customer service")


def test_what_is_written_becomes_the_defaults(root: Path) -> None:
    config = (
        "call_links: {type: expiration, kind: audio, routing: route_to_sharing_agent, title: Help, valid_for: 2h,"
        " hours: {days: [mon, sat], from: 22:00, to: 06:00, timezone: America/New_York}}"
    )

    found = assembly.call_link_defaults(ConfigFolder.make(root, WEB + config).load())

    assert (found.validity, found.kind, found.routing) == (
        Validity.EXPIRATION,
        Kind.AUDIO,
        Routing.ROUTE_TO_SHARING_AGENT,
    )
    assert (found.title, found.valid_for) == ("Help", 7200.0)
    assert str(found.hours) == "Mon Sat 22:00-06:00 America/New_York"
