"""One TCP connection that carries SIP: framing, keep-alive, and the patience a peer may count on (RFC 3261 18.3)."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from softswitch.sip.errors import FramingError
from softswitch.sip.flow import Flow
from softswitch.sip.framing import KEEP_ALIVE, PONG, StreamFramer
from softswitch.transport.listener import zoned

if TYPE_CHECKING:
    from softswitch.transport.tcp import TcpTransport

log = logging.getLogger(__name__)

PING = b"\r\n\r\n"
UNACKNOWLEDGED = 30_000
"""Milliseconds the kernel repeats what nobody acknowledges (TCP_USER_TIMEOUT): its own default is a quarter of an hour,
in which every call to a dead far end would hang."""
SMALL_BACKLOG = 16_384
"""Octets that may wait for any peer; one for whom more wait counts as not reading."""

Place = tuple[tuple[str, int], str]
"""Remote address, and whose certificate is wanted there: a connection serves those who want the same of it."""


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """Bounds that keep one peer, or many, from holding the node (THREATS S8)."""

    connections: int = 4096
    per_source: int = 256
    message_seconds: float = 10.0
    """From the first byte of a message to its last; and from being accepted to the first message."""
    idle_seconds: float = 3600.0
    connect_seconds: float = 3.5
    """Three SYNs: less than it takes a caller's next destination to be tried."""
    unsent_bytes: int = 1 << 20
    """A peer that does not read is cut when this much waits for it, or when it has not read for `message_seconds`."""
    not_reading: int = 64
    """Peers that may be in that state at the same time: what waits for all of them together is bounded."""
    unfinished_bytes: int = 32 << 20
    """Of messages that are not complete yet, on all connections together: the largest is cut."""
    keep_alive: float = 90.0
    """Between two pings on connections that we have opened (RFC 5626 4.4.1); 0: none."""


