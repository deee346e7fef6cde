"""Why a leg ended: one table between SIP statuses, Q.850 causes and plain words (RFC 3398 7.2.4.1, 8.2.6.1; RFC 3326).

Every release in the switch carries a `ReleaseCause`; the story, the CDR, the Reason header and the status sent to the
other side are all read from it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from softswitch.sdp.errors import INCOMPATIBLE_FORMAT
from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.headers import Reason, RetryAfter
from softswitch.sip.reasons import reasons_of
from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.sip.message import Response

COMPLETED_ELSEWHERE: Final = 26
"""Q.850 non-selected user clearing."""
MOST_WORDS = 120
"""Characters of another switch's own words that are kept."""


@value_class(frozen=True, slots=True)
class ReleaseCause:
    """One reason for the end of a leg or a call."""

    status: int
    """SIP status that says it; 200 for a call that was simply finished."""
    q850: int
    """ITU-T Q.850 cause value."""
    text: str
    """Lower-case words for logs, CDR and the Reason header."""
    warning: tuple[int, str] | None = None
    """Code and text of the Warning header a refusal carries (RFC 3261 20.43): what would have been acceptable."""
    given: tuple[Reason, ...] = ()
    """The Reason headers another switch gave: they go on as they came."""
    retry_after: int | None = None
    """Seconds for which the server that said so wants to hear nothing (RFC 3261 20.33)."""
    unheard: bool = False
    """Nothing at all came before it, not even 100 Trying."""

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """As Reason headers (RFC 3326)."""
        if self.given:
            return self.given
        if self.q850 == COMPLETED_ELSEWHERE:
            # Phones know this form from RFC 3326 3.1, and show no missed call.
            return (Reason("SIP", 200, "Call completed elsewhere"),)
        return (Reason("Q.850", self.q850, self.text),)


NORMAL: Final = ReleaseCause(200, 16, "normal clearing")
CANCELLED: Final = ReleaseCause(487, 16, "caller hung up before answer")
ANSWERED_ELSEWHERE: Final = ReleaseCause(200, COMPLETED_ELSEWHERE, "answered elsewhere")
NO_ANSWER: Final = ReleaseCause(480, 19, "no answer in time")
NO_RESPONSE: Final = ReleaseCause(504, 102, "no response at all")
"""From a destination: not even 100 Trying. It speaks of the way there, as a 5xx does."""
UNHEARD: Final = ReleaseCause(408, 102, "timed out without a sign of life", unheard=True)
"""A 408 with no provisional response before it: whoever sent it did not reach anybody either."""
BUSY: Final = ReleaseCause(486, 17, "user busy")
NOT_REGISTERED: Final = ReleaseCause(480, 20, "no phone registered")
NO_ROUTE: Final = ReleaseCause(404, 1, "no route for this number")
NO_RATE: Final = ReleaseCause(404, 3, "no trunk goes to this number")
NOT_PERMITTED: Final = ReleaseCause(403, 21, "calls to this number are not allowed")
TOO_MUCH: Final = ReleaseCause(403, 21, "the caller has reached a limit")
TOO_MANY_HOPS: Final = ReleaseCause(483, 25, "too many hops")
ADDRESS_INCOMPLETE: Final = ReleaseCause(484, 28, "not a number that can be dialled")
NOT_ACCEPTABLE: Final = ReleaseCause(488, 65, "no common codec")
NOT_SECURE: Final = ReleaseCause(480, 63, "sips asks for TLS all the way", (380, "SIPS Not Allowed"))
"""RFC 5630 5.3: there is no such way to the called party."""
NO_CIRCUIT: Final = ReleaseCause(503, 34, "no circuit available")
MEDIA_TIMEOUT: Final = ReleaseCause(408, 102, "media timeout")
ADMIN: Final = ReleaseCause(480, 31, "ended by an operator")
TOO_LONG: Final = ReleaseCause(480, 102, "longer than any call may be")
SHUTDOWN: Final = ReleaseCause(503, 41, "switch is shutting down")
TRANSFERRED: Final = ReleaseCause(200, 16, "transferred")
REPLACED: Final = ReleaseCause(200, COMPLETED_ELSEWHERE, "replaced")
BROWSER_LOST: Final = ReleaseCause(480, 27, "browser lost")
PAGE_LOST: Final = ReleaseCause(480, 27, "page lost")
BROWSER_UNREACHABLE: Final = ReleaseCause(480, 27, "no way to the browser")
STREAM_LOST: Final = ReleaseCause(503, 38, "media stream lost")
INTERNAL: Final = ReleaseCause(500, 41, "internal failure")


