"""What the rows of `table.py` do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.webrtc.ice.state import IceFailed, PathLost

if TYPE_CHECKING:
    from softswitch.webrtc.ice.agent import Agent
    from softswitch.webrtc.ice.full import FullAgent
    from softswitch.webrtc.ice.pair import Pair


def begin(agent: Agent, now: float) -> None:
    """The far end is known: go."""
    agent.begin(now)


def connect(agent: Agent, now: float) -> None:
    """The first valid pair, or the first after a loss."""
    agent.connected(now)


def give_up(agent: Agent, now: float) -> None:
    """Nobody was there in time."""
    tried = sum(1 for pair in agent.pairs.values() if pair.signalled)
    heard = any(pair.heard_at > float("-inf") for pair in agent.pairs.values())
    what = "its checks came, ours were not answered" if heard else "it was never heard"
    seconds = f"{agent.pace.connect:g} s"
    more = "" if agent.complete else ", and more were to come"
    tale = f"{what}, {tried} of its candidates could be tried{more}"
    agent.tell(IceFailed(f"no way to the browser within {seconds}: {tale}"))


def lose(agent: Agent, now: float) -> None:
    """Media ends here and now (RFC 7675 5.1)."""
    agent.lost()
    agent.tell(PathLost(f"nothing came from the browser for {agent.pace.consent_timeout:g} s"))


def obey(agent: Agent, now: float) -> None:
    """The far end wants no more."""
    agent.lost()
    agent.tell(PathLost("the browser has taken back its consent"))


def end(agent: Agent, now: float) -> None:
    """Closed by us."""
    agent.lost()


def check(agent: FullAgent, pair: Pair, now: float) -> None:
    """Send the first of a check."""
    agent.start_check(pair, now)


def trigger(agent: FullAgent, pair: Pair, now: float) -> None:
    """To the end of the queue that goes before all others (RFC 8445 7.3.1.4)."""
    agent.enqueue(pair)


def prove(agent: FullAgent, pair: Pair, now: float) -> None:
    """Valid; others of its foundation may be, too (7.2.5.3.3)."""
    agent.thaw(pair.foundation, now)


def no_more(agent: FullAgent, pair: Pair, now: float) -> None:
    """It only changes its state."""
