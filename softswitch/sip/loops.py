"""Calls that come back to where they have been (RFC 3261 16.3 item 4, carried through B2BUAs).

A proxy knows a loop by its own branch in Via; of that nothing is left behind a B2BUA, and Max-Forwards alone lets a
call go round dozens of times. So an INVITE of ours says in `Call-Path` where it had come from and for which number, in
marks that mean nothing to anybody else. A call that comes again from the same place for the same number takes the same
way again, for ever: 482. One that comes back for another number or from elsewhere is a spiral and goes on, a bounded
number of times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softswitch.sip.core import Core
    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Request

HEADER = "Call-Path"
MOST_MARKS = 16
"""A call that has been through us, or others who keep such a path, more often than this has lost its way: 483."""
_LENGTH = 12


def refusal(core: Core, request: Request, flow: Flow) -> int | None:
    """The status for an INVITE that runs in circles; None: it does not."""
    marks = _marks(request)
    if not marks:
        return None
    if mark(core, request, flow) in marks:
        return 482
    return 483 if len(marks) >= MOST_MARKS else None


def path(core: Core, request: Request, flow: Flow) -> str:
    """What an INVITE on behalf of this one says in `Call-Path`."""
    return ",".join([*_marks(request), mark(core, request, flow)])


def mark(core: Core, request: Request, flow: Flow) -> str:
    """Where this INVITE comes from and for whom, as this switch alone writes it."""
    return core.stateless_tag(f"{flow.remote[0]} {request.uri.user}")[:_LENGTH]


def _marks(request: Request) -> list[str]:
    lines = request.headers.lines(HEADER)
    if not lines:
        return []
    return [each.strip(" \t")[:_LENGTH] for line in lines for each in line.split(",", MOST_MARKS)][: MOST_MARKS + 1]
