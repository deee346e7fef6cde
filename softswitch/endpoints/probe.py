"""OPTIONS sent to a trunk's next hops at an interval, so that a dead one is known before a call finds out.

Each address a next hop leads to is asked by itself. Any final response but 408 and 503 is a sign of life: that the far
end dislikes OPTIONS says nothing about calls.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from softswitch.sip.headers import NameAddr
from softswitch.sip.parameters import NO_PARAMETERS
from softswitch.sip.uri import Uri
from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from softswitch.endpoints.health import DestinationHealth
    from softswitch.endpoints.trunk import Trunk
    from softswitch.sip.client_request import ClientRequest
    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Response
    from softswitch.transport.driver import SipDriver
    from softswitch.transport.next_hop import NextHop

_log = logging.getLogger(__name__)

NO_LIFE = frozenset((408, 503))


@value_class(frozen=True, slots=True, kw_only=True)
class ProbePolicy:
    """How a trunk's next hops are asked. Seconds."""

    interval: float = 30.0
    timeout: float = 4.0
    down_after: int = 3
    """Probes without an answer, one after the other, that make a next hop that was up count as down."""
    up_after: int = 2
    """Answers, one after the other, that make it count as up again."""


class Prober:
    """Asks the next hops of every trunk that has a policy, and tells `DestinationHealth` what it heard."""

    def __init__(
        self,
        driver: SipDriver,
        health: DestinationHealth,
        *,
        locate: Callable[[NextHop], Sequence[Flow]],
        contact: Callable[[Flow], NameAddr],
        below: Callable[[int], int],
    ) -> None:
        """`below(n)`: dice, 0..n-1."""
        self._driver = driver
        self._health = health
        self._locate = locate
        self._contact = contact
        self._below = below
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self, trunks: Iterable[Trunk]) -> None:
        """Ask from now on until `stop`."""
        for trunk in trunks:
            if trunk.probe is not None and trunk.next_hops and trunk.limits.enabled:
                loop = asyncio.get_running_loop()
                self._tasks.append(loop.create_task(self._keep_asking(trunk, trunk.probe), name=f"probe:{trunk.name}"))

    async def stop(self) -> None:
        """Ask no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep_asking(self, trunk: Trunk, policy: ProbePolicy) -> None:
        # Trunks are asked at different moments, so that a node with many sends no bursts.
        await asyncio.sleep(self._below(1000) / 1000 * min(policy.interval, 2.0))
        while True:
            places: dict[tuple[str, tuple[str, int]], tuple[NextHop, Flow]] = {}
            for hop in trunk.next_hops:
                for flow in self._locate(hop):
                    places.setdefault((flow.transport, flow.remote), (hop, flow))
            for hop, flow in places.values():
                self._ask(trunk, policy, hop, flow)
            await asyncio.sleep(policy.interval)

    def _ask(self, trunk: Trunk, policy: ProbePolicy, hop: NextHop, flow: Flow) -> None:
        question = _Question(self._health, trunk, policy, flow, self._driver.now)
        contact = self._contact(flow)
        domain = trunk.from_domain or contact.uri.host
        with self._driver.turn() as stack:
            stack.request(
                "OPTIONS",
                uri=trunk.uri_at(hop, None),
                from_=NameAddr("", Uri("sip", None, domain), NO_PARAMETERS),
                to=NameAddr("", trunk.uri_at(hop, None), NO_PARAMETERS),
                contact=contact,
                flow=flow,
                headers=(("Accept", "application/sdp"),),
                owner=question,
                now=self._driver.now(),
            )
        asyncio.get_running_loop().call_later(policy.timeout, question.expire)


class _Question:
    """One OPTIONS, until its answer or its time-out, whichever comes first."""

    __slots__ = ("_clock", "_flow", "_health", "_open", "_policy", "_trunk")

    def __init__(
        self, health: DestinationHealth, trunk: Trunk, policy: ProbePolicy, flow: Flow, clock: Callable[[], float]
    ) -> None:
        self._health = health
        self._trunk = trunk
        self._policy = policy
        self._flow = flow
        self._clock = clock
        self._open = True

    def on_provisional(self, exchange: ClientRequest, response: Response, now: float) -> None:
        """Not yet."""

    def on_final(self, exchange: ClientRequest, response: Response | None, status: int, now: float) -> None:
        """The answer; no response: nobody answered, or the transport failed."""
        if self._open:
            alive = response is not None and status not in NO_LIFE
            self._close(alive, f"answered {status}" if response is not None else "cannot be reached", now)

    def repeat_cseq(self, exchange: ClientRequest, now: float) -> int | None:
        """A challenge is a sign of life."""
        return None

    def expire(self) -> None:
        """It took too long."""
        if self._open:
            self._close(False, f"no answer in {self._policy.timeout:g} s", self._clock())

    def _close(self, alive: bool, why: str, now: float) -> None:
        self._open = False
        policy = self._policy
        change = self._health.probed(
            self._flow, now, alive=alive, why=why, down_after=policy.down_after, up_after=policy.up_after
        )
        if change is not None:
            level = logging.INFO if change == "up" else logging.WARNING
            host, port = self._flow.remote
            where = f"{host}:{port}/{self._flow.transport}"
            _log.log(level, "trunk %s: %s is %s (OPTIONS: %s)", self._trunk.name, where, change, why)
