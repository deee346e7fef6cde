"""Every machine says of every (state, input) what happens, or why nothing does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from softswitch.sip.registration import state as registration_state
from softswitch.sip.registration import table as registration_table
from softswitch.sip.session import prack, referral, refresh, reinvite, reliable, state, table, transfer
from softswitch.sip.transaction import invite_client, invite_server, non_invite_client, non_invite_server

if TYPE_CHECKING:
    from types import ModuleType

TRANSACTIONS = [invite_client, invite_server, non_invite_client, non_invite_server]
SESSIONS = [reinvite, reliable, prack, refresh, referral, transfer]
MACHINES = [
    *((module, module, module) for module in [*TRANSACTIONS, *SESSIONS]),
    (table, state, table),
    (registration_table, registration_state, registration_table),
]
SECOND_BEGINNINGS = {state.__name__: [state.State.INCOMING], prack.__name__: [prack.State.WANTING]}
NAMES = [".".join(machine[0].__name__.split(".")[-2:]) for machine in MACHINES]


@pytest.mark.parametrize(("rows", "words", "ignored"), MACHINES, ids=NAMES)
def test_every_pair_is_a_row_or_ignored_with_a_reason(rows: ModuleType, words: ModuleType, ignored: ModuleType) -> None:
    pairs = {(one, what) for one in words.State for what in words.Input}
    missing = pairs - set(rows.TABLE) - set(ignored.IGNORED)
    assert not missing
    assert not set(rows.TABLE) & set(ignored.IGNORED)
    assert set(rows.TABLE) | set(ignored.IGNORED) == pairs
    assert all(len(reason) > 10 for reason in ignored.IGNORED.values())


@pytest.mark.parametrize(("rows", "words", "ignored"), MACHINES, ids=NAMES)
def test_every_state_can_be_reached_and_left_but_the_last(
    rows: ModuleType, words: ModuleType, ignored: ModuleType
) -> None:
    beginnings = {words.State(1), *SECOND_BEGINNINGS.get(words.__name__, ())}
    reached = set(beginnings)
    while True:
        more = {after for (before, _), (after, _) in rows.TABLE.items() if before in reached} - reached
        if not more:
            break
        reached |= more
    assert reached == set(words.State)
    leaving = {before for (before, _), (after, _) in rows.TABLE.items() if after != before}
    endings = set(words.State) - leaving
    assert endings <= {words.State(len(words.State))}


@pytest.mark.parametrize("module", TRANSACTIONS, ids=[module.__name__.rpartition(".")[2] for module in TRANSACTIONS])
def test_a_terminated_transaction_stays_so(module: ModuleType) -> None:
    assert not [pair for pair in module.TABLE if pair[0] == module.State.TERMINATED]