def no_common_codec(acceptable: str) -> ReleaseCause:
    """488 that names the codecs which would have been taken."""
    return replace(NOT_ACCEPTABLE, warning=(INCOMPATIBLE_FORMAT, f"expected {acceptable}"))


BY_STATUS: Final[dict[int, ReleaseCause]] = {
    cause.status: cause
    for cause in (
        NO_ROUTE,
        BUSY,
        CANCELLED,
        NOT_ACCEPTABLE,
        INTERNAL,
        ReleaseCause(400, 41, "bad request"),
        ReleaseCause(401, 21, "unauthorized"),
        ReleaseCause(402, 21, "payment required"),
        ReleaseCause(403, 21, "forbidden"),
        ReleaseCause(405, 63, "method not allowed"),
        ReleaseCause(406, 79, "not acceptable"),
        ReleaseCause(408, 102, "request timeout"),
        ReleaseCause(407, 21, "proxy authentication required"),
        ReleaseCause(410, 22, "number changed"),
        ReleaseCause(413, 127, "request entity too large"),
        ReleaseCause(414, 127, "request URI too long"),
        ReleaseCause(415, 79, "unsupported media type"),
        ReleaseCause(416, 127, "unsupported URI scheme"),
        ReleaseCause(420, 127, "bad extension"),
        ReleaseCause(421, 127, "extension required"),
        ReleaseCause(423, 127, "interval too brief"),
        ReleaseCause(480, 18, "temporarily unavailable"),
        ReleaseCause(481, 41, "call does not exist"),
        ReleaseCause(482, 25, "loop detected"),
        TOO_MANY_HOPS,
        ReleaseCause(484, 28, "address incomplete"),
        ReleaseCause(485, 1, "ambiguous"),
        ReleaseCause(501, 79, "not implemented"),
        ReleaseCause(502, 38, "bad gateway"),
        ReleaseCause(503, 41, "service unavailable"),
        ReleaseCause(504, 102, "server time-out"),
        ReleaseCause(505, 127, "version not supported"),
        ReleaseCause(513, 127, "message too large"),
        ReleaseCause(580, 47, "precondition failure"),
        ReleaseCause(600, 17, "busy everywhere"),
        ReleaseCause(603, 21, "declined"),
        ReleaseCause(604, 1, "does not exist anywhere"),
        ReleaseCause(606, 58, "not acceptable anywhere"),
        ReleaseCause(607, 21, "unwanted"),
        ReleaseCause(608, 21, "rejected"),
    )
}
"""What another switch's final status means. The Q.850 causes are those of RFC 3398 8.2.6.1, which has none for 487 (the
caller knows), 488 and 606 (it leaves them to their Warning), nor for what is younger than it (580, 607, 608)."""

HIDDEN: Final[dict[int, int]] = {
    # Credentials between us and a trunk, our own requests' faults and redirections are no business of the caller's;
    # 487 would say that the caller has given up.
    300: 480, 301: 410, 302: 480, 305: 480, 380: 480,
    400: 502, 401: 502, 402: 502, 405: 502, 407: 502, 408: 480, 413: 502, 414: 502, 415: 488, 416: 502, 420: 502,
    421: 502, 422: 502, 423: 502, 481: 502, 485: 404, 487: 480, 500: 502, 501: 502, 505: 502, 513: 502, 580: 488,
}  # fmt: skip
"""Status a callee answered -> status the caller gets, where they differ.

482 and 483 are passed on: a 5xx in their place would make a switch in the same circle try its other trunks as well.
"""

