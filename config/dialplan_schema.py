"""`dialplan.yaml` key by key: conditions, applications, tests."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
import re
from collections.abc import Mapping
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator

from config import pattern
from config.identity_schema import DiversionReason
from config.section import Section
from config.sound_schema import Clip, SoundFiles
from config.values import (
    Boolean,
    FailedTransfer,
    Lasting,
    Line,
    Name,
    OneOrMore,
    Several,
    Text,
    TrunkChoice,
    Whole,
    shown,
)

MAX_NUMBER = 64
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CALLED = "$called"


def _zone(value: object) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(str(value)) if isinstance(value, str) and value else ZoneInfo("?")
    except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(f"expected a time zone such as Europe/Berlin, got {shown(value)}") from None
    except KeyError:
        raise ValueError(f"expected a time zone such as Europe/Berlin, got {shown(value)}") from None


Zone = Annotated[ZoneInfo, PlainValidator(_zone), WithJsonSchema({"type": "string", "examples": ["Europe/Berlin"]})]


def _number(value: str) -> str:
    if not value.strip() or len(value) > MAX_NUMBER:
        raise ValueError(f"expected a number of 1 to {MAX_NUMBER} characters, got {shown(value)}")
    return value.strip()


Number = Annotated[Text, AfterValidator(_number)]


def _regex(value: str) -> str:
    pattern.check(value)
    return value


Regex = Annotated[Text, AfterValidator(_regex)]


def _minute(value: object) -> int:
    found = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", value) if isinstance(value, str) else None
    minute = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else -1
    if not 0 <= minute <= 24 * 60:
        raise ValueError(f"expected a time of day such as 08:00, from 00:00 to 24:00, got {shown(value)}")
    return minute


Minute = Annotated[int, PlainValidator(_minute), WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2}$"})]


def _days(value: object) -> frozenset[int]:
    """Read `mon`, `mon-fri`, `fri-mon`, or a list of these."""
    days: set[int] = set()
    for item in value if isinstance(value, list) else [value]:
        first, dash, last = str(item).lower().partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(f"expected days such as mon, mon-fri or [sat, sun], got {shown(item)}")
        start, end = DAYS.index(first), DAYS.index(last if dash else first)
        days.update((start + step) % 7 for step in range((end - start) % 7 + 1))
    if not days:
        raise ValueError("expected at least one day")
    return frozenset(days)


Days = Annotated[
    frozenset[int],
    PlainValidator(_days),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}, "examples": ["mon-fri", ["sat", "sun"]]}),
]


def _source(value: str) -> str:
    kind, colon, name = value.partition(":")
    if value in {"trunks", "phones", "guests"} or (kind in {"trunk", "phone"} and colon and name):
        return value
    raise ValueError(f"expected trunks, phones, guests, trunk:<name> or phone:<user>, got {shown(value)}")


Source = Annotated[Text, AfterValidator(_source)]


def _short(value: str) -> str:
    if re.fullmatch(r"[0-9]{2,8}", value) is None:
        raise ValueError(f"expected a number of 2 to 8 digits such as 112, got {shown(value)}")
    return value


ShortNumber = Annotated[Text, AfterValidator(_short)]


class Numbering(Section):
    """How numbers are dialled here; turns every number into its one canonical form before the rules see it."""

    country_code: Annotated[
        Annotated[str, Field(pattern="^[1-9][0-9]{0,2}$")] | None,
        BeforeValidator(lambda value: getattr(value, "text", value)),
        WithJsonSchema({"type": ["string", "integer"]}),
        Field(description="Country code of this place, without +. Not given: national numbers stay as they are."),
    ] = None
    international_prefix: Annotated[
        Text, Field(description="What is dialled before a country code.", pattern="^[0-9]{0,5}$")
    ] = "00"
    national_prefix: Annotated[
        Text, Field(description="What is dialled before an area code.", pattern="^[0-9]{0,5}$")
    ] = "0"
    emergency_numbers: Annotated[
        OneOrMore[ShortNumber] | None,
        Field(
            description="Numbers for help: never held up by a limit. Not given: those of the country code, else 112 "
            "and 911."
        ),
    ] = None


class NumberMatch(Section):
    """Any one of these is enough."""

    exact: Annotated[OneOrMore[Number] | None, Field(description="The whole number.")] = None
    prefix: Annotated[OneOrMore[Number] | None, Field(description="How the number begins, e.g. +49.")] = None
    regex: Annotated[OneOrMore[Regex] | None, Field(description="Must fit the whole canonical number.")] = None
    local: Annotated[Boolean, Field(description="The name of a phone of this node.")] = False

    @model_validator(mode="after")
    def _says_something(self) -> "NumberMatch":
        if self.exact is None and self.prefix is None and self.regex is None and not self.local:
            raise ValueError("expected one of exact, prefix, regex or local: true")
        return self


def _number_match(value: object) -> object:
    return value if isinstance(value, (dict, NumberMatch)) else {"exact": value}


NumberCondition = Annotated[
    NumberMatch,
    BeforeValidator(_number_match, json_schema_input_type=NumberMatch | Text | list[Text]),
]


class TimeMatch(Section):
    """Wall-clock time. `from` later than `to` runs past midnight and belongs to the day it starts on."""

    days: Annotated[Days, Field(description="mon, mon-fri, or a list.")] = frozenset(range(7))
    from_: Annotated[Minute, Field(alias="from", description="First minute.")] = 0
    to: Annotated[Minute, Field(description="End, not included.")] = 24 * 60
    timezone: Annotated[Zone | None, Field(description="Not given: the dialplan's.")] = None

    @model_validator(mode="after")
    def _lasts(self) -> "TimeMatch":
        if self.from_ == self.to:
            raise ValueError("'from' and 'to' are the same time: this never happens")
        return self


class When(Section):
    """All conditions given must hold."""

    from_: Annotated[
        OneOrMore[Source] | None,
        Field(
            alias="from",
            description="trunks, phones, trunk:<name>, phone:<user>, or guests: who calls over a call link.",
        ),
    ] = None
    called: Annotated[NumberCondition | None, Field(description="The number dialled.")] = None
    caller: Annotated[NumberCondition | None, Field(description="The caller's number.")] = None
    time: Annotated[TimeMatch | None, Field(description="When.")] = None


class Rewrite(Section):
    """Changes the canonical number on its way to a trunk."""

    strip: Annotated[int, Whole(0, 32), Field(description="Characters taken off the front; + is one.")] = 0
    prepend: Annotated[Text, Field(description="Put before what is left.", pattern=r"^[+0-9*#]{0,32}$")] = ""


def _ringback(value: object) -> object:
    return {"kind": value} if isinstance(value, str) else value


class RingbackMusic(Section):
    """Music for the caller from the moment of dialling."""

    kind: Annotated[
        Literal["media", "tone", "pass"] | None, Field(description="media, tone or pass; not beside music.")
    ] = None
    music: Annotated[SoundFiles | None, Field(description="Files, relative to prompts.directory.")] = None

    @model_validator(mode="after")
    def _is_one(self) -> "RingbackMusic":
        if (self.kind is None) == (self.music is None):
            raise ValueError("expected media, tone, pass, or {music: file}")
        return self


Ringback = Annotated[
    RingbackMusic,
    BeforeValidator(_ringback, json_schema_input_type=RingbackMusic | Literal["media", "tone", "pass"]),
]


class DialTrunk(Section):
    """A trunk among several."""

    name: Annotated[Name, Field(description="One of `trunks` in the configuration.")]
    priority: Annotated[int, Whole(0, 65535), Field(description="Lower is tried first.")] = 0
    weight: Annotated[int, Whole(0, 65535), Field(description="Share among those of the same priority.")] = 1


def _dial_trunk(value: object) -> object:
    return value if isinstance(value, (dict, DialTrunk)) else {"name": value}


TrunkOrName = Annotated[DialTrunk, BeforeValidator(_dial_trunk, json_schema_input_type=DialTrunk | Text)]


class Dial(Section):
    """Ring phones, then trunks; the first to answer gets the call."""

    phone: Annotated[OneOrMore[Text] | None, Field(description=f"Phones; {CALLED} = the one that was dialled.")] = None
    trunk: Annotated[
        OneOrMore[TrunkOrName] | None, Field(description="Trunks, by name or as {name, priority, weight}.")
    ] = None
    choose: Annotated[
        TrunkChoice,
        Field(
            description="Which trunk comes first: in_order, as listed; round_robin, by turns; weighted, by chance and "
            "weight; least_cost, by their rates for the number. The others follow when there is a route problem."
        ),
    ] = "in_order"
    strategy: Annotated[
        Literal["sequential", "parallel"], Field(description="One after the other, or all at once.")
    ] = "sequential"
    ring_for: Annotated[
        Annotated[float, Lasting("1s", "10m")] | None,
        Field(description="How long each rings (parallel: all together). Not given: limits.ring_for."),
    ] = None
    number: Annotated[Rewrite | None, Field(description="Rewrite the number sent to the trunk.")] = None
    record: Annotated[Boolean | None, Field(description="Not given: recording.enabled.")] = None
    ringback: Annotated[
        Ringback,
        Field(
            description="What the caller hears meanwhile. media: the network's audio once its first packet comes, "
            "until then the caller's own ringing, or our tone. tone: our ringing tone until then. {music: file}: music "
            "until then. pass: whatever comes, and nothing else."
        ),
    ] = RingbackMusic(kind="media")
    caller: Annotated[
        Number | None,
        Field(
            description=f"Who is said to call: withheld, {CALLED} for the number dialled, or a number of ours. Not "
            "given: the caller."
        ),
    ] = None
    diversion: Annotated[
        DiversionReason | None,
        Field(description="The call is told as one that the number dialled has sent on, for this reason (RFC 5806)."),
    ] = None
    early_media: Annotated[
        Boolean, Field(description="Whether the network's own audio is passed on before the answer.")
    ] = True
    failed_transfer: Annotated[
        FailedTransfer | None,
        Field(
            description="When a call was transferred here and nobody takes it: return it to whoever transferred it, or "
            "end it. Not given: transfer.on_failure. What follows in the list is tried first."
        ),
    ] = None

    @model_validator(mode="after")
    def _has_target(self) -> "Dial":
        if self.phone is None and self.trunk is None:
            raise ValueError("expected phone, trunk, or both")
        if self.number is not None and self.trunk is None:
            raise ValueError("number is for trunks, and there is none here")
        if self.choose != "in_order" and self.trunk is None:
            raise ValueError("choose is for trunks, and there is none here")
        if self.choose != "in_order" and self.strategy == "parallel":
            raise ValueError("choose puts trunks in order, and strategy: parallel rings all of them at once")
        return self


class Ring(Section):
    """Let the caller hear ringing."""

    seconds: Annotated[float, Lasting("100ms", "10m"), Field(alias="for", description="How long.")]


class Play(Clip):
    """Play an announcement."""

    repeat: Annotated[Boolean, Field(description="Again and again until the caller hangs up.")] = False
    every: Annotated[
        float, Lasting("0s", "1h"), Field(description="Silence between the end and the next beginning, with repeat.")
    ] = 10.0
    early: Annotated[Boolean, Field(description="Before the call is answered (183), so that it costs nothing.")] = False


class Music(Section):
    """Play music over and over, with an announcement over it at an interval."""

    file: Annotated[SoundFiles, Field(description="Relative to prompts.directory; several follow on each other.")]
    announce: Annotated[Clip | None, Field(description="What is said over the music, which sinks meanwhile.")] = None
    every: Annotated[
        float, Lasting("1s", "1h"), Field(description="Between the end of an announcement and the next one.")
    ] = 10.0
    seconds: Annotated[
        Annotated[float, Lasting("1s", "24h")] | None, Field(alias="for", description="Not given: until hung up.")
    ] = None
    early: Annotated[Boolean, Field(description="Before the call is answered (183), so that it costs nothing.")] = False


def _pin(value: str) -> str:
    if not (value.isascii() and value.isdecimal() and len(value) <= 12):
        raise ValueError("expected 1 to 12 digits, as they can be pressed")
    return value


Pin = Annotated[Text, AfterValidator(_pin), WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,12}$"})]


class Conference(Section):
    """Meet whoever calls the same name, until the caller hangs up."""

    name: Annotated[Name, Field(description="Callers whose rules name the same conference meet.")]
    pin: Annotated[
        Pin | None, Field(description="1 to 12 digits to press first; asked for by the announcement, or a tone.")
    ] = None
    announce: Annotated[
        Clip | None, Field(description="What is said to a caller who enters; before each try with a pin.")
    ] = None
    music: Annotated[SoundFiles | None, Field(description="Heard while there is nobody else; else silence.")] = None
    tones: Annotated[Boolean, Field(description="The others hear a tone when somebody comes or goes.")] = False
    listen_only: Annotated[Boolean, Field(description="These callers hear, and are not heard.")] = False
    max_: Annotated[int, Whole(2, 500), Field(alias="max", description="Callers at a time; more are refused.")] = 100


class Stream(Section):
    """Audio to and from a WebSocket: a bot to talk to, or somebody who listens."""

    to: Annotated[Name, Field(description="One of `streams` in the configuration.")]
    mode: Annotated[
        Literal["talk", "listen"],
        Field(
            description="talk: the caller talks to it until it stops, then the next application runs. listen: it "
            "hears each party for the rest of the call, and the next application runs at once."
        ),
    ] = "talk"
    parameters: Annotated[Mapping[Name, Text], Field(description="Told to the far end as they are.")] = {}


class Transfer(Section):
    """Hand the caller over to another number: by REFER where its trunk has transfer.refer_out, else by its rules."""

    to: Annotated[Number, Field(description="The number, as the caller could have dialled it.")]


class Echo(Section):
    """Send the caller's own audio back."""

    seconds: Annotated[
        Annotated[float, Lasting("1s", "24h")] | None, Field(alias="for", description="Not given: until hung up.")
    ] = None


