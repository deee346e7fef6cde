"""What a trunk may be used for, key by key: which calls, how many, in which order, at what price."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
from typing import Annotated

from pydantic import Field, model_validator

from config.rates import PrefixText, RateTable
from config.section import Section
from config.values import AnyNumber, Boolean, Direction, HopStrategy, Lasting, Whole


class Options(Section):
    """Asking a trunk's destinations by OPTIONS whether they live."""

    enabled: Annotated[Boolean, Field(description="Whether they are asked.")] = False
    interval: Annotated[float, Lasting("1s", "1h"), Field(description="Between two questions.")] = 30.0
    timeout: Annotated[
        float, Lasting("100ms", "30s"), Field(description="No answer for so long is none; shorter than interval.")
    ] = 4.0
    down_after: Annotated[
        int, Whole(1, 100), Field(description="Questions in a row without an answer that make it count as down.")
    ] = 3
    up_after: Annotated[int, Whole(1, 100), Field(description="Answers in a row that make it count as up again.")] = 2

    @model_validator(mode="after")
    def _in_time(self) -> "Options":
        if self.timeout > self.interval:
            raise ValueError(f"timeout ({self.timeout:g} s) is longer than interval ({self.interval:g} s)")
        return self


class TrunkUse(Section):
    """What a trunk may be used for."""

    enabled: Annotated[Boolean, Field(description="false: takes no calls and sends none, until it is true again.")] = (
        True
    )
    direction: Annotated[
        Direction, Field(description="Whether it may only call us (inbound), only be called (outbound), or both.")
    ] = "both"
    strategy: Annotated[
        HopStrategy,
        Field(
            description="Which destination comes first among those of the same priority: failover, as listed; "
            "round_robin, by turns; weighted, by chance and weight. Those that failed lately come last."
        ),
    ] = "failover"
    options: Options = Field(
        default_factory=Options,
        description="OPTIONS to each destination: one that is down is tried last. Any answer but 408 and 503 counts.",
    )
    rates: Annotated[
        RateTable | None,
        Field(
            description="Price by prefix of the number, for `choose: least_cost`: {+49: 0.01, +4915: 0.05}, or a CSV "
            "file of prefix,price. A number without a prefix here is one it does not go to."
        ),
    ] = None
    international_allowed: Annotated[
        Boolean | None,
        Field(
            description="Whether it may be asked for numbers abroad. Not given: no, as far as "
            "numbering.country_code in the dialplan tells what is abroad."
        ),
    ] = None
    destinations_allowed: Annotated[
        AnyNumber[PrefixText],
        Field(description="Prefixes that may be called, abroad as well; nothing else then. None: no such list."),
    ] = ()
    destinations_denied: Annotated[
        AnyNumber[PrefixText],
        Field(description="Prefixes that may not be called. Of both lists the longest prefix of a number decides."),
    ] = ()
    channel_limit: Annotated[
        Annotated[int, Whole(1, 1000)] | None, Field(description="Most calls at once, both directions together.")
    ] = None
    calls_per_second: Annotated[
        Annotated[int, Whole(1, 1000)] | None,
        Field(
            description="Most calls that begin within a second, of each direction by itself. Above it calls from it "
            "are answered 503, and calls to it go to the next trunk of the rule."
        ),
    ] = None
    messages_per_second: Annotated[
        int,
        Whole(10, 1_000_000),
        Field(
            description="SIP messages that are read a second from each of its addresses, twice as many at once; a call "
            "is four to six. The rest of a flood is dropped, with the reason in the log."
        ),
    ] = 2500

    @model_validator(mode="before")
    @classmethod
    def _old_names(cls, value: object) -> object:
        """`max_channels` is what `channel_limit` was called once."""
        if isinstance(value, dict) and "max_channels" in value and "channel_limit" not in value:
            return {"channel_limit" if key == "max_channels" else key: each for key, each in value.items()}
        return value
