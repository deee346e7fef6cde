"""Who is at the far end of WebSocket flows, and which connection serves a flow now. No IO.

A browser loses its connection whenever its network changes, and comes back with another one. Once it has said who it
is, its flows outlive the connection: they wait, and go on over the next connection of the same party (RFC 5626 has the
registration follow its instance; here dialogs do, too).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Party:
    """One page or app of one user."""

    user: str
    instance: str
    """`+sip.instance` of its registration; "": it has none, and its flows end with their connection."""


@dataclass(slots=True)
class Absence:
    """A party without connection: its flows, and what waits to be sent on them."""

    flows: list[int]
    waiting: list[tuple[int, bytes]] = field(default_factory=list)
    octets: int = 0


@dataclass(frozen=True, slots=True)
class Succession(Generic[C]):
    """What a connection has taken over."""

    flows: tuple[int, ...] = ()
    waiting: tuple[bytes, ...] = ()
    """To be sent now, in order."""
    replaced: C | None = None
    """The party's connection until now, which is still open."""


class Parties(Generic[C]):
    """Flows by number. Invariant: every flow is served by one connection, or belongs to one absence."""

    def __init__(self) -> None:
        self._serving: dict[int, C] = {}
        self._flows: dict[C, list[int]] = {}
        self._party: dict[C, Party] = {}
        self._present: dict[Party, C] = {}
        self._absent: dict[Party, Absence] = {}
        self._absent_flows: dict[int, Party] = {}

    def __len__(self) -> int:
        """Connections that are open."""
        return len(self._flows)

    @property
    def absent(self) -> int:
        """Parties that may come back."""
        return len(self._absent)

    def opened(self, connection: C, flow: int) -> None:
        """A connection with a flow of its own."""
        self._flows[connection] = [flow]
        self._serving[flow] = connection

    def connection(self, flow: int) -> C | None:
        """What serves a flow now."""
        return self._serving.get(flow)

    def party(self, flow: int) -> Party | None:
        """Who is at the far end of a flow; None: nobody has said."""
        connection = self._serving.get(flow)
        return self._absent_flows.get(flow) if connection is None else self._party.get(connection)

    def introduce(self, flow: int, party: Party) -> Succession[C]:
        """The far end of a flow has proven to be this party. What it left behind elsewhere is its again."""
        connection = self._serving.get(flow)
        if connection is None or self._party.get(connection) == party:
            return Succession()
        before = self._party.get(connection)
        if before is not None and self._present.get(before) is connection:
            del self._present[before]
        self._party[connection] = party
        if not party.instance:
            return Succession()
        replaced = self._present.get(party)
        self._present[party] = connection
        if replaced is not None:
            taken = self._flows[replaced]
            self._flows[replaced] = []
            self._adopt(connection, taken)
            return Succession(tuple(taken), (), replaced)
        absence = self._absent.pop(party, None)
        if absence is None:
            return Succession()
        for number in absence.flows:
            del self._absent_flows[number]
        self._adopt(connection, absence.flows)
        return Succession(tuple(absence.flows), tuple(data for _, data in absence.waiting))

    def closed(self, connection: C, *, may_return: bool) -> tuple[tuple[int, ...], Party | None]:
        """The connection is gone: its flows, and the party they wait for. None: they are lost now."""
        flows = self._flows.pop(connection, [])
        party = self._party.pop(connection, None)
        for number in flows:
            del self._serving[number]
        if party is not None and self._present.get(party) is connection:
            del self._present[party]
        if not flows or party is None or not party.instance or not may_return:
            return tuple(flows), None
        self._absent[party] = Absence(flows)
        for number in flows:
            self._absent_flows[number] = party
        return tuple(flows), party

    def drop(self, flow: int) -> None:
        """Nothing is sent on this flow any more, whoever serves it."""
        connection = self._serving.pop(flow, None)
        if connection is not None:
            self._flows[connection].remove(flow)

    def wait(self, flow: int, data: bytes, most: int) -> bool:
        """Keep what is to be sent on a flow until its party is back. False: nobody is expected, or too much waits."""
        party = self._absent_flows.get(flow)
        if party is None:
            return False
        absence = self._absent[party]
        if absence.octets + len(data) > most:
            return False
        absence.octets += len(data)
        absence.waiting.append((flow, data))
        return True

    def give_up(self, party: Party) -> tuple[int, ...]:
        """It has not come back: its flows, which are lost now."""
        absence = self._absent.pop(party, None)
        if absence is None:
            return ()
        for number in absence.flows:
            del self._absent_flows[number]
        return tuple(absence.flows)

    def connections(self) -> tuple[C, ...]:
        """All that are open."""
        return tuple(self._flows)

    def _adopt(self, connection: C, flows: list[int]) -> None:
        self._flows[connection] += flows
        for number in flows:
            self._serving[number] = connection
