"""What clients send us as JSON, checked field by field."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from softswitch.b2bua.keypad import KEYS, LONGEST_MS, MOST_KEYS, SHORTEST_MS
from softswitch.contact_center.call_link import Kind, Routing, Validity
from softswitch.contact_center.call_link_wish import CallLinkError, Wish
from softswitch.time_condition import TimeCondition

if TYPE_CHECKING:
    from pydantic import ValidationError

_Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: tuple[_Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST = 256


def _clock(text: str) -> str:
    found = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", text)
    if found is None or int(found[2]) > 59 or int(found[1]) * 60 + int(found[2]) > 24 * 60:
        raise ValueError("expected a time of day such as 08:00, from 00:00 to 24:00")
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("expected a time zone such as Europe/Berlin") from None
    return text


def _minute(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


_Text = Annotated[str, Field(max_length=_LONGEST)]
_Clock = Annotated[str, Field(max_length=5, examples=["08:00"]), AfterValidator(_clock)]


class Form(BaseModel):
    """Unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class HoursForm(Form):
    """Hours of the day, by the clock on the wall there. `from` later than `to` runs past midnight."""

    days: Annotated[tuple[_Day, ...], Field(min_length=1, max_length=7)] = _DAYS
    from_: Annotated[_Clock, Field(alias="from")] = "00:00"
    to: _Clock = "24:00"
    timezone: Annotated[str, Field(max_length=64, examples=["Europe/Berlin"]), AfterValidator(_zone)]

    def condition(self) -> TimeCondition:
        """Raises CallLinkError when it would never hold."""
        start, end = _minute(self.from_), _minute(self.to)
        if start == end:
            raise CallLinkError("hours", "from and to are the same time: this never happens")
        return TimeCondition(ZoneInfo(self.timezone), frozenset(map(_DAYS.index, self.days)), start, end)


_Milliseconds = Annotated[int, Field(strict=True, ge=SHORTEST_MS, le=LONGEST_MS)]


class DigitsForm(Form):
    """Keys to be pressed for a party of a call."""

    digits: Annotated[
        str, Field(min_length=1, max_length=MOST_KEYS, pattern=f"^[{KEYS}]+$", description="Of 0-9 * # A-D.")
    ]
    party: Annotated[Literal["caller", "callee"], Field(description="Who is told them.")] = "callee"
    duration_ms: Annotated[_Milliseconds, Field(description="Of each key.")] = 160
    gap_ms: Annotated[_Milliseconds, Field(description="Between two keys.")] = 80


class CallLinkForm(Form):
    """A call link to be made."""

    identity: Annotated[
        _Text | None, Field(description="Who the guest is: a name or a number, 3 to 64 letters, digits and -_+=/.")
    ] = None
    kind: Annotated[Kind | None, Field(description="What the guest may start.")] = None
    type: Annotated[Validity | None, Field(description="What makes it useless in the end.")] = None
    routing: Annotated[Routing | None, Field(description="Whom it rings.")] = None
    agent: Annotated[_Text | None, Field(description="The phone of who shares it.")] = None
    destination: Annotated[_Text | None, Field(description="The number that the dialplan routes.")] = None
    title: Annotated[_Text | None, Field(description="Who is called, as the page says it.")] = None
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None
    hours: Annotated[HoursForm | None, Field(description="When it may be used within that time.")] = None
    max_calls: Annotated[int | None, Field(description="Answered calls it is good for.")] = None
    conversation: Annotated[_Text | None, Field(description="What its calls belong to.")] = None

    def wish(self) -> Wish:
        """The same as the rules understand it. Raises CallLinkError."""
        return Wish(
            identity=self.identity,
            kind=self.kind,
            validity=self.type,
            routing=self.routing,
            agent=self.agent,
            destination=self.destination,
            title=self.title,
            valid_from=_unix(self.valid_from),
            valid_until=_unix(self.valid_until),
            hours=None if self.hours is None else self.hours.condition(),
            max_calls=self.max_calls,
            conversation=self.conversation,
        )


def explain(error: "ValidationError") -> str:
    """All that is wrong, in a line that repeats nothing of the input."""
    found = []
    for each in error.errors(include_url=False, include_input=False, include_context=False):
        where = ".".join(map(str, each["loc"]))
        found.append(f"{where}: {each['msg']}" if where else f"body: {each['msg']}")
    return "; ".join(found[:5])


def _unix(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
