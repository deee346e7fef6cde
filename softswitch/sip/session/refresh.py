"""Session timers: a call whose far end is gone without a word ends by itself (RFC 4028).

Theory. Every 2xx to an INVITE or UPDATE, ours or theirs, settles anew how long the session lasts and who refreshes it;
one that says nothing of it turns the timer off. Whoever refreshes does so when half the time is over; if no refresh
has come, or ours has no answer, a third of the time before the end but at most 32 s, the call is ended. There is one
timer a session: what it waits for is the state.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from softswitch.sip.client_request import ClientRequest
from softswitch.sip.core import ALLOW_LINE
from softswitch.sip.events import RefreshDue
from softswitch.sip.grammar import parse_digits
from softswitch.sip.headers import MAX_DELTA_SECONDS, Reason
from softswitch.sip.session.state import Input as SessionInput
from softswitch.sip.session.state import Release
from softswitch.sip.session.terms import LEAST_INTERVAL, TIMER, allows, option_tags

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.header_map import Headers
    from softswitch.sip.message import Request, Response
    from softswitch.sip.session.session import InviteSession
    from softswitch.sip.session.terms import TimerTerms

EXPIRED = Reason("SIP", 408, "Session expired")
"""What a BYE says that nobody but the timer asked for."""
MOST_PROLONGED = 5
"""How many times one INVITE meets 422: each hop may have a longer minimum than the one before."""
SHORTEST_WAIT = 10.0
"""Seconds until a refresh that was refused is tried again."""


class State(IntEnum):
    OFF = 1
    """The session lasts until somebody hangs up."""
    OURS = 2
    """We refresh, once half the time is over."""
    REFRESHING = 3
    """Our refresh is out."""
    THEIRS = 4
    """They refresh."""


class Input(IntEnum):
    WE = 1
    """Agreed: we refresh."""
    THEY = 2
    """Agreed: they do."""
    NOBODY = 3
    """Agreed: there is no timer."""
    DUE = 4
    """Half the time is over, or that until the next attempt."""
    TIME_OUT = 5
    """Nothing has come in time."""
    REFUSED = 6
    """Seconds (float): our refresh was refused, try again after them."""
    GONE = 7
    """Release: it was answered 408 or 481, or not at all."""
    CLOSE = 8
    """The session is over."""


class SessionTimer:
    """Of one session. Owner of its refreshes by UPDATE."""

    __slots__ = ("_interval", "_minimum", "_prolonged", "_said", "_session", "_terms", "_timer", "_until", "state")

    def __init__(self, session: InviteSession, terms: TimerTerms) -> None:
        self._session = session
        self._terms = terms
        self.state = State.OFF
        self._interval = terms.expires
        """Seconds: agreed, or what we ask for."""
        self._minimum = terms.minimum
        """The longest minimum that anybody on the way has asked for; ours to begin with."""
        self._prolonged = 0
        self._said = ""
        """What the last request of ours said, where it was not what the terms say."""
        self._until = 0.0
        """When the session is given up."""
        self._timer = 0

    def step(self, what: int, now: float, payload: object = None) -> None:
        """Take one row of the table; a pair without a row is one of IGNORED."""
        row = TABLE.get((self.state, what))
        if row is not None:
            self.state, action = row
            action(self, now, payload)

    # Theirs.

    def too_short(self, request: Request) -> int | None:
        """The least interval, if theirs is shorter (9): to be refused with 422. Who knows no timers is not refused."""
        asked = read_session_expires(request.headers)
        if asked is None or asked[0] >= self._terms.minimum:
            return None
        return self._terms.minimum if TIMER in option_tags(request.headers, "Supported", "Require") else None

    def answer(self, request: Request, now: float) -> str:
        """What our 2xx says (9, table 2); from here on it holds."""
        headers = request.headers
        knows = TIMER in option_tags(headers, "Supported", "Require")
        asked = read_session_expires(headers)
        self._session.takes_update = allows(headers, "UPDATE")
        if asked is not None and asked[0] >= LEAST_INTERVAL:
            self._interval, refresher = asked
        else:
            least = parse_digits(headers.get("Min-SE") or "", MAX_DELTA_SECONDS) or 0
            self._interval, refresher = max(self._interval, least), ""
        if not knows:
            # A proxy may have asked, or we go on as before: then it is for us to do.
            if asked is None and self._terms.refresher != "us" and self.state not in (State.OURS, State.REFRESHING):
                self.step(Input.NOBODY, now)
                return ""
            refresher = "uas"
        elif not refresher:
            refresher = self._preferred()
        self.step(Input.WE if refresher == "uas" else Input.THEY, now)
        required = f"Require: {TIMER}\r\n" if knows else ""
        return f"{required}Session-Expires: {self._interval};refresher={refresher}\r\n"

    def _preferred(self) -> str:
        if self.state is State.OFF:
            return "uac" if self._terms.refresher == "them" else "uas"
        return "uac" if self.state is State.THEIRS else "uas"

    # Ours.

    def lines(self) -> str:
        """What a request of ours says; who refreshes stays so (7.4)."""
        if self.state is State.OFF:
            refresher = self._terms.first_refresher
        else:
            refresher = "uas" if self.state is State.THEIRS else "uac"
        self._said = self._terms.lines(self._interval, self._minimum, refresher)
        return self._said

    def settled(self, response: Response, now: float) -> None:
        """2xx to a request of ours (7.2)."""
        headers = response.headers
        if "Allow" in headers:
            self._session.takes_update = allows(headers, "UPDATE")
        said = read_session_expires(headers)
        if said is not None:
            # What is shorter than any may be would have us refresh, or hang up, all the time.
            self._interval = max(said[0], LEAST_INTERVAL)
            self.step(Input.THEY if said[1] == "uas" else Input.WE, now)
        else:
            self.step(Input.WE if self._terms.refresher == "us" else Input.NOBODY, now)

    def prolong(self, response: Response) -> bool:
        """422 to a request of ours: whether it can be repeated with what they ask for (7.3)."""
        least = parse_digits(response.headers.get("Min-SE") or "", MAX_DELTA_SECONDS)
        if least is None or least <= self._minimum or self._prolonged >= MOST_PROLONGED:
            return False
        self._prolonged += 1
        self._minimum = least
        self._interval = max(self._interval, least)
        return True

    def repeat_invite(self, headers: str) -> str:
        """The header lines of an INVITE that has met 422, as they are to be."""
        terms = self._terms
        before = self._said or terms.lines(terms.expires, terms.minimum, terms.first_refresher)
        return headers.replace(before, self.lines(), 1)

    def failed(self, response: Response | None, status: int, now: float) -> None:
        """A refresh of ours was refused: 408 and 481 say that the dialog is gone (10), all else that it is not."""
        if status in (408, 481):
            self.step(Input.GONE, now, Release("timeout" if response is None else "remote", status))
            return
        wait = max(SHORTEST_WAIT, self._interval / 4)
        if status == 422 and response is not None and self.prolong(response):
            wait = 0.0
        elif status == 491:
            wait = 2.1 + self._session.core.number_below(191) / 100
        elif response is not None and "Retry-After" in response.headers:
            asked = (response.headers.get("Retry-After") or "").split("(")[0].strip()
            wait = min(max(SHORTEST_WAIT, parse_digits(asked, MAX_DELTA_SECONDS) or 0), wait)
        self.step(Input.REFUSED, now, wait)

    def on_provisional(self, exchange: ClientRequest, response: Response, now: float) -> None:
        """It takes as long as it takes."""

    def on_final(self, exchange: ClientRequest, response: Response | None, status: int, now: float) -> None:
        """The outcome of our UPDATE, if the session still stands: it may have crossed a BYE."""
        if not self._session.is_established:
            return
        if status in (405, 501):
            self._session.takes_update = False
            self.step(Input.REFUSED, now, 0.0)
        elif response is None or status >= 300:
            self.failed(response, status, now)
        else:
            if self._session.dialog is not None:
                self._session.dialog.refresh(response.headers.get("Contact"))
            self.settled(response, now)

    def repeat_cseq(self, exchange: ClientRequest, now: float) -> int | None:
        """With credentials, while the session stands."""
        return self._session.next_cseq() if self._session.is_established else None

    def on_timer(self, kind: int, now: float) -> None:
        """The timer is due."""
        self.step(kind, now)

    # Actions.

    @property
    def _margin(self) -> float:
        """How long before its end a session is given up (10)."""
        return min(32.0, self._interval / 3)

    def _start(self, when: float, what: Input) -> None:
        timers = self._session.core.layer.timers
        timers.cancel(self._timer)
        self._timer = timers.start(when, self, what)

    def _wait(self, now: float, _: object) -> None:
        self._until = now + self._interval - self._margin
        self._start(now + self._interval / 2, Input.DUE)

    def _watch(self, now: float, _: object) -> None:
        self._start(now + self._interval - self._margin, Input.TIME_OUT)

    def _refresh(self, now: float, _: object) -> None:
        session, dialog = self._session, self._session.dialog
        core = session.core
        self._start(self._until, Input.TIME_OUT)
        if not session.takes_update or dialog is None:
            core.events.append(RefreshDue(session))
            return
        outgoing = dialog.request(
            "UPDATE",
            session.next_cseq(),
            core.branch(),
            authorization=session.authorization("UPDATE"),
            headers=f"{session.contact_line}{ALLOW_LINE}{core.agent_line}{session.terms.supported_line}{self.lines()}",
        )
        ClientRequest(core, self, outgoing, dialog.flow, session.authorizer, now)

    def _try_again(self, now: float, wait: float) -> None:
        # Who refuses is there: the next attempt has its time, too.
        self._until = max(self._until, now + wait + max(32.0, self._margin))
        self._start(now + wait, Input.DUE)

    def _expire(self, now: float, _: object) -> None:
        self._timer = 0
        self._session.step(SessionInput.DIALOG_GONE, now, Release("timeout", 408, (EXPIRED,)))

    def _give_up(self, now: float, release: Release) -> None:
        self._stop(now, None)
        self._session.step(SessionInput.DIALOG_GONE, now, release)

    def _stop(self, _: float, __: object) -> None:
        self._session.core.layer.timers.cancel(self._timer)
        self._timer = 0


def answer(session: InviteSession, request: Request, now: float) -> str:
    """What our 2xx to a request of theirs says of the session's time."""
    if session.timing is None or not (session.is_established or request is session.received):
        return ""
    return session.timing.answer(request, now)


