"""Which failures try the next trunk: those that speak of the way there, and none that speaks of the person called.

Asking again after an answer about the person rings her twice, or bothers every carrier with a number that is busy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from softswitch.b2bua.cause import ReleaseCause

SERVER_FAILURES: Final[dict[int, tuple[bool, str]]] = {
    500: (True, "this server failed; another one may not (RFC 3261 21.5)"),
    501: (True, "this server does not know INVITE, or something in it; another one may"),
    502: (True, "the server behind this one failed"),
    503: (True, "overloaded or closed; also what a lost connection and a full trunk of ours count as"),
    504: (True, "the server behind this one is silent; also what silence itself counts as"),
    505: (True, "this server speaks another version; another one may not"),
    513: (True, "too long for this server; another one may take it"),
    555: (True, "this server cannot wake the phone (RFC 8599); another one may"),
    580: (False, "the called party's side could not reserve what the session needs (RFC 3312 8)"),
}
"""5xx -> whether the next trunk is tried, and why. One that is not listed is the server's own failure: tried."""

FLOW_FAILED = 430
"""The connection a phone registered by is gone; another one may lead to it (RFC 5626 11.5)."""

ABOUT_THE_PERSON: Final = {
    1: "unallocated number",
    16: "normal clearing",
    17: "user busy",
    18: "no user responding",
    19: "no answer",
    20: "subscriber absent",
    21: "call rejected",
    22: "number changed",
    28: "invalid number format",
}
"""Q.850 causes that, given with a 5xx (RFC 6432), tell that the network behind it was asked and has answered."""


def is_route_problem(cause: ReleaseCause) -> bool:
    """Whether the next trunk is tried: 5xx, 408 without any 1xx, a lost connection, silence. Never 3xx, 6xx."""
    if cause.given and cause.q850 in ABOUT_THE_PERSON:
        return False
    if cause.status == 408:
        return cause.unheard
    if cause.status == FLOW_FAILED:
        return True
    return cause.status // 100 == 5 and SERVER_FAILURES.get(cause.status, (True, ""))[0]
