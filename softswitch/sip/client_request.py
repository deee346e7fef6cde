"""One request of ours from first sending to outcome, repeated when the far end asks who we are (RFC 3261 22)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from softswitch.sip.outgoing import via_for
from softswitch.sip.transaction.invite_client import InviteClient
from softswitch.sip.transaction.layer import Failure
from softswitch.sip.transaction.non_invite_client import NonInviteClient

if TYPE_CHECKING:
    from softswitch.sip.authorizer import Authorizer
    from softswitch.sip.core import Core
    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Response
    from softswitch.sip.outgoing import Outgoing

MOST_ANSWERS = 4
"""Challenges answered for one request: a proxy and a server, each with one stale nonce."""


class RequestOwner(Protocol):
    """Who wants to know what became of the request."""

    def on_provisional(self, exchange: ClientRequest, response: Response, now: float) -> None: ...
    def on_final(self, exchange: ClientRequest, response: Response | None, status: int, now: float) -> None:
        """The outcome; no response: 408 (nobody answered) or 503 (transport). Each repeated 2xx to an INVITE too."""

    def repeat_cseq(self, exchange: ClientRequest, now: float) -> int | None:
        """The CSeq number for the repetition with credentials; None: do not repeat, the challenge is the outcome."""


class ClientRequest:
    """A request and its owner; at most one transaction is open at a time."""

    __slots__ = ("_answered", "_authorizer", "_other_flow", "acks", "authorization", "call_id", "core", "flow",
                 "method", "outgoing", "owner", "transaction")  # fmt: skip

    def __init__(
        self, core: Core, owner: RequestOwner, outgoing: Outgoing, flow: Flow, authorizer: Authorizer | None, now: float
    ) -> None:
        """Send it now."""
        self.core = core
        self.owner = owner
        self.flow = flow
        self.method = outgoing.method
        self.call_id = outgoing.call_id
        self._authorizer = authorizer
        self._answered: tuple[str, ...] = ()
        self._other_flow: Flow | None = None
        """Where it was meant to go, while it is tried over TCP for its size."""
        self.outgoing: Outgoing | None = outgoing
        """Until the outcome."""
        self.authorization = ""
        self.acks: dict[str, tuple[Flow, bytes]] | None = None
        """INVITE only: To tag of each 2xx that was acknowledged -> its ACK, for when the 2xx comes again."""
        self._send(outgoing, now)

    def on_response(self, response: Response, now: float) -> None:
        """From the transaction."""
        status = response.status
        self._other_flow = None
        if status < 200:
            self.owner.on_provisional(self, response, now)
        elif status not in (401, 407) or not self._repeated(response, now):
            self.owner.on_final(self, response, status, now)

    def on_failure(self, failure: Failure, now: float) -> None:
        """From the transaction."""
        old, flow = self.outgoing, self._other_flow
        if flow is not None and old is not None and failure is Failure.TRANSPORT:
            # RFC 3261 18.1.1: a far end without TCP gets it over UDP, whatever its size.
            self._other_flow = None
            self.core.large.refused(self.flow, now)
            self.flow = flow
            branch = self.core.branch()
            self._start(old.again(branch, via_for(flow, branch), old.cseq, old.authorization), now)
            return
        self.owner.on_final(self, None, failure.value, now)

    def accepted(self, tag: str, flow: Flow, ack: bytes, owner: RequestOwner) -> None:
        """INVITE only: a 2xx came. From here on `owner` minds the repetitions; the request itself is let go."""
        self.acks = {tag: (flow, ack)}
        self.owner = owner
        self.outgoing = None
        self._authorizer = None

    def repeat(self, headers: str, cseq: int, now: float) -> None:
        """Send it again with these header lines, because the far end wants others (8.1.3.5)."""
        old, authorizer = self.outgoing, self._authorizer
        assert old is not None
        branch = self.core.branch()
        lines = "" if authorizer is None else authorizer.lines(old.method, old.uri, self.core.token)
        self._send(old.again(branch, via_for(self.flow, branch), cseq, lines, headers), now)

    def _repeated(self, response: Response, now: float) -> bool:
        """Send the request again with credentials, if we have any for this challenge and it is still wanted."""
        old = self.outgoing
        if self._authorizer is None or old is None or len(self._answered) >= MOST_ANSWERS:
            return False
        header = self._authorizer.learn(response, self._answered)
        if header is None:
            return False
        cseq = self.owner.repeat_cseq(self, now)
        if cseq is None:
            return False
        self._answered = (*self._answered, header)
        branch = self.core.branch()
        lines = self._authorizer.lines(old.method, old.uri, self.core.token)
        self._send(old.again(branch, via_for(self.flow, branch), cseq, lines), now)
        return True

    def _send(self, outgoing: Outgoing, now: float) -> None:
        large = self.core.large
        if self.flow.transport == "UDP" and outgoing.size > large.limit:
            stream = large.instead(self.flow, now)
            if stream is not None:
                self._other_flow, self.flow = self.flow, stream
                via = via_for(stream, outgoing.branch)
                outgoing = outgoing.again(outgoing.branch, via, outgoing.cseq, outgoing.authorization)
        self._start(outgoing, now)

    def _start(self, outgoing: Outgoing, now: float) -> None:
        self.outgoing = outgoing
        self.authorization = outgoing.authorization
        kind = InviteClient if self.method == "INVITE" else NonInviteClient
        self.transaction: InviteClient | NonInviteClient = kind(self.core.layer, self, outgoing, self.flow, now)
