"""How this node registers at a trunk, key by key."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
from typing import Annotated

from pydantic import Field

from config.section import Section
from config.values import AnyNumber, Boolean, Host, Lasting, Line, NextHopText


class Registration(Section):
    """Where, as whom and how often; user name and password are the trunk's."""

    registrar: Annotated[
        AnyNumber[NextHopText],
        Field(description="Where to register, in order of preference. Not given: the trunk's destinations."),
    ] = ()
    domain: Annotated[
        Host | None, Field(description="Domain of our address there. Not given: from_domain, or the first registrar.")
    ] = None
    user: Annotated[Line | None, Field(description="User of our address there. Not given: the trunk's username.")] = (
        None
    )
    contact: Annotated[
        Line | None,
        Field(description="User part of our Contact; calls to it are this trunk's. Not given: the trunk's name."),
    ] = None
    expires: Annotated[
        float, Lasting("30s", "24h"), Field(description="How long to be registered; refreshed in time.")
    ] = 600.0
    retry: Annotated[
        float,
        Lasting("1s", "1h"),
        Field(description="After a failure; the pause doubles up to longest_retry, with chance in it."),
    ] = 15.0
    longest_retry: Annotated[
        float,
        Lasting("5s", "1h"),
        Field(description="Longest pause between attempts; how often a failed preferred registrar is tried again."),
    ] = 120.0
    refused_retry: Annotated[
        float, Lasting("30s", "24h"), Field(description="Pause after a refusal (wrong password, unknown user).")
    ] = 300.0
    keep_alive: Annotated[
        float, Lasting("0s", "10m"), Field(description="Between datagrams that keep a NAT open (UDP). 0s: none.")
    ] = 25.0
    required: Annotated[Boolean, Field(description="Call it only while it is registered.")] = False
    authenticate_invites: Annotated[
        Boolean, Field(description="Answer its challenges of our calls too, with the same user name and password.")
    ] = True