def lines(session: InviteSession) -> str:
    """What a request of ours in a session that stands says of its time, and of what we support."""
    if session.timing is None or not session.is_established:
        return ""
    return session.terms.supported_line + session.timing.lines()


def confirmed(session: InviteSession, response: Response, now: float) -> None:
    """2xx to our INVITE."""
    timing = _timing(session)
    if timing is not None:
        timing.settled(response, now)


def prolonged(session: InviteSession, exchange: ClientRequest, response: Response, now: float) -> bool:
    """422 to our INVITE: whether it was sent again with a longer interval (RFC 4028 7.3)."""
    timing = _timing(session)
    if timing is None or exchange.outgoing is None or not timing.prolong(response):
        return False
    if not session.step(SessionInput.CHALLENGED, now):
        return False
    session.invite_cseq = session.next_cseq()
    exchange.repeat(timing.repeat_invite(exchange.outgoing.headers), session.invite_cseq, now)
    return True


def _timing(session: InviteSession) -> SessionTimer | None:
    if session.timing is None and session.terms.timer is not None:
        session.timing = SessionTimer(session, session.terms.timer)
    return session.timing


def read_session_expires(headers: Headers) -> tuple[int, str] | None:
    """Seconds, and `uac`, `uas` or nothing; one that cannot be read is none (RFC 3261 8.2: not needed, so ignored)."""
    found = headers.lines("Session-Expires")
    return _session_expires(found[0]) if found else None


