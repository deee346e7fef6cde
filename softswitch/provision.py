"""From configuration to a dialplan that can decide, without opening a socket: shared by `check`, `simulate` and `run`.

Part of the composition root, beside `app` and `cli`: only these read `config`.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from config import load as config_load
from config.problem import ConfigError, did_you_mean
from config.sound_schema import PLACEHOLDER, Clip
from media.play.kind import HEAD_BYTES, mismatch
from softswitch import stir_settings, tls_settings
from softswitch.b2bua.header_policy import NEVER
from softswitch.dialplan.coverage import unreachable
from softswitch.dialplan.emergency import emergency_numbers
from softswitch.dialplan.match import CallFacts, decide
from softswitch.dialplan.moment import parse_moment
from softswitch.dialplan.number_format import NumberFormat
from softswitch.dialplan.numbers import Numbering
from softswitch.dialplan.route import (
    CALLED,
    WITHHELD,
    Action,
    Answer,
    Conference,
    Dial,
    Echo,
    Hangup,
    HoldMusic,
    Music,
    PhoneTarget,
    Play,
    Record,
    Reject,
    Rewrite,
    Ring,
    Ringback,
    Route,
    Say,
    Stream,
    Transfer,
    TrunkTarget,
    summary,
)
from softswitch.dialplan.rules import Dialplan, NumberCondition, Rule, SourceCondition
from softswitch.time_condition import TimeCondition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from config import dialplan_schema as written
    from config import sound_schema
    from config.identity_schema import HeaderRules
    from config.load import Settings
    from config.problem import Problem

NO_ROUTE = "no route"
"""What a test expects when no rule may fit."""
NOON = datetime(2026, 1, 5, 12, 0)  # noqa: DTZ001 - wall clock of the dialplan's own zone
"""When a test happens that does not say: a Monday, so that its outcome does not depend on when it runs."""


@dataclass(frozen=True, slots=True)
class Provision:
    """A configuration found good, with its dialplan ready to decide, tests passed."""

    settings: Settings
    dialplan: Dialplan
    warnings: tuple[Problem, ...]


def load(
    path: Path,
    dialplan_path: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    create_secrets: bool = False,
) -> Provision:
    """Everything `config.load.load` does, and the dialplan's own tests. Raises ConfigError with every problem."""
    settings = config_load.load(path, dialplan_path, environ=environ)
    plan = dialplan(settings)
    wrong, doubtful = _sounds(settings)
    unusable, ending = tls_settings.problems(settings)
    wrong, doubtful = [*wrong, *unusable], [*doubtful, *ending]
    warnings = (*settings.warnings, *_unreachable(settings, plan), *_unrouted_guests(settings, plan), *doubtful)
    failures = [*wrong, *_headers(settings), *stir_settings.problems(settings), *_failures(settings, plan)]
    if failures:
        raise ConfigError(failures, warnings)
    if create_secrets:
        settings = config_load.load(path, dialplan_path, environ=environ, create_secrets=True)
    return Provision(settings, plan, warnings)


def dialplan(settings: Settings) -> Dialplan:
    """The rules as the dialplan package wants them."""
    file = settings.dialplan
    numbering = Numbering(
        file.numbering.country_code or "", file.numbering.international_prefix, file.numbering.national_prefix
    )
    rules = [_rule(settings, numbering, index, route) for index, route in enumerate(file.routes)]
    given = file.numbering.emergency_numbers
    emergency = frozenset(emergency_numbers(numbering.country_code) if given is None else given)
    formats = {
        f"trunk:{name}": NumberFormat(trunk.number_format)
        for name, trunk in settings.trunks.items()
        if trunk.number_format is not None
    }
    return Dialplan(tuple(rules), numbering, frozenset(settings.phones.users), file.timezone, emergency, formats)


def _rule(settings: Settings, numbering: Numbering, index: int, route: written.Route) -> Rule:
    when = route.when
    actions = tuple(_action(settings, numbering, step) for step in route.do)
    line = settings.dialplan_positions.value(("routes", index)).line
    return Rule(
        Route(route.name, actions, line),
        None if when.from_ is None else _source(when.from_),
        None if when.called is None else _number(settings, numbering, when.called),
        None if when.caller is None else _number(settings, numbering, when.caller),
        None if when.time is None else _time(settings, when.time),
    )


