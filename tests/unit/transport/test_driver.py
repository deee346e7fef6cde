"""The turn: nothing that was wanted is left unsent, nothing that happened is left untold, one fault stays one fault."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from softswitch.sip.events import RequestCompleted, RequestReceived
from softswitch.sip.flow import Flow
from softswitch.sip.headers import NameAddr
from softswitch.sip.uri import Uri
from softswitch.transport.listener import Listener
from tests.support.loopback import Answerer, options, until
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from softswitch.sip.events import Event

HERE = ("192.0.2.1", 5060)
THERE = ("198.51.100.7", 5060)
FLOW = Flow("UDP", HERE, THERE)
SOMEBODY = NameAddr("", Uri("sip", "somebody", THERE[0]))


class Notebook:
    """A transport that keeps what it is given; `broken` is what it raises instead."""

    def __init__(self) -> None:
        self.sent: list[tuple[Flow, bytes]] = []
        self.broken: Exception | None = None
        self.closed = False

    def send(self, flow: Flow, data: bytes) -> None:
        """Keep it."""
        if self.broken is not None:
            raise self.broken
        self.sent.append((flow, data))

    async def close(self) -> None:
        """Note it."""
        self.closed = True


def attached(near: Answerer, listener: Listener | None = None) -> Notebook:
    """A notebook as the near side's carrier."""
    notebook = Notebook()
    near.driver.attach(listener or Listener("UDP", *HERE), notebook)
    return notebook


def ask(near: Answerer, flow: Flow = FLOW) -> None:
    """An OPTIONS of ours."""
    with near.driver.turn() as stack:
        stack.request("OPTIONS", uri=SOMEBODY.uri, from_=SOMEBODY, to=SOMEBODY, flow=flow, now=near.driver.now())


async def test_leaving_the_turn_sends_what_the_stack_wants_sent() -> None:
    near = Answerer()
    notebook = attached(near)
    with near.driver.turn() as stack:
        stack.request("OPTIONS", uri=SOMEBODY.uri, from_=SOMEBODY, to=SOMEBODY, flow=FLOW, now=near.driver.now())
        assert not notebook.sent
    assert [flow for flow, _ in notebook.sent] == [FLOW]


async def test_nested_turns_are_one() -> None:
    near = Answerer()
    notebook = attached(near)
    with near.driver.turn():
        ask(near)
        assert not notebook.sent
    assert len(notebook.sent) == 1


async def test_an_exception_inside_a_turn_does_not_keep_back_what_was_wanted_before_it() -> None:
    near = Answerer()
    notebook = attached(near)
    with pytest.raises(RuntimeError, match="mine"), near.driver.turn():  # noqa: PT012
        ask(near)
        raise RuntimeError("mine")
    assert len(notebook.sent) == 1
    ask(near)
    assert len(notebook.sent) == 2, "the next turn is an outermost one again"


async def test_what_a_dispatched_event_asks_for_goes_out_in_the_same_turn() -> None:
    near = Answerer()
    notebook = attached(near)
    near.driver.received(options(THERE), FLOW)
    assert [data[:12] for _, data in notebook.sent] == [b"SIP/2.0 200 "]


async def test_a_fault_in_one_event_does_not_stop_the_next(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Event] = []

    def dispatch(event: Event) -> None:
        seen.append(event)
        if len(seen) == 1:
            raise ValueError("first only")

    near = Answerer(dispatch)
    attached(near)
    near.driver.received(options(THERE), FLOW)
    near.driver.received(options(THERE), FLOW)
    assert [type(event) for event in seen] == [RequestReceived, RequestReceived]
    assert "an event was not handled: RequestReceived" in caplog.text


async def test_a_fault_of_the_carrier_fails_that_message_and_no_other() -> None:
    near = Answerer()
    notebook = attached(near)
    notebook.broken = ValueError("no such thing")
    ask(near)
    notebook.broken = None
    ask(near, Flow("UDP", HERE, ("198.51.100.8", 5060)))
    assert [flow.remote[0] for flow, _ in notebook.sent] == ["198.51.100.8"]
    await until(lambda: bool(near.events))
    assert [event.response for event in near.events if isinstance(event, RequestCompleted)] == [None]


async def test_no_listener_to_send_from_is_a_failure_not_a_silence(caplog: pytest.LogCaptureFixture) -> None:
    near = Answerer()
    attached(near)
    with caplog.at_level(logging.ERROR):
        ask(near, Flow("TCP", HERE, THERE))
    await until(lambda: bool(near.events))
    assert isinstance(near.events[0], RequestCompleted)
    assert "no TCP listener at 192.0.2.1:5060" in caplog.text


@pytest.mark.parametrize(
    ("local", "remote", "expected"),
    [
        (("192.0.2.1", 5060), "198.51.100.7", "specific"),
        (("192.0.2.2", 5070), "198.51.100.7", "wildcard"),
        (("2001:db8::1", 5070), "2001:db8::7", "wildcard six"),
        (("sip.example.net", 5080), "198.51.100.7", "advertised"),
        (("sip.example.net", 5080), "2001:db8::7", "advertised six"),
    ],
)
async def test_each_flow_finds_the_socket_it_starts_from(local: tuple[str, int], remote: str, expected: str) -> None:
    near = Answerer()
    notebooks = {
        "specific": attached(near, Listener("UDP", "192.0.2.1", 5060)),
        "wildcard": attached(near, Listener("UDP", "0.0.0.0", 5070)),
        "wildcard six": attached(near, Listener("UDP", "::", 5070)),
        "advertised": attached(near, Listener("UDP", "192.0.2.1", 5080, "sip.example.net")),
        "advertised six": attached(near, Listener("UDP", "2001:db8::1", 5080, "sip.example.net")),
    }
    ask(near, Flow("UDP", local, (remote, 5060)))
    assert [name for name, notebook in notebooks.items() if notebook.sent] == [expected]
    await near.driver.close()
    assert all(notebook.closed for notebook in notebooks.values())


def test_timers_fire_without_anybody_touching_the_driver() -> None:
    async def story() -> None:
        near = Answerer()
        notebook = attached(near)
        ask(near)
        await asyncio.sleep(40)
        assert len(notebook.sent) == 11, "timer E: 500 ms, doubling to 4 s, for 32 s"
        assert isinstance(near.events[-1], RequestCompleted)
        assert near.stack.next_timer() is None

    run_virtual(story)


def test_an_earlier_timer_overtakes_a_later_one() -> None:
    async def story() -> None:
        near = Answerer()
        notebook = attached(near)
        ask(near)
        await asyncio.sleep(20)
        before = len(notebook.sent)
        ask(near, Flow("UDP", HERE, ("198.51.100.8", 5060)))
        await asyncio.sleep(0.6)
        assert [flow.remote[0] for flow, _ in notebook.sent[before:]] == ["198.51.100.8"] * 2

    run_virtual(story)


def test_a_closed_driver_is_quiet() -> None:
    async def story() -> None:
        near = Answerer()
        notebook = attached(near)
        ask(near)
        await near.driver.close()
        await asyncio.sleep(100)
        assert len(notebook.sent) == 1
        assert notebook.closed

    run_virtual(story)


async def test_a_lost_connection_is_told_to_admission_and_stack() -> None:
    near = Answerer()
    attached(near, Listener("TCP", *HERE))
    flow = Flow("TCP", HERE, THERE, 3)
    ask(near, flow)
    near.driver.connection_lost(flow)
    assert near.lost == [flow]
    assert isinstance(near.events[-1], RequestCompleted)
    assert near.events[-1].response is None