class Record(Section):
    """Switch recording on or off for what follows."""

    enabled: Annotated[Boolean, Field(description="On or off.")] = True


class Reject(Section):
    """Refuse the call."""

    status: Annotated[int, Whole(300, 699), Field(description="SIP status.")] = 603
    reason: Annotated[Line | None, Field(description="Reason phrase. Not given: the standard one.")] = None


class Answer(Section):
    """Answer now."""


class Hangup(Section):
    """End the call."""

    cause: Annotated[int, Whole(1, 127), Field(description="ITU-T Q.850 cause.")] = 16


class Step(Section):
    """Exactly one application."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    dial: Dial | None = None
    ring: Ring | None = None
    play: Play | None = None
    music: Music | None = None
    conference: Conference | None = None
    stream: Stream | None = None
    transfer: Transfer | None = None
    echo: Echo | None = None
    record: Record | None = None
    reject: Reject | None = None
    answer: Answer | None = None
    hangup: Hangup | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "Step":
        if len(self.model_fields_set) != 1:
            raise ValueError(f"expected exactly one of {', '.join(Step.model_fields)}; begin each with its own '- '")
        return self

    @property
    def application(self) -> str:
        """Its name."""
        return next(iter(self.model_fields_set))


def _step(value: object) -> object:
    """A bare word is an application without options."""
    if isinstance(value, str):
        return {value: {}}
    if isinstance(value, dict):
        return {key: {} if options is None else options for key, options in value.items()}
    return value


StepOrWord = Annotated[
    Step,
    BeforeValidator(_step, json_schema_input_type=Step | Literal["echo", "record", "reject", "answer", "hangup"]),
]


class Route(Section):
    """One rule: when it applies, and what happens then."""

    name: Annotated[Line, Field(description="Shown in logs, stories and simulate.")]
    when: When = Field(default_factory=When, description="Nothing given: every call.")
    do: Annotated[OneOrMore[StepOrWord], Field(description="Applications, in order.")]


class ExpectedCall(Section):
    """A call that must go where you say; `softswitch check` tries every one."""

    from_: Annotated[Source, Field(alias="from", description="trunk:<name>, phone:<user> or guests.")]
    to: Annotated[Number, Field(description="The number dialled, as the caller types it.")]
    caller: Annotated[Number | None, Field(description="The caller's number. Not given: the phone's user name.")] = None
    at: Annotated[Line | None, Field(description='"2026-12-24T18:05 Europe/Berlin". Not given: a Monday at noon.')] = (
        None
    )
    expect: Annotated[Line, Field(description="A route's name, or the actions as `simulate` prints them.")]


class DialplanFile(Section):
    """Where calls go. The first route whose conditions all hold decides."""

    numbering: Numbering = Field(default_factory=Numbering, description="How numbers are dialled here.")
    timezone: Annotated[Zone, Field(description="For `time` conditions and tests.")] = ZoneInfo("UTC")
    routes: Annotated[Several[Route], Field(description="The rules, in order.")] = ()
    tests: Annotated[Several[ExpectedCall], Field(description="Calls that must go where you say.")] = ()
