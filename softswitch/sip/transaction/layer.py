"""Where transactions live: by key while they work, and by key alone while they only absorb repetitions."""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from softswitch.sip.statistics import Statistics
from softswitch.sip.timers import TimerQueue

if TYPE_CHECKING:
    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Request, Response
    from softswitch.sip.timers import Timers


class Failure(Enum):
    """Why a client transaction ended without a final response, as the status it counts for (RFC 3261 8.1.3.1)."""

    TIMEOUT = 408
    TRANSPORT = 503


class ClientTransaction(Protocol):
    """What the layer needs of INVITE and non-INVITE client transactions alike."""

    key: str
    flow: Flow

    def receive(self, response: Response, now: float) -> None: ...
    def repeat(self) -> None: ...
    def transport_failed(self, now: float) -> None: ...


class ServerTransaction(Protocol):
    """What the layer needs of INVITE and non-INVITE server transactions alike."""

    key: str
    flow: Flow
    merge_key: str

    def receive(self, request: Request, now: float) -> None: ...
    def transport_failed(self, now: float) -> None: ...


class ClientUser(Protocol):
    """Who sent the request: told what came back."""

    def on_response(self, response: Response, now: float) -> None: ...
    def on_failure(self, failure: Failure, now: float) -> None: ...


class ServerUser(Protocol):
    """Who answers an INVITE."""

    def on_ack(self, request: Request, now: float) -> None:
        """An ACK to a 2xx that came with the INVITE's own branch (RFC 2543 habits)."""

    def on_transport_failed(self, now: float) -> None:
        """The response could not be sent."""


class TransactionLayer:
    """Keys to transactions, the timer queue, and the way out."""

    __slots__ = ("clients", "durations", "lingering_clients", "lingering_servers", "merge_keys", "outbox", "servers",
                 "statistics", "timers")  # fmt: skip

    def __init__(self, durations: Timers) -> None:
        self.durations = durations
        self.timers = TimerQueue()
        self.statistics = Statistics()
        self.outbox: deque[tuple[Flow, bytes]] = deque()
        self.clients: dict[str, ClientTransaction] = {}
        self.lingering_clients: dict[str, ClientTransaction] = {}
        self.servers: dict[str, ServerTransaction] = {}
        self.lingering_servers: dict[str, ServerTransaction] = {}
        self.merge_keys: dict[str, str] = {}
        """(From tag, Call-ID, CSeq) of requests outside dialogs -> transaction key: a second way in is a loop or a
        fork (RFC 3261 8.2.2.2)."""

    def send(self, flow: Flow, data: bytes, label: str) -> None:
        """Queue a message; `label` is its method or status for the statistics."""
        self.outbox.append((flow, data))
        sent = self.statistics.sent
        sent[label] = sent.get(label, 0) + 1

    def resend(self, flow: Flow, data: bytes, label: str) -> None:
        """Queue a repetition."""
        self.statistics.retransmissions_sent += 1
        self.send(flow, data, label)

    def client(self, key: str) -> ClientTransaction | None:
        """The client transaction a response belongs to (RFC 3261 17.1.3)."""
        return self.clients.get(key) or self.lingering_clients.get(key)

    def server(self, key: str) -> ServerTransaction | None:
        """The server transaction a request belongs to (RFC 3261 17.2.3)."""
        return self.servers.get(key) or self.lingering_servers.get(key)

    def client_lingers(self, transaction: ClientTransaction) -> None:
        """Only repetitions are expected from here on."""
        if self.clients.pop(transaction.key, None) is not None:
            self.lingering_clients[transaction.key] = transaction

    def server_lingers(self, transaction: ServerTransaction) -> None:
        """Only repetitions are expected from here on."""
        if self.servers.pop(transaction.key, None) is not None:
            self.lingering_servers[transaction.key] = transaction

    def client_over(self, transaction: ClientTransaction) -> None:
        """The transaction has terminated: its key means nothing any more."""
        if self.clients.pop(transaction.key, None) is None:
            self.lingering_clients.pop(transaction.key, None)

    def server_over(self, transaction: ServerTransaction) -> None:
        """The transaction has terminated: its keys mean nothing any more."""
        if self.servers.pop(transaction.key, None) is None:
            self.lingering_servers.pop(transaction.key, None)
        if transaction.merge_key:
            self.merge_keys.pop(transaction.merge_key, None)

    def repeat_requests(self, flow: Flow) -> None:
        """Another connection serves `flow`: send again what has had no answer."""
        for client in [each for each in self.clients.values() if each.flow == flow]:
            client.repeat()

    def transport_failed(self, flow: Flow, now: float) -> None:
        """A message could not be sent on `flow`, or its connection is gone: tell the transactions still at work."""
        for client in [each for each in self.clients.values() if _went_by(each.flow, flow)]:
            client.transport_failed(now)
        for server in [each for each in self.servers.values() if _went_by(each.flow, flow)]:
            server.transport_failed(now)


def _went_by(flow: Flow, failed: Flow) -> bool:
    """Whether what was sent on `flow` used the failed one; without a connection number it used any to that address."""
    return (
        flow.remote == failed.remote
        and flow.connection in (0, failed.connection)
        and flow.transport == failed.transport
        and flow.local == failed.local
        and flow.peer == failed.peer
    )
