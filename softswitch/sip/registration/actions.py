"""What a registration does when it moves (RFC 3261 10.2, RFC 5626 4.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.registration.answer import Granted, Trouble
from softswitch.sip.registration.state import Input

if TYPE_CHECKING:
    from softswitch.sip.registration.registration import Registration

KEEP_ALIVE = b"\r\n\r\n"
"""Keeps a NAT's binding open: no SIP message, and ignored by everybody (RFC 3261 7.5, RFC 5626 4.4.1)."""
NO_TARGET = Trouble("no target: its name has no address, or there is no listener to send from", passing=True)
CUT_OFF = Trouble("the connection was closed right after registering", passing=True)


def begin(registration: Registration, now: float, _: object) -> None:
    """Ask the preferred target, then the one that holds the contact, then the others.

    While the preferred one holds it, that is the one: targets of equal weight come in another order every time.
    """
    registration.stop_timers(Input.RETRY_DUE, Input.REFRESH_DUE)
    registration.retry_at = None
    targets = list(registration.targets())
    registration.width = len(targets)
    if registration.flow in targets:
        targets.remove(registration.flow)
        targets.insert(0 if registration.preferred else 1, registration.flow)
    registration.round = targets
    ask_next(registration, now, None)


def begin_anew(registration: Registration, now: float, _: object) -> None:
    """Where the contact led is no longer where we are."""
    lose(registration, now, None)
    begin(registration, now, None)


def ask_next(registration: Registration, now: float, _: object) -> None:
    """The next target of this round; without one the round has failed."""
    registration.again = 0
    if registration.round:
        registration.asked = registration.round.pop(0)
        ask(registration, now, None)
    else:
        registration.step(Input.FAILED, now, NO_TARGET)


def ask(registration: Registration, now: float, _: object) -> None:
    """Ask this target, perhaps not for the first time."""
    assert registration.asked is not None
    registration.send(registration.asked, registration.expires, now)


def elsewhere(registration: Registration, now: float, trouble: object) -> None:
    """Pass over a target that failed."""
    assert isinstance(trouble, Trouble)
    registration.note(trouble)
    ask_next(registration, now, None)


def granted(registration: Registration, now: float, grant: object) -> None:
    """The contact is there (10.2.4)."""
    assert isinstance(grant, Granted)
    registration.flow, registration.asked = registration.asked, None
    registration.preferred = len(registration.round) == registration.width - 1
    if registration.since is None:
        registration.since = now
    registration.granted_at = now
    registration.failures = 0
    registration.error = None
    registration.service_route, registration.public = grant.service_route, grant.public
    registration.expires_at = now + grant.seconds
    # Early enough for every target to be asked in vain, one after the other.
    margin = min(grant.seconds / 2, registration.core.layer.durations.timeout * registration.width + 10.0)
    refresh = grant.seconds - margin
    registration.start_timer(Input.EXPIRED, registration.expires_at)
    if not registration.preferred:
        refresh = min(refresh, registration.pace.longest_retry)
    registration.start_timer(Input.REFRESH_DUE, now + refresh)
    if registration.pace.keep_alive and registration.flow is not None and registration.flow.transport == "UDP":
        registration.start_timer(Input.KEEP_ALIVE_DUE, now + registration.pace.keep_alive)


def keep_alive(registration: Registration, now: float, _: object) -> None:
    """On UDP; streams are kept alive by their transport."""
    assert registration.flow is not None
    registration.core.layer.outbox.append((registration.flow, KEEP_ALIVE))
    registration.start_timer(Input.KEEP_ALIVE_DUE, now + registration.pace.keep_alive)


def back_off(registration: Registration, now: float, trouble: object) -> None:
    """All targets have failed: leave them alone for a while."""
    assert isinstance(trouble, Trouble)
    registration.note(trouble)
    registration.failures += 1
    pace = registration.pace
    # RFC 5626 4.5: "uniformly distributed between 50 and 100 percent" of it.
    longest = min(pace.longest_retry, pace.first_retry * 2.0 ** min(registration.failures, 20))
    share = 0.5 + registration.core.number_below(1001) / 2000
    registration.retry(now + max(longest * share, trouble.retry_after))


def give_in(registration: Registration, now: float, trouble: object) -> None:
    """An operator has to act; until then, seldom."""
    assert isinstance(trouble, Trouble)
    lose(registration, now, None)
    registration.note(trouble)
    registration.round.clear()
    registration.retry(now + max(registration.pace.refused_retry, trouble.retry_after))


def lose(registration: Registration, _: float, __: object) -> None:
    """The contact is not there any more."""
    registration.stop_timers(Input.EXPIRED, Input.REFRESH_DUE, Input.KEEP_ALIVE_DUE)
    registration.flow = registration.since = registration.expires_at = registration.public = None
    registration.service_route = ()


def lose_and_back_off(registration: Registration, now: float, _: object) -> None:
    """Somebody takes REGISTERs and closes the connection: not in a circle."""
    lose(registration, now, None)
    back_off(registration, now, CUT_OFF)


def leave(registration: Registration, now: float, _: object) -> None:
    """Take the contact back where it is held (10.2.2)."""
    flow = registration.flow
    assert flow is not None
    registration.stop_timers(*registration.timers)
    registration.send(flow, 0, now)


def end(registration: Registration, now: float, _: object) -> None:
    """Nothing follows."""
    registration.stop_timers(*registration.timers)
    lose(registration, now, None)
    registration.retry_at = None


def wait_for_outcome(registration: Registration, _: float, __: object) -> None:
    """10.2: no new REGISTER before the one under way has its outcome."""
    registration.stop_timers(*registration.timers)