def _source(sources: tuple[str, ...]) -> SourceCondition:
    kinds = {"trunks": "trunk", "phones": "phone", "guests": "guest"}
    return SourceCondition(
        frozenset(source for source in sources if source not in kinds),
        frozenset(kinds[source] for source in sources if source in kinds),
    )


def _number(settings: Settings, numbering: Numbering, match: written.NumberMatch) -> NumberCondition:
    phones = settings.phones.users
    return NumberCondition(
        frozenset(number if number in phones else numbering.canonical(number) for number in match.exact or ()),
        tuple(numbering.canonical_prefix(prefix) for prefix in match.prefix or ()),
        tuple(re.compile(pattern, re.ASCII) for pattern in match.regex or ()),
        match.local,
    )


def _time(settings: Settings, time: written.TimeMatch) -> TimeCondition:
    return TimeCondition(time.timezone or settings.dialplan.timezone, time.days, time.from_, time.to)


def _action(settings: Settings, numbering: Numbering, step: written.Step) -> Action:
    if step.dial is not None:
        return _dial(settings, numbering, step.dial)
    if step.ring is not None:
        return Ring(step.ring.seconds)
    if step.play is not None:
        return Play(clips(settings, step.play), step.play.repeat, step.play.early, step.play.every)
    if step.music is not None:
        return _music(settings, step.music)
    if step.stream is not None:
        return Stream(step.stream.to, step.stream.mode, tuple(step.stream.parameters.items()))
    if step.conference is not None:
        return _conference(settings, step.conference)
    if step.transfer is not None:
        return Transfer(step.transfer.to)
    if step.echo is not None:
        return Echo(step.echo.seconds)
    if step.record is not None:
        return Record(step.record.enabled)
    if step.reject is not None:
        return Reject(step.reject.status, step.reject.reason or "")
    if step.hangup is not None:
        return Hangup(step.hangup.cause)
    return Answer()


def _dial(settings: Settings, numbering: Numbering, dial: written.Dial) -> Dial:
    phones = tuple(map(PhoneTarget, dial.phone or ()))
    trunks = tuple(TrunkTarget(each.name, None, each.priority, each.weight) for each in dial.trunk or ())
    return Dial(
        (*phones, *trunks),
        dial.strategy,
        settings.limits.ring_for if dial.ring_for is None else dial.ring_for,
        dial.record,
        Rewrite() if dial.number is None else Rewrite(dial.number.strip, dial.number.prepend),
        _ringback(settings, dial),
        caller=_said_to_call(numbering, dial.caller),
        diversion=dial.diversion or "",
        choose=dial.choose,
        failed_transfer=dial.failed_transfer,
    )


def _said_to_call(numbering: Numbering, caller: str | None) -> str:
    return caller if caller in (WITHHELD, CALLED) else numbering.canonical(caller or "")


def _conference(settings: Settings, conference: written.Conference) -> Conference:
    return Conference(
        conference.name,
        conference.pin or "",
        () if conference.announce is None else clips(settings, conference.announce),
        () if conference.music is None else prompt_paths(settings, conference.music),
        conference.tones,
        not conference.listen_only,
        conference.max_,
    )


def _music(settings: Settings, music: written.Music) -> Music:
    announce = () if music.announce is None else clips(settings, music.announce)
    return Music(prompt_paths(settings, music.file), announce, music.every, music.seconds, music.early)


def _ringback(settings: Settings, dial: written.Dial) -> Ringback:
    kind, files = dial.ringback.kind, dial.ringback.music
    if files is not None:
        return Ringback("music", prompt_paths(settings, files), dial.early_media)
    return Ringback(kind or "media", (), dial.early_media)


def prompt_paths(settings: Settings, files: Iterable[str]) -> tuple[str, ...]:
    """Absolute paths of prompt files as the configuration names them."""
    return tuple(str(settings.prompts.directory / file) for file in files)


def clips(settings: Settings, clip: Clip) -> tuple[str | Say, ...]:
    """An announcement as the dialplan wants it."""
    if clip.say is None:
        return prompt_paths(settings, clip.file or ())
    say = clip.say
    language = say.language or settings.speech.language
    return (Say(say.text, language, say.voice or "", say.rate, say.engine or settings.speech.engine),)