BY_Q850: Final[dict[int, int]] = {
    1: 404, 2: 404, 3: 404, 16: 480, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 23: 410, 26: 404, 27: 502,
    28: 484, 29: 501, 31: 480, 34: 503, 38: 503, 41: 503, 42: 503, 47: 503, 55: 403, 57: 403, 58: 503, 63: 503, 65: 488,
    70: 488, 79: 501, 87: 403, 88: 503, 102: 504, 111: 500, 127: 500,
}  # fmt: skip
"""Q.850 cause -> SIP status of a call that was not answered (RFC 3398 7.2.4.1; 16 and 63 are not in its table)."""
UNLISTED: Final = 500
"""For every other cause (RFC 3398 7.2.4.1)."""


def from_status(status: int) -> ReleaseCause:
    """The cause for a final status; unknown ones as their class's x00 (RFC 3261 8.1.3.2)."""
    known = BY_STATUS.get(status)
    if known is not None:
        return known
    if status < 300:
        return NORMAL
    if status < 400:
        return ReleaseCause(status, 23, "redirected")
    family = BY_STATUS.get(min(status // 100, 6) * 100, INTERNAL)
    return ReleaseCause(status, family.q850, _UNKNOWN.get(status // 100, "refused everywhere"))


_UNKNOWN: Final = {4: "request failed", 5: "server failure"}


def from_refusal(status: int, reasons: Sequence[Reason]) -> ReleaseCause:
    """The cause for a final response: its status says what, the Q.850 cause it carries (RFC 6432) why."""
    cause = from_status(status)
    said = _first(reasons, "Q.850")
    if said is None or not said.cause:
        return cause
    return replace(cause, q850=said.cause, text=_words(said) or cause.text, given=tuple(reasons))


def from_response(response: Response) -> ReleaseCause:
    """The cause for a final response as it came, and how long a 503 asks to be left alone (RFC 3261 21.5.4)."""
    cause = from_refusal(response.status, reasons_of(response))
    wait = response.headers.get("Retry-After") if response.status == 503 else None
    if wait is None:
        return cause
    try:
        return replace(cause, retry_after=RetryAfter.parse(wait).seconds)
    except RemoteProtocolError:
        return cause  # what cannot be read says nothing


def from_reasons(reasons: Sequence[Reason], status: int) -> ReleaseCause:
    """The cause another switch gave in a BYE or CANCEL (RFC 3326), `status` being the INVITE's; its words are kept."""
    given = tuple(reasons)
    sip, q850 = _first(reasons, "SIP"), _first(reasons, "Q.850")
    if sip is not None and sip.cause == 200:
        return replace(ANSWERED_ELSEWHERE, given=given)
    if q850 is not None:
        return ReleaseCause(status, q850.cause or NORMAL.q850, _words(q850) or "released", given=given)
    if sip is not None and sip.cause:
        return replace(from_status(sip.cause), given=given)
    return replace(from_status(status), given=given)


def _first(reasons: Sequence[Reason], protocol: str) -> Reason | None:
    return next((reason for reason in reasons if reason.protocol.upper() == protocol), None)


def _words(reason: Reason) -> str:
    return (reason.text or "")[:MOST_WORDS]


def from_q850(q850: int, text: str, *, answered: bool) -> ReleaseCause:
    """What a Q.850 cause means for a call that was answered, or not."""
    return ReleaseCause(200 if answered else BY_Q850.get(q850, UNLISTED), q850, text)


def towards_caller(cause: ReleaseCause) -> ReleaseCause:
    """What the caller is told when the callee failed with `cause`."""
    # Below 300: answered and hung up in one breath, so that the caller never had anybody.
    # Of redirections the caller could make nothing: the places are named on the callee's side.
    status = HIDDEN.get(cause.status, 480 if cause.status < 400 else None)
    return cause if status is None else replace(cause, status=status, warning=None)
