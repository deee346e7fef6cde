"""Any input in any state: the row's move, or nothing at all; and whatever the sequence, timers end it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sip.message import Request, Response, parse_message
from softswitch.sip.outgoing import Outgoing, via_for
from softswitch.sip.timers import Timers
from softswitch.sip.transaction import invite_client, invite_server, non_invite_client, non_invite_server
from softswitch.sip.transaction.layer import Failure, TransactionLayer
from tests.support.stage import TCP, UDP

if TYPE_CHECKING:
    from softswitch.sip.flow import Flow

MODULES = (invite_client, invite_server, non_invite_client, non_invite_server)
Transaction = (
    invite_client.InviteClient
    | invite_server.InviteServer
    | non_invite_client.NonInviteClient
    | non_invite_server.NonInviteServer
)


@dataclass
class User:
    """Keeps what it was told."""

    told: list[object] = field(default_factory=list)

    def on_response(self, response: Response, now: float) -> None:
        self.told.append(response.status)

    def on_failure(self, failure: Failure, now: float) -> None:
        self.told.append(failure)

    def on_ack(self, request: Request, now: float) -> None:
        self.told.append("ACK")

    def on_transport_failed(self, now: float) -> None:
        self.told.append("transport")


def make(module: object, flow: Flow) -> tuple[Transaction, TransactionLayer, User]:
    layer, user = TransactionLayer(Timers()), User()
    method = "INVITE" if module in (invite_client, invite_server) else "OPTIONS"
    branch = "z9hG4bKx"
    outgoing = Outgoing(
        method, "sip:b@c", branch, via_for(flow, branch), "<sip:a@b>;tag=1", "<sip:b@c>", "call", 1, "", "", ""
    )
    if module is invite_client:
        return invite_client.InviteClient(layer, user, outgoing, flow, 0.0), layer, user
    if module is non_invite_client:
        return non_invite_client.NonInviteClient(layer, user, outgoing, flow, 0.0), layer, user
    if module is invite_server:
        return invite_server.InviteServer(layer, user, "key", "merge", flow, "tag"), layer, user
    return non_invite_server.NonInviteServer(layer, "key", "merge", flow, 0.0), layer, user


def request(method: str) -> Request:
    message = parse_message(
        f"{method} sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\n"
        f"Call-ID: call\r\nCSeq: 1 {method}\r\n\r\n".encode()
    )
    assert isinstance(message, Request)
    return message


INVITE, ACK, OPTIONS = request("INVITE"), request("ACK"), request("OPTIONS")


def feed(transaction: Transaction, what: str, now: float) -> None:
    """One input by its name in the module's Input, the way the stack delivers it."""
    if what.startswith("TIMER"):
        kinds = {
            invite_client.InviteClient: invite_client.Input,
            invite_server.InviteServer: invite_server.Input,
            non_invite_client.NonInviteClient: non_invite_client.Input,
            non_invite_server.NonInviteServer: non_invite_server.Input,
        }
        transaction.on_timer(kinds[type(transaction)][what], now)
    elif what == "TRANSPORT_ERROR":
        transaction.transport_failed(now)
    elif isinstance(transaction, (invite_server.InviteServer, non_invite_server.NonInviteServer)):
        if what.startswith("SEND"):
            status = {"SEND_1XX": 180, "SEND_2XX": 200, "SEND_300_699": 486, "SEND_FINAL": 200}[what]
            transaction.respond(status, b"SIP/2.0 %d x\r\n\r\n" % status, now)
        else:
            transaction.receive({"INVITE": INVITE, "ACK": ACK, "REQUEST": OPTIONS}[what], now)
    else:
        status = {"RESPONSE_1XX": 180, "RESPONSE_2XX": 200, "RESPONSE_300_699": 486, "RESPONSE_FINAL": 404}[what]
        transaction.receive(INVITE.response(status, to_tag="t"), now)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
@given(data=st.data())
def test_any_sequence_follows_the_table_and_ends(module: object, data: st.DataObject) -> None:
    flow = data.draw(st.sampled_from((UDP, TCP)))
    transaction, layer, user = make(module, flow)
    now = 0.0
    for what in data.draw(st.lists(st.sampled_from(module.Input), max_size=12)):  # type: ignore[attr-defined]
        now += data.draw(st.sampled_from((0.0, 0.3, 4.0)))
        before, sent, told = transaction.state, len(layer.outbox), len(user.told)
        feed(transaction, what.name, now)
        row = module.TABLE.get((before, what))  # type: ignore[attr-defined]
        if row is None:
            assert (before, what) in module.IGNORED  # type: ignore[attr-defined]
            assert (transaction.state, len(layer.outbox), len(user.told)) == (before, sent, told)
        elif flow is UDP:
            assert transaction.state == row[0]
        else:
            # Over reliable transports D, I, J and K are zero: the state they would end is left at once.
            assert transaction.state in (row[0], module.State.TERMINATED)  # type: ignore[attr-defined]
    if module is invite_client and isinstance(transaction, invite_client.InviteClient):
        transaction.expect_end(now)
    elif module is invite_server:
        feed(transaction, "SEND_300_699", now)
    while (due := layer.timers.next()) is not None:
        layer.timers.fire_due(due)
    assert not layer.clients
    assert not layer.lingering_clients
    assert not layer.servers
    assert not layer.lingering_servers
    assert not layer.merge_keys
