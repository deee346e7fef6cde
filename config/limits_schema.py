"""What one node takes on, key by key."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
from typing import Annotated

from pydantic import Field

from config.section import Section
from config.values import Between, Lasting, Whole


class CallerLimits(Section):
    """What one caller may do over trunks: a phone, or a number of a trunk. Emergency calls are always let through."""

    concurrent: Annotated[Annotated[int, Whole(1, 10_000)] | None, Field(description="Most calls at once.")] = None
    calls_per_day: Annotated[
        Annotated[int, Whole(1, 1_000_000)] | None,
        Field(description="Most calls between two midnights of the dialplan's time zone."),
    ] = None
    minutes_per_day: Annotated[
        Annotated[int, Whole(1, 1_000_000)] | None,
        Field(description="Most minutes of conversation; what is under way when they are used up goes on."),
    ] = None


class Limits(Section):
    """What one node takes on. Above any of the first four, new calls are answered 503 with Retry-After; calls that run
    go on, and emergency calls are always taken.
    """

    max_calls: Annotated[
        Annotated[int, Whole(1, 1_000_000)] | None,
        Field(description="Most calls at once. Not given: 1900 for each of media.workers, what one core relays."),
    ] = None
    calls_per_second: Annotated[
        int, Whole(1, 100_000), Field(description="Most calls that begin within a second: what one core sets up.")
    ] = 400
    loop_lag: Annotated[
        float,
        Lasting("50ms", "10s"),
        Field(description="Signalling may be behind by this much; more, three times in a row, and it is overloaded."),
    ] = 0.5
    media_load: Annotated[
        float,
        Between(0.1, 1.0),
        Field(description="Share of its core a media worker may use, over two seconds, before it counts as full."),
    ] = 0.95
    retry_after: Annotated[
        float, Lasting("1s", "10m"), Field(description="How long refused callers are asked to stay away (Retry-After).")
    ] = 10.0
    callers: CallerLimits = Field(default_factory=CallerLimits, description="What one caller may do over trunks.")
    ring_for: Annotated[
        float, Lasting("1s", "10m"), Field(description="How long `dial` rings when the rule does not say.")
    ] = 45.0