class TcpConnection(asyncio.Protocol):
    """One connection, accepted or opened by us; messages wait in order until it is up."""

    def __init__(self, owner: TcpTransport, number: int, remote: tuple[str, int] | None, peer: str = "") -> None:
        self._owner = owner
        self._number = number
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self._deadline: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._next_ping: asyncio.TimerHandle | None = None
        self._ponged = False
        """Whether the far end has ever answered a ping."""
        self._owes_pong = False
        self._mid_message = False
        self._has_spoken = False
        self.accepted = remote is None
        self._framer = StreamFramer(pongs=not self.accepted)
        self.counted = False
        """Whether it takes one of the places its source may have."""
        self.places: list[Place] = []
        """What it serves."""
        self.remote = remote or ("", 0)
        self.peer = peer
        self.flow = self._flow()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuse strangers and excess at once; else begin."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        if peer is None:
            self._transport.abort()
            return
        if self.accepted:
            self.remote = (zoned(peer), peer[1])
            self.flow = self._flow()
            if not self._owner.welcome(self):
                self._transport.abort()
                return
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED)
        self._transport.set_write_buffer_limits(high=min(SMALL_BACKLOG, self._owner.limits.unsent_bytes))
        self._begin()

    def _begin(self) -> None:
        """The bytes can flow."""
        self._established()

    def _established(self) -> None:
        """Messages can flow: send what waited."""
        waiting, self._waiting = self._waiting, []
        for data in waiting:
            self.send(data)
        limits = self._owner.limits
        # Whoever connects has something to say; thousands of silent connections would be somebody's weapon.
        self._rest(limits.message_seconds if self.accepted else limits.idle_seconds)
        if not self.accepted:
            self._plan_ping()

    # In.

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        self._take(data)

    def _take(self, data: bytes) -> None:
        """Cut the stream into messages; a stream whose framing is lost is closed (RFC 3261 18.3)."""
        before = self._framer.pending
        try:
            messages = self._framer.feed(data)
        except FramingError as error:
            self._owner.note_unfinished(self, -before)
            self._owner.report(self, str(error))
            self._deliver(error.messages)
            self._owner.driver.refuse(error, self.flow)
            self.close()
            return
        self._owner.note_unfinished(self, self._framer.pending - before)
        self._deliver(messages)
        mid_message = self._framer.pending > 0
        if not mid_message:
            if self._has_spoken or not self.accepted:
                self._rest(self._owner.limits.idle_seconds)
        elif messages or not self._mid_message:
            self._rest(self._owner.limits.message_seconds)
        self._mid_message = mid_message

    def _deliver(self, messages: list[bytes]) -> None:
        if PONG in messages:
            self._ponged, self._owes_pong = True, False
        # One pong for however many pings came at once: a flood of them gets no flood back, and counts as messages do.
        if KEEP_ALIVE in messages and (not self.accepted or self._owner.driver.admits(self.flow)):
            self.send(b"\r\n")
        for message in messages:
            if message in (KEEP_ALIVE, PONG):
                continue
            if self._transport is None or self._transport.is_closing():
                return
            self._has_spoken = True
            if not self.accepted or self._owner.driver.admits(self.flow):
                self._owner.received(message, self)

    @property
    def unfinished(self) -> int:
        """Octets received of a message that is not complete yet."""
        return self._framer.pending

    # Out.

    def send(self, data: bytes) -> None:
        """Write now, or when connected."""
        if not self._is_up:
            self._waiting.append(data)
            if sum(map(len, self._waiting)) > self._owner.limits.unsent_bytes:
                self.abort()
        elif self._transport is not None and not self._transport.is_closing():
            self._write(data)
            if self._transport.get_write_buffer_size() > self._owner.limits.unsent_bytes:
                self._cut_deaf()

    @property
    def _is_up(self) -> bool:
        return self._transport is not None

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def pause_writing(self) -> None:
        """The peer does not read: holding its data for ever would hold our memory."""
        if not self._owner.may_wait(self):
            self._cut_deaf()
        elif self._patience is None:
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(self._owner.limits.message_seconds, self._cut_deaf)

    def resume_writing(self) -> None:
        """It has read after all."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._owner.waits_no_more(self)

    def _cut_deaf(self) -> None:
        self._owner.report(self, "it does not read")
        self.abort()

    def _plan_ping(self) -> None:
        every = self._owner.limits.keep_alive
        if every:
            # RFC 5626 4.4.1: somewhat at random, so that a thousand connections do not ping as one.
            delay = every * (0.8 + 0.2 * secrets.randbelow(1000) / 1000)
            self._next_ping = asyncio.get_running_loop().call_later(delay, self._ping)

    def _ping(self) -> None:
        """Keep the way through firewalls open; a far end that has answered pings and does not any more is gone."""
        if self._owes_pong and self._ponged:
            log.warning("%s %s:%d does not answer pings any more, cut", self._owner.kind, *self.remote)
            self.abort()
            return
        self._owes_pong = True
        self.send(PING)
        self._plan_ping()

    # The end.

    def close(self) -> None:
        """Close once what was written is sent; a peer that does not take it is cut."""
        if self._transport is None:
            self._owner.lost(self)
        else:
            self._transport.close()
            self._rest(self._owner.limits.message_seconds)

    def abort(self) -> None:
        """Close without lingering."""
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Whatever still waited for this connection has failed."""
        for timer in (self._deadline, self._patience, self._next_ping):
            if timer is not None:
                timer.cancel()
        self._deadline = self._patience = self._next_ping = None
        self._owner.note_unfinished(self, -self._framer.pending)
        self._owner.waits_no_more(self)
        self._owner.lost(self)

    def _flow(self) -> Flow:
        owner = self._owner
        return Flow(owner.kind, owner.listener.local_towards(self.remote[0]), self.remote, self._number, self.peer)

    def _rest(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = asyncio.get_running_loop().call_later(seconds, self.abort)
