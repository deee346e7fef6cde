"""The command line. Each command imports what it needs when it runs, so that `softswitch --help` is at once there.

Exit status: 0 done, 1 no route (simulate) or a failed run, 2 wrong configuration or command line.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from softswitch.version import VERSION

if TYPE_CHECKING:
    from typing import NoReturn

    from softswitch.provision import Provision

WRONG = 2

_config = click.option(
    "-c",
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    default=Path("config"),
    envvar="SOFTSWITCH_CONFIG",
    show_default=True,
    help="Configuration folder (all its *.yaml) or file.",
)
_dialplan = click.option(
    "--dialplan",
    "dialplan_path",
    type=click.Path(path_type=Path),
    default=None,
    envvar="SOFTSWITCH_DIALPLAN",
    help="Dialplan; by default dialplan.yaml beside the configuration folder.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="softswitch")
def main() -> None:
    """SIP/RTP softswitch."""


@main.command()
@_config
@_dialplan
def run(config_path: Path, dialplan_path: Path | None) -> None:
    """Run the switch in the foreground until SIGTERM or SIGINT."""
    provision = _load(config_path, dialplan_path, create_secrets=True)
    from softswitch import app

    sys.exit(app.run(provision))


@main.command()
@_config
@_dialplan
@click.option("--strict", is_flag=True, help="Warnings count as mistakes.")
def check(config_path: Path, dialplan_path: Path | None, strict: bool) -> None:
    """Check configuration and dialplan, and run the dialplan's tests; starts nothing."""
    provision = _load(config_path, dialplan_path)
    from softswitch.simulation import refused_tests

    settings = provision.settings
    refused = [*refused_tests(provision)]
    for problem in refused:
        click.echo(f"warning: {problem}", err=True)
    warnings = len(provision.warnings) + len(refused)
    if strict and warnings:
        sys.exit(WRONG)
    click.echo(
        f"good: {_count(len(settings.trunks), 'trunk')}, {_count(len(settings.phones.users), 'phone')}, "
        f"{_count(len(provision.dialplan.rules), 'route')}, {_count(len(settings.dialplan.tests), 'test')} passed"
        + (f", {_count(warnings, 'warning')}" if warnings else "")
    )


@main.command()
@_config
@_dialplan
@click.option("--from", "source", required=True, metavar="SOURCE", help="trunk:<name>, phone:<user> or guests.")
@click.option("--to", "called", required=True, metavar="NUMBER", help="The number dialled.")
@click.option("--caller", default=None, metavar="NUMBER", help="The caller's number; a phone's is its user name.")
@click.option(
    "--at", "moment", default=None, metavar="MOMENT", help='"2026-12-24T18:05 Europe/Berlin"; by default now.'
)
def simulate(
    config_path: Path, dialplan_path: Path | None, source: str, called: str, caller: str | None, moment: str | None
) -> None:
    """Tell where a call would go, and why, without placing it."""
    provision = _load(config_path, dialplan_path)
    _known_source(provision, source)
    from softswitch import simulation
    from softswitch.dialplan.moment import parse_moment
    from softswitch.provision import facts_of

    plan = provision.dialplan
    try:
        at = datetime.now(UTC).astimezone(plan.zone) if moment is None else parse_moment(moment, plan.zone)
    except ValueError as error:
        _fail(f"--at: {error}")
    facts = facts_of(source, called, caller)
    decision, told = simulation.simulate(provision.settings, plan, facts, at)
    click.echo(told)
    sys.exit(0 if decision.route is not None else 1)


@main.command()
@click.argument("which", type=click.Choice(["config", "dialplan"]), default="config")
def schema(which: str) -> None:
    """Print the JSON Schema of the configuration files or of the dialplan, for editors."""
    from config.json_schema import json_schema_text

    click.echo(json_schema_text(which), nl=False)


@main.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def demo(arguments: tuple[str, ...]) -> None:
    """Place a call between two phones through a switch of its own, and show how it went."""
    from softswitch import demo as demonstration

    sys.exit(demonstration.main(arguments))


def _load(config_path: Path, dialplan_path: Path | None, *, create_secrets: bool = False) -> Provision:
    """The configuration; warnings and mistakes go to standard error, mistakes end with status 2."""
    from config.problem import ConfigError
    from softswitch import provision

    try:
        found = provision.load(config_path, dialplan_path, create_secrets=create_secrets)
    except ConfigError as error:
        for warning in error.warnings:
            click.echo(f"warning: {warning}", err=True)
        for problem in error.problems:
            click.echo(str(problem), err=True)
        click.echo(_count(len(error.problems), "mistake"), err=True)
        sys.exit(WRONG)
    for warning in found.warnings:
        click.echo(f"warning: {warning}", err=True)
    return found


def _known_source(provision: Provision, source: str) -> None:
    from config.problem import did_you_mean

    if source == "guests":
        return
    kind, _, name = source.partition(":")
    settings = provision.settings
    known = {"trunk": list(settings.trunks), "phone": list(settings.phones.users)}.get(kind)
    if known is None or not name:
        _fail(f"--from: expected trunk:<name>, phone:<user> or guests, got {source!r}")
    if name not in known:
        _fail(f"--from: unknown {kind} {name!r}{did_you_mean(name, known)}")


def _fail(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(WRONG)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


if __name__ == "__main__":
    main()
