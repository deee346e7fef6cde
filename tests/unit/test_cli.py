"""The command line as an operator meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from softswitch.cli import main
from tests.support.config_files import TRUNK_AND_PHONES, ConfigFolder

ROOT = Path(__file__).parents[2]
DIALPLAN = """
timezone: Europe/Berlin
numbering: {country_code: 49, national_prefix: 0}
routes:
  - name: local
    when: {from: phones, called: {local: true}}
    do: [{dial: {phone: $called}}]
  - name: office hours
    when: {from: trunk:carrier, called: {prefix: "+4930123"}, time: {days: mon-fri, from: 08:00, to: 18:00}}
    do: [{dial: {phone: [1001, 1002], strategy: parallel}}, {reject: {status: 480}}]
  - name: closed
    when: {from: trunk:carrier, called: {prefix: "+4930123"}}
    do: [{reject: {status: 480, reason: Closed}}]
  - name: never looked at
    when: {from: trunk:backup}
    do: [echo]
tests:
  - {from: phone:1001, to: 1002, expect: local}
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHONE_PASSWORD", "correct horse")
    monkeypatch.delenv("SOFTSWITCH_CONFIG", raising=False)
    ConfigFolder.make(tmp_path, TRUNK_AND_PHONES, DIALPLAN)
    return tmp_path


def softswitch(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def test_check_of_what_is_good(root: Path) -> None:
    done = softswitch("check")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "good: 2 trunks, 2 phones, 4 routes, 1 test passed\n", "")


def test_check_of_what_is_wrong(root: Path) -> None:
    (root / "dialplan.yaml").write_text(
        DIALPLAN.replace("[1001, 1002]", "[1001, 1003]").replace("trunk:back", "trunk:bak")
    )
    done = softswitch("check")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "dialplan.yaml:10:32 routes[1].do[0].dial.phone[1]: unknown phone '1003', did you mean '1002'?",
        "dialplan.yaml:15:18 routes[3].when.from: unknown trunk 'bakup', did you mean 'backup'?",
        "2 mistakes",
    ]


def test_a_failing_test_fails_check(root: Path) -> None:
    (root / "dialplan.yaml").write_text(DIALPLAN.replace("expect: local", "expect: closed"))
    done = softswitch("check")
    assert done.exit_code == 2
    assert done.stderr.splitlines()[0].endswith("expected 'closed', got 'local' (dial phone:1002)")


def test_warnings_and_strict(root: Path) -> None:
    (root / "dialplan.yaml").write_text(DIALPLAN.replace("trunk:backup", "trunk:carrier") + "  # end\n")
    (root / "config/more.yaml").write_text("admin: {token: in plain sight}\n")
    done = softswitch("check")
    assert (done.exit_code, done.stderr.count("warning: ")) == (0, 1)
    assert "a secret in plain text" in done.stderr
    assert done.stdout.endswith("1 test passed, 1 warning\n")
    assert softswitch("check", "--strict").exit_code == 2
    assert "in plain sight" not in done.output


def test_other_files_by_option_and_environment(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "one.yaml").write_text("node: {name: x}\n")
    (root / "two.yaml").write_text("routes: []\n")
    assert softswitch("check", "-c", "one.yaml", "--dialplan", "two.yaml").stdout.startswith("good: 0 trunks")
    monkeypatch.setenv("SOFTSWITCH_CONFIG", "one.yaml")
    monkeypatch.setenv("SOFTSWITCH_DIALPLAN", "two.yaml")
    assert softswitch("check").stdout.startswith("good: 0 trunks")


def test_nothing_there(root: Path) -> None:
    done = softswitch("check", "-c", "nowhere")
    assert (done.exit_code, done.stderr.splitlines()[0]) == (2, "nowhere there is no such file")


