"""Call links, key by key: what holds for links of which nothing else is said when they are made."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
from typing import Annotated, Literal

from pydantic import Field

from config.dialplan_schema import Number, TimeMatch
from config.section import Section
from config.values import Lasting, Line, Whole


class CallLinkLimits(Section):
    """How much guests may do; a link can be passed on to anybody."""

    calls: Annotated[int, Whole(1, 10_000), Field(description="Calls over one link at once; one-time links: 1.")] = 10
    calls_per_source: Annotated[
        int, Whole(1, 10_000), Field(description="Calls of guests from one address at once; offices share one.")
    ] = 10
    attempts: Annotated[
        int,
        Whole(1, 10_000),
        Field(description="Attempts a minute over one link, and from one address: pages opened, sessions, calls."),
    ] = 60


class CallLinks(Section):
    """Links with which guests call from a page of this node. They need the section `web`."""

    type: Annotated[
        Literal["one_time", "time_frame", "expiration"],
        Field(
            description="one_time: good for one answered call. time_frame: from one given time to another. "
            "expiration: any number of calls until its end."
        ),
    ] = "one_time"
    kind: Annotated[
        Literal["audio", "video"], Field(description="What guests may start; with video they may also start audio.")
    ] = "video"
    routing: Annotated[
        Literal["route_to_sharing_agent", "existing_rules"],
        Field(description="Whom the call rings: the phone of who shares the link, or whom the dialplan says."),
    ] = "existing_rules"
    destination: Annotated[
        Number | None, Field(description="The number that the dialplan routes (`from: guests`).")
    ] = None
    title: Annotated[Line, Field(description="Who is called, as the page says it.")] = "Customer service"
    valid_for: Annotated[
        float, Lasting("1m", "8760h"), Field(description="From when a link is made, or begins, to its end.")
    ] = 86_400.0
    longest: Annotated[
        float, Lasting("1m", "8760h"), Field(description="No link may end later than this after it was made.")
    ] = 7_776_000.0
    hours: Annotated[TimeMatch | None, Field(description="When guests may call. Not given: around the clock.")] = None
    ring_for: Annotated[
        Annotated[float, Lasting("3s", "10m")] | None,
        Field(description="How long the sharing agent's phone rings. Not given: limits.ring_for."),
    ] = None
    limits: CallLinkLimits = Field(default_factory=CallLinkLimits, description="How much guests may do.")
