"""Media streams in the configuration and in rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.problem import ConfigError
from softswitch import assembly, provision
from softswitch.dialplan.route import Stream, describe

if TYPE_CHECKING:
    from pathlib import Path

RULE = "routes: [{{name: r, do: [{{stream: {}}}]}}]"


def loaded(folder: Path, config: str, rule: str = "{to: assistant}") -> provision.Provision:
    (folder / "config").mkdir()
    (folder / "config" / "softswitch.yaml").write_text(config)
    (folder / "dialplan.yaml").write_text(RULE.format(rule))
    return provision.load(folder / "config", environ={"TOKEN": "s3cret"})


def test_a_target_and_a_rule_that_names_it(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        'streams: {assistant: {url: "wss://bot.example/voice", token: {env: TOKEN}, encoding: l16, rate: 16000}}',
        "{to: assistant, parameters: {language: de}}",
    )
    target = assembly.stream_targets(found.settings)["assistant"]
    assert (target.url, target.token, target.connect_timeout) == ("wss://bot.example/voice", "s3cret", 5.0)
    assert (target.format.encoding, target.format.rate) == ("l16", 16000)
    assert "s3cret" not in repr(target) + repr(found.settings)
    assert found.dialplan.rules[0].route.actions == (Stream("assistant", "talk", (("language", "de"),)),)


def test_how_it_is_described() -> None:
    assert describe(Stream("assistant")) == "stream assistant"
    assert describe(Stream("scribe", "listen")) == "stream scribe, who listens"


@pytest.mark.parametrize(
    ("config", "rule", "problem"),
    [
        (
            "streams: {assistent: {url: 'ws://a'}}",
            "{to: assistant}",
            "unknown stream 'assistant', did you mean 'assistent'",
        ),
        ("streams: {assistant: {url: 'https://a/b'}}", "{to: assistant}", "expected ws://host/… or wss://host/…"),
        ("streams: {assistant: {url: 'ws://[a'}}", "{to: assistant}", "expected ws://host/… or wss://host/…"),
        ("streams: {assistant: {url: 'ws://u:p@a'}}", "{to: assistant}", "ends up in logs: give `token`"),
        ("streams: {assistant: {url: 'ws://a', rate: 16000}}", "{to: assistant}", "mulaw has 8000 samples a second"),
        (
            "streams: {assistant: {url: 'ws://a', encoding: l16, rate: 11025}}",
            "{to: assistant}",
            "expected one of 8000",
        ),
        (
            "streams: {assistant: {url: 'ws://a'}}",
            "{to: assistant, mode: shout}",
            "expected talk or listen, got 'shout'",
        ),
    ],
)
def test_what_is_wrong_is_told(config: str, rule: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as told:
        loaded(tmp_path, config, rule)
    assert problem in "\n".join(map(str, told.value.problems))


def test_a_listener_does_not_answer_the_call(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "softswitch.yaml").write_text("streams: {scribe: {url: 'ws://a'}}")
    (tmp_path / "dialplan.yaml").write_text(
        "routes: [{name: r, do: [{stream: {to: scribe, mode: listen}}, {ring: {for: 3s}}, echo]}]"
    )
    provision.load(tmp_path / "config")