SIMULATED = """\
from     trunk:carrier
caller   (none)
called   030-123 45 = +493012345
at       Thu 2026-12-24 18:05 Europe/Berlin

  line 4    local            no   from trunk:carrier, not any phone
  line 7    office hours     no   at Thu 18:05, not Mon Tue Wed Thu Fri 08:00-18:00 Europe/Berlin
  line 10   closed           YES  called +493012345: prefix +4930123
  line 13   never looked at  -    not looked at

route    closed
do       1. reject 480 Closed
"""


def test_simulate_tells_the_whole_decision(root: Path) -> None:
    at = "2026-12-24T18:05 Europe/Berlin"
    done = softswitch("simulate", "--from", "trunk:carrier", "--to", "030-123 45", "--at", at)
    assert (done.exit_code, done.stdout) == (0, SIMULATED)


def test_simulate_with_several_actions(root: Path) -> None:
    arguments = ["--from", "trunk:carrier", "--to", "+4930123", "--caller", "089 1", "--at", "2026-12-24T07:05Z"]
    lines = softswitch("simulate", *arguments).stdout.splitlines()
    assert lines[1] == "caller   089 1 = +49891"
    assert lines[-3:] == ["route    office hours", "do       1. dial phone:1001 + phone:1002", "         2. reject 480"]


def test_simulate_a_guest(root: Path) -> None:
    done = softswitch("simulate", "--from", "guests", "--to", "+4930123", "--caller", "Anna")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[:2] == ["from     guest", "caller   Anna"]


def test_simulate_without_a_route(root: Path) -> None:
    done = softswitch("simulate", "--from", "phone:1001", "--to", "77")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-2:] == ["route    none: no rule fits", "do       1. reject 404 No Route"]
    assert done.stdout.splitlines()[1] == "caller   1001"


def test_simulate_shows_hostile_numbers_harmlessly(root: Path) -> None:
    done = softswitch("simulate", "--from", "phone:1001", "--to", "\x1b[2J\u202e1")
    assert "\x1b" not in done.stdout
    assert r"called   \x1b[2J\u202e1" in done.stdout
    assert softswitch("simulate", "--from", "phone:1001", "--to", "1" * 65).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "trunk:carier", "--to", "1"], "--from: unknown trunk 'carier', did you mean 'carrier'?"),
        (["--from", "carrier", "--to", "1"], "--from: expected trunk:<name>, phone:<user> or guests, got 'carrier'"),
        (
            ["--from", "phone:1001", "--to", "1", "--at", "soon"],
            "--at: expected a moment such as \"2026-12-24T18:05 Europe/Berlin\", got 'soon'",
        ),
    ],
)
def test_simulate_with_mistakes(root: Path, arguments: list[str], message: str) -> None:
    done = softswitch("simulate", *arguments)
    assert (done.exit_code, done.stderr) == (2, message + "\n")


@pytest.mark.parametrize("which", ["config", "dialplan"])
def test_schema(which: str) -> None:
    done = softswitch("schema", which)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["title"].startswith("softswitch")


def test_run_refuses_a_wrong_configuration_before_anything_is_opened(root: Path) -> None:
    (root / "config/all.yaml").write_text("sip: {listen: [{port: 0}]}\n")
    done = softswitch("run")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0].startswith("config/all.yaml:1:23 sip.listen[0].port: expected a whole number")
    assert not (root / "var").exists()


def test_help_names_every_command() -> None:
    done = softswitch("--help")
    assert all(command in done.stdout for command in ("check", "demo", "run", "schema", "simulate"))


def test_demo_tells_its_own_options() -> None:
    done = softswitch("demo", "--help")
    assert done.exit_code == 0
    assert "--folder" in done.stdout


def test_as_a_process_on_the_shipped_configuration() -> None:
    command = [sys.executable, "-m", "softswitch.cli", "check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("good: ")


def test_help_does_not_wait_for_the_engine() -> None:
    script = "import sys, softswitch.cli; print(sorted({'asyncio', 'numpy', 'pydantic', 'yaml'} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout == "[]\n"
