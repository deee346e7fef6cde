"""Transfers, key by key: whose REFER is carried out, and what becomes of a call that cannot be handed over."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
from typing import Annotated

from pydantic import Field

from config.section import Section
from config.sound_schema import Hold
from config.values import Boolean, FailedTransfer, Lasting, ReferPolicy


class TrunkTransfer(Section):
    """What a trunk may do with calls, and can be asked to do."""

    refer: Annotated[
        ReferPolicy,
        Field(
            description="Its REFER. accept: carried out, the new number by the rules for calls from this trunk. "
            "refuse: 403."
        ),
    ] = "refuse"
    refer_out: Annotated[
        Boolean,
        Field(
            description="It takes REFER from us: calls we transfer ourselves leave this node. false: they stay, and we "
            "call the new party."
        ),
    ] = False


class PhoneTransfer(Section):
    """What phones may do with calls."""

    refer: Annotated[
        ReferPolicy,
        Field(description="accept: the new number goes by the rules for calls from this phone. refuse: 403."),
    ] = "accept"


class Transfer(Section):
    """What holds for every transfer."""

    on_failure: Annotated[
        FailedTransfer,
        Field(
            description="When the target is busy, does not answer or declines. return: whoever transferred has the "
            "call back, and is rung if it has hung up. end: the call ends. When the way there failed it always returns."
        ),
    ] = "return"
    ring_for: Annotated[
        float, Lasting("3s", "60s"), Field(description="How long whoever transferred is rung to take the call back.")
    ] = 30.0
    audio: Annotated[
        Hold | None, Field(description="What the transferred party hears until somebody answers. Not given: ringing.")
    ] = None
    early_media: Annotated[
        Boolean, Field(description="Whether that gives way to the network's own audio (ringing, busy, announcements).")
    ] = True