@lru_cache(256)
def _session_expires(text: str) -> tuple[int, str] | None:
    digits, *parameters = [piece.strip(" \t") for piece in text.split(";")]
    seconds = parse_digits(digits, MAX_DELTA_SECONDS)
    if not seconds:
        return None
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip(" \t").lower() == "refresher" and value.strip(" \t").lower() in ("uac", "uas"):
            return seconds, value.strip(" \t").lower()
    return seconds, ""


_OFF, _OURS, _REFRESHING, _THEIRS = State
TABLE: dict[tuple[int, int], tuple[State, Callable[..., None]]] = {
    **{(state, Input.WE): (_OURS, SessionTimer._wait) for state in State},
    **{(state, Input.THEY): (_THEIRS, SessionTimer._watch) for state in State},
    **{(state, Input.NOBODY): (_OFF, SessionTimer._stop) for state in (_OURS, _REFRESHING, _THEIRS)},
    **{(state, Input.CLOSE): (_OFF, SessionTimer._stop) for state in (_OURS, _REFRESHING, _THEIRS)},
    **{(state, Input.GONE): (_OFF, SessionTimer._give_up) for state in State},
    (_OURS, Input.DUE): (_REFRESHING, SessionTimer._refresh),
    (_REFRESHING, Input.REFUSED): (_OURS, SessionTimer._try_again),
    (_REFRESHING, Input.TIME_OUT): (_OFF, SessionTimer._expire),
    (_THEIRS, Input.TIME_OUT): (_OFF, SessionTimer._expire),
}

_NO_TIMER = "no such timer is running"
IGNORED: dict[tuple[int, int], str] = {
    **{(_OFF, each): "nothing is running" for each in (Input.NOBODY, Input.CLOSE)},
    **{(state, Input.DUE): _NO_TIMER for state in (_OFF, _REFRESHING, _THEIRS)},
    **{(state, Input.TIME_OUT): _NO_TIMER for state in (_OFF, _OURS)},
    **{(state, Input.REFUSED): "another request has settled it since" for state in (_OFF, _OURS, _THEIRS)},
}