def hold_music(settings: Settings) -> dict[str, HoldMusic | None]:
    """What held parties hear, by who holds them."""
    found: dict[str, sound_schema.Hold | None] = {"": settings.hold}
    found["phones"] = settings.phones.hold or settings.hold
    found |= {f"trunk:{name}": trunk.hold for name, trunk in settings.trunks.items() if trunk.hold is not None}
    return {name: _hold(settings, section) for name, section in found.items()}


def transfer_audio(settings: Settings) -> HoldMusic | None:
    """What transferred parties hear; None: ringing."""
    return _hold(settings, settings.transfer.audio)


def _hold(settings: Settings, section: sound_schema.Hold | None) -> HoldMusic | None:
    if section is None or not section.enabled:
        return None
    announce = () if section.announce is None else clips(settings, section.announce)
    return HoldMusic(prompt_paths(settings, section.file), announce, section.every)


def _sounds(settings: Settings) -> tuple[list[Problem], list[Problem]]:
    """What is wrong with files and words to be played, and what is probably not meant."""
    wrong: list[Problem] = []
    doubtful: list[Problem] = []
    speaks = _unknown_engine(settings.speech.engine)
    if speaks is not None:
        wrong.append(settings.positions.problem(("speech", "engine"), speaks))
    for language, voice in settings.speech.piper.voices.items():
        if not voice.is_file():
            message = f"there is no file {voice}"
            wrong.append(settings.positions.problem(("speech", "piper", "voices", language), message))
    for problem_at, clip in _announcements(settings):
        for file in clip.file or ():
            lie = _lie(settings.prompts.directory / file)
            if lie is not None:
                wrong.append(problem_at(f"{file} {lie}; each file must hold what its name says"))
        if clip.say is not None:
            fault = _unspeakable(settings, clip.say)
            if fault is not None:
                wrong.append(problem_at(fault))
            if PLACEHOLDER.search(clip.say.text):
                doubtful.append(problem_at("nobody waits in a queue here: the caller's place in it is left out"))
            engine = clip.say.engine or settings.speech.engine
            program = {"espeak-ng": "espeak-ng", "piper": settings.speech.piper.program}.get(engine)
            if fault is None and program is not None and shutil.which(program) is None:
                doubtful.append(problem_at(f"{program} is not installed here: these words will not be said"))
    return wrong, doubtful


def _announcements(settings: Settings) -> Iterator[tuple[Callable[[str], Problem], Clip]]:
    """Everything that may be played, each with a way to complain about it."""
    for index, route in enumerate(settings.dialplan.routes):
        for number, step in enumerate(route.do):
            path = ("routes", index, "do", number)
            found: list[tuple[str, Clip | None]] = []
            if step.play is not None:
                found.append(("play", step.play))
            if step.music is not None:
                found += [("music", Clip(file=step.music.file)), ("music", step.music.announce)]
            if step.conference is not None:
                found.append(("conference", step.conference.announce))
                if step.conference.music is not None:
                    found.append(("conference", Clip(file=step.conference.music)))
            if step.dial is not None and step.dial.ringback.music is not None:
                found.append(("dial", Clip(file=step.dial.ringback.music)))
            for application, clip in found:
                if clip is not None:
                    yield partial(settings.dialplan_positions.problem, (*path, application)), clip
    holds: list[tuple[tuple[str, ...], sound_schema.Hold | None]] = [
        (("hold",), settings.hold),
        (("transfer", "audio"), settings.transfer.audio),
        (("phones", "hold"), settings.phones.hold),
        *((("trunks", name, "hold"), trunk.hold) for name, trunk in settings.trunks.items()),
    ]
    for key, hold in holds:
        if hold is not None and hold.enabled:
            for clip in (Clip(file=hold.file), hold.announce):
                if clip is not None:
                    yield partial(settings.positions.problem, key), clip


def _headers(settings: Settings) -> Iterator[Problem]:
    """Headers named in a table that no table decides about."""
    tables: list[tuple[tuple[str, ...], HeaderRules]] = [(("phones", "headers"), settings.phones.headers)]
    tables += [(("trunks", name, "headers"), trunk.headers) for name, trunk in settings.trunks.items()]
    for path, table in tables:
        for key, names in (("pass", table.pass_), ("add", table.add)):
            for name in names:
                if name.lower() in NEVER:
                    message = f"{name} is the switch's own on each side and never crosses: take it out"
                    yield settings.positions.problem((*path, key), message)


def _lie(file: Path) -> str | None:
    """Why a file is not what its name says; None when it is, or cannot be read (that is told elsewhere)."""
    try:
        with file.open("rb") as opened:
            return mismatch(file.suffix.lower(), opened.read(HEAD_BYTES))
    except OSError:
        return None


def _unspeakable(settings: Settings, say: sound_schema.Say) -> str | None:
    engine = say.engine or settings.speech.engine
    if say.engine and (fault := _unknown_engine(say.engine)) is not None:
        return fault
    language = (say.language or settings.speech.language).lower()
    voices = {name.lower() for name in settings.speech.piper.voices}
    if engine == "piper" and not {language, language.partition("-")[0]} & voices:
        return f"piper has no voice for {language!r}: give speech.piper.voices a file for it"
    return None


def _unknown_engine(engine: str) -> str | None:
    known = ["espeak-ng", "piper", *(entry.name for entry in entry_points(group="softswitch.speech"))]
    return None if engine in known else f"unknown speech engine {engine!r}{did_you_mean(engine, known)}"


def _unreachable(settings: Settings, plan: Dialplan) -> list[Problem]:
    found = []
    for later, earlier in unreachable(plan):
        taker = plan.rules[earlier].route
        message = f"never reached: {taker.name!r} on line {taker.line} takes every call it would"
        found.append(settings.dialplan_positions.problem(("routes", later), message))
    return found


def _unrouted_guests(settings: Settings, plan: Dialplan) -> Iterator[Problem]:
    """A default destination of call links that no rule takes, on a Monday at noon at least."""
    links = settings.call_links
    if links.destination is None or links.routing != "existing_rules":
        return
    decision = decide(plan, facts_of("guests", links.destination, None), NOON)
    if decision.route is None:
        message = f"no rule of the dialplan takes a guest's call to {links.destination!r} (when: {{from: guests}})"
        yield settings.positions.problem(("call_links", "destination"), message)


def _failures(settings: Settings, plan: Dialplan) -> list[Problem]:
    found: list[Problem] = []
    names = [rule.route.name for rule in plan.rules]
    for index, test in enumerate(settings.dialplan.tests):
        path = ("tests", index)
        if test.from_ in {"trunks", "phones"}:
            message = f"expected trunk:<name> or phone:<user>, got {test.from_!r}"
            found.append(settings.dialplan_positions.problem((*path, "from"), message))
            continue
        try:
            at = NOON.replace(tzinfo=plan.zone) if test.at is None else parse_moment(test.at, plan.zone)
        except ValueError as error:
            found.append(settings.dialplan_positions.problem((*path, "at"), str(error)))
            continue
        facts = facts_of(test.from_, test.to, test.caller)
        decision = decide(plan, facts, at)
        route = NO_ROUTE if decision.route is None else decision.route.name
        actions = summary(decision.actions)
        if test.expect not in {route, actions}:
            hint = did_you_mean(test.expect, names) if _meant_route(test.expect, names) else ""
            message = f"expected {test.expect!r}, got {route!r} ({actions}){hint}"
            found.append(settings.dialplan_positions.problem((*path, "expect"), message))
    return found


def _meant_route(expect: str, names: list[str]) -> bool:
    applications = (
        "dial ",
        "ring ",
        "play ",
        "music ",
        "conference ",
        "stream ",
        "transfer ",
        "echo",
        "record",
        "reject",
        "answer",
        "hangup",
    )
    return expect not in names and expect != NO_ROUTE and not expect.startswith(applications)


def facts_of(source: str, called: str, caller: str | None) -> CallFacts:
    """A call somebody thinks of: `guests` is any of them, and a phone's number is its name when no other is given."""
    kind, _, name = source.partition(":")
    if caller is None:
        caller = name if kind == "phone" else ""
    return CallFacts("guest" if source == "guests" else source, called, caller)
