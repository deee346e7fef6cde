"""SIP over WebSocket: who may connect, what a frame may be, and connections that hold on to what they got (S14)."""

from __future__ import annotations

import asyncio
import random
import struct

import aiohttp
import pytest
from aiohttp import WSMsgType

from softswitch.sip.events import RequestCompleted
from softswitch.sip.headers import NameAddr
from softswitch.sip.uri import Uri
from softswitch.transport.websocket_connection import REPLACED, WebSocketLimits
from tests.support.loopback import HOST, PATIENCE, options, until
from tests.support.web_socket_stage import WebSocketStage, web_sockets

OPTIONS = ("page.invalid", 5060)
HASTY = WebSocketLimits(ping=0.05, introduce_seconds=60.0)


async def hear(socket: aiohttp.ClientWebSocketResponse) -> bytes:
    """The next message of SIP, or keep-alive."""
    async with asyncio.timeout(PATIENCE):
        while True:
            message = await socket.receive()
            if message.type == WSMsgType.TEXT:
                return str(message.data).encode()
            if message.type == WSMsgType.BINARY:
                return bytes(message.data)
            assert message.type in (WSMsgType.PING, WSMsgType.PONG), message
            if message.type == WSMsgType.PING:
                await socket.pong(message.data)


async def closed_with(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """The code it is closed with."""
    async with asyncio.timeout(PATIENCE):
        while not socket.closed:
            await socket.receive()
    return socket.close_code


def over_web_socket(body: bytes = b"", headers: str = "") -> str:
    return options(OPTIONS, transport="WS", body=body, headers=headers).decode()


async def test_a_fault_of_ours_is_told_and_ends_its_connection_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ArithmeticError("a fault of ours")

    async with web_sockets() as stage:
        other, socket = await stage.connect(), await stage.connect()
        monkeypatch.setattr(stage.near, "received", fail)  # who traces messages
        await socket.send_str(over_web_socket())
        assert await closed_with(socket) == 1006
        await other.send_str("\r\n\r\n")
        assert await hear(other) == b"\r\n"
    [record] = [each for each in caplog.records if each.exc_info and each.name == "softswitch.transport.websocket"]
    assert record.getMessage().startswith(f"WS {HOST}:")


# Who may connect.


@pytest.mark.parametrize("offered", [(), ("msrp",), ("sips", "xmpp")])
async def test_another_subprotocol_is_refused(offered: tuple[str, ...]) -> None:
    """RFC 7118 4.1: the client must ask for `sip`."""
    async with web_sockets() as stage:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await stage.connect(protocols=offered)
        assert refused.value.status == 400


async def test_the_subprotocol_is_agreed() -> None:
    async with web_sockets() as stage:
        socket = await stage.connect(protocols=("msrp", "sip"))
        assert socket.protocol == "sip"


async def origin_is_let_in(stage: WebSocketStage, origin: str) -> bool:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Origin": origin}
    headers |= {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol": "sip"}
    async with stage.http.get(stage.url.replace("ws:", "http:"), headers=headers) as answer:
        assert answer.status in (101, 403)
        return answer.status == 101


async def test_pages_of_this_server_alone_may_connect() -> None:
    async with web_sockets() as stage:
        own = stage.url.removeprefix("ws").removesuffix("/sip")
        assert await origin_is_let_in(stage, f"http{own}")
        assert await origin_is_let_in(stage, f"https{own}")  # a proxy in front has the certificate
        for foreign in ("https://evil.example", f"http{own}.evil.example", "null", f"ftp{own}", ""):
            assert not await origin_is_let_in(stage, foreign)


async def test_pages_that_are_named_may_connect() -> None:
    async with web_sockets(origins=frozenset({"https://desk.example"})) as stage:
        assert await origin_is_let_in(stage, "https://Desk.example")
        assert not await origin_is_let_in(stage, "https://desk.example:444")
    async with web_sockets(origins=frozenset({"*"})) as stage:
        assert await origin_is_let_in(stage, "https://any.example")


async def test_connections_of_one_source_and_of_all_are_bounded() -> None:
    for limits in (WebSocketLimits(per_source=2), WebSocketLimits(connections=2)):
        async with web_sockets(limits) as stage:
            held = [await stage.connect() for _ in range(2)]
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await stage.connect()
            assert refused.value.status == 503
            await held[0].close()
            await until(lambda stage=stage: stage.carrier.open_connections == 1)  # type: ignore[misc]
            await stage.connect()


async def test_the_strangers_of_a_household_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softswitch.transport.websocket.STRANGERS_PER_SOURCE", 2)
    async with web_sockets() as stage:
        for address in ("2001:db8:0:7::1", "2001:db8:0:7::2"):
            await stage.connect(headers={"X-Forwarded-For": address})
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await stage.connect(headers={"X-Forwarded-For": "2001:db8:0:7:ffff::3"})
        assert refused.value.status == 503
        await stage.connect(headers={"X-Forwarded-For": "2001:db8:0:8::1"})


async def test_a_stranger_is_given_time_and_no_more() -> None:
    async with web_sockets(WebSocketLimits(introduce_seconds=0.1)) as stage:
        assert await closed_with(await stage.connect()) == 1008


async def test_many_strangers_cost_the_oldest_its_place() -> None:
    async with web_sockets(WebSocketLimits(strangers=2)) as stage:
        sockets = [await stage.connect() for _ in range(3)]
        assert await closed_with(sockets[0]) == 1013
        await sockets[2].send_str(over_web_socket())
        assert (await hear(sockets[2])).startswith(b"SIP/2.0 200 ")


# What a frame may be.


@pytest.mark.parametrize("binary", [False, True])
async def test_a_message_a_frame_text_or_binary(binary: bool) -> None:
    async with web_sockets() as stage:
        socket = await stage.connect()
        for _ in range(3):
            request = over_web_socket(body=b"12345")
            await (socket.send_bytes(request.encode()) if binary else socket.send_str(request))
            answer = await hear(socket)
            assert answer.startswith(b"SIP/2.0 200 ")
            assert b"Via: SIP/2.0/WS page.invalid:5060" in answer
        flow = stage.near.flows[0]
        assert flow.transport == "WS"
        assert flow.local == (stage.carrier.listener.address, stage.carrier.listener.port)
        assert {each.connection for each in stage.near.flows} == {flow.connection}


async def test_a_message_in_fragments() -> None:
    """RFC 6455 5.4: the frame of RFC 7118 is the message, however it was cut."""
    async with web_sockets() as stage:
        socket = await stage.connect()
        writer = socket._writer
        octets = over_web_socket().encode()
        for at in range(0, len(octets), 50):
            last = at + 50 >= len(octets)
            head = struct.pack("!BB", (0x80 if last else 0) | (0 if at else 1), 0x80 | len(octets[at : at + 50]))
            writer.transport.write(head + bytes(4) + octets[at : at + 50])
        assert (await hear(socket)).startswith(b"SIP/2.0 200 ")


async def test_what_is_no_utf8_goes_in_binary_frames() -> None:
    async with web_sockets() as stage:
        socket = await stage.connect()
        await socket.send_bytes(
            options(OPTIONS, transport="WS", headers="").replace(b"<sip:peer@", b'"\xff" <sip:peer@')
        )
        async with asyncio.timeout(PATIENCE):
            message = await socket.receive()
        assert message.type == WSMsgType.BINARY
        assert b'"\xff"' in message.data


async def test_keep_alives_are_answered_and_count_as_no_message() -> None:
    async with web_sockets() as stage:
        socket = await stage.connect()
        await socket.send_str("\r\n\r\n")
        assert await hear(socket) == b"\r\n"
        await socket.send_str("\r\n")
        await socket.send_str("")
        await socket.send_str(over_web_socket())
        assert (await hear(socket)).startswith(b"SIP/2.0 200 ")
        await socket.ping(b"there?")
        async with asyncio.timeout(PATIENCE):
            message = await socket.receive()
        assert (message.type, message.data) == (WSMsgType.PONG, b"there?")
        assert len(stage.near.flows) == 1


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (struct.pack("!BBQ", 0x81, 0xFF, 65_537), 1009),
        (struct.pack("!BBQ", 0x82, 0xFF, 1 << 62), 1009),
        (struct.pack("!BB4s2s", 0x81, 0x82, bytes(4), b"\xff\xff"), 1007),
        (struct.pack("!BB4s", 0xF1, 0x80, bytes(4)), 1002),  # reserved bits
        (struct.pack("!BB4s", 0xC1, 0x80, bytes(4)), 1002),  # compression nobody agreed on
        (struct.pack("!BB4s", 0x83, 0x80, bytes(4)), 1002),  # an opcode that does not exist
        (struct.pack("!BB4s", 0x09, 0x80, bytes(4)), 1002),  # a ping in fragments
        (struct.pack("!BBH", 0x89, 0xFE, 126), 1002),  # a ping too long
        (struct.pack("!BB4s", 0x80, 0x80, bytes(4)), 1002),  # the end of nothing
        (struct.pack("!BB4sBB4s", 0x01, 0x80, bytes(4), 0x01, 0x80, bytes(4)), 1002),  # a beginning within
    ],
)
async def test_frames_that_are_none_are_closed_with_their_code(frame: bytes, code: int) -> None:
    async with web_sockets() as stage:
        socket = await stage.connect()
        socket._writer.transport.write(frame)
        assert await closed_with(socket) == code


async def test_a_message_in_too_many_pieces_is_too_large_as_well() -> None:
    async with web_sockets() as stage:
        socket = await stage.connect()
        head = struct.pack("!BBH4s", 0x01, 0xFE, 40_000, bytes(4))
        socket._writer.transport.write(head + bytes(40_000) + b"\x00" + head[1:] + bytes(40_000))
        assert await closed_with(socket) == 1009


async def test_rubbish_is_survived() -> None:
    """Random frames and random octets: each connection ends or goes on, and the next one is served."""
    dice = random.Random(14)
    async with web_sockets() as stage:
        for _ in range(60):
            socket = await stage.connect()
            for _ in range(dice.randrange(1, 6)):
                match dice.randrange(4):
                    case 0:
                        socket._writer.transport.write(dice.randbytes(dice.randrange(1, 200)))
                    case 1:
                        await socket.send_bytes(dice.randbytes(dice.randrange(0, 2000)))
                    case 2:
                        request = bytearray(over_web_socket().encode())
                        for _ in range(dice.randrange(1, 8)):
                            request[dice.randrange(len(request))] = dice.randrange(256)
                        await socket.send_bytes(bytes(request))
                    case _:
                        await socket.send_str(over_web_socket()[: dice.randrange(1, 200)])
            assert socket._response.connection is not None
            assert socket._response.connection.transport is not None
            socket._response.connection.transport.abort()
        socket = await stage.connect()
        await socket.send_str(over_web_socket())
        assert (await hear(socket)).startswith(b"SIP/2.0 200 ")
        await until(lambda: stage.carrier.open_connections == 1)


# Connections that hold on.


async def test_who_answers_no_ping_is_closed() -> None:
    async with web_sockets(HASTY) as stage:
        socket = await stage.connect()
        assert await closed_with(socket) == 1011  # it reads pings, and answers none


async def test_who_answers_pings_stays() -> None:
    async with web_sockets(WebSocketLimits(ping=1.0)) as stage:
        socket = await stage.connect()
        for _ in range(2):
            async with asyncio.timeout(PATIENCE):
                message = await socket.receive()
            assert message.type == WSMsgType.PING
            await socket.pong(message.data)
        assert stage.carrier.open_connections == 1


async def test_who_does_not_read_is_cut() -> None:
    """What waits for one peer is bounded, and ends with it."""
    async with web_sockets(WebSocketLimits(unsent_octets=65_536)) as stage:
        socket = await stage.connect()
        await socket.send_str(over_web_socket())
        await hear(socket)
        flow = stage.near.flows[0]
        assert socket._response.connection is not None
        transport = socket._response.connection.transport
        assert transport is not None
        transport.pause_reading()
        for _ in range(1000):
            stage.carrier.send(flow, bytes(16_384))
            await asyncio.sleep(0)
            if not stage.carrier.open_connections:
                break
        await until(lambda: not stage.carrier.open_connections)
        assert stage.near.lost == [flow]
        transport.resume_reading()


async def test_a_server_that_stops_says_so() -> None:
    async with web_sockets() as stage:
        socket = await stage.connect()
        closing = asyncio.ensure_future(stage.carrier.close())
        assert await closed_with(socket) == 1001
        await closing
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await stage.connect()
        assert refused.value.status == 503


# Those who come back.


async def introduced(
    stage: WebSocketStage, user: str = "alice", instance: str = "<urn:uuid:1>"
) -> aiohttp.ClientWebSocketResponse:
    """A connection whose far end has proven who it is."""
    socket = await stage.connect()
    await socket.send_str(over_web_socket())
    await hear(socket)
    stage.carrier.introduce(stage.near.flows[-1], user, instance)
    return socket


def abort(socket: aiohttp.ClientWebSocketResponse) -> None:
    assert socket._response.connection is not None
    assert socket._response.connection.transport is not None
    socket._response.connection.transport.abort()


async def test_what_is_sent_meanwhile_arrives_over_the_next_connection() -> None:
    async with web_sockets() as stage:
        abort(await introduced(stage))
        flow = stage.near.flows[0]
        await until(lambda: stage.near.away == [flow])
        stage.carrier.send(flow, b"one")
        stage.carrier.send(flow, b"two")
        socket = await introduced(stage)
        assert [await hear(socket), await hear(socket)] == [b"one", b"two"]
        assert stage.near.lost == [flow]  # no call goes on over it: it is not kept


async def test_somebody_else_gets_nothing_of_it() -> None:
    async with web_sockets() as stage:
        abort(await introduced(stage))
        flow = stage.near.flows[0]
        await until(lambda: stage.near.away == [flow])
        stage.carrier.send(flow, b"secret")
        others = [await introduced(stage, "bob"), await introduced(stage, "alice", "<urn:uuid:2>")]
        for socket in others:
            await socket.send_str(over_web_socket())
            assert (await hear(socket)).startswith(b"SIP/2.0 200 ")
        assert not stage.near.lost


async def test_who_stays_away_is_given_up() -> None:
    async with web_sockets(WebSocketLimits(reconnect=0.2)) as stage:
        abort(await introduced(stage))
        flow = stage.near.flows[0]
        await until(lambda: stage.near.lost == [flow])
        assert stage.near.away == [flow]


async def test_a_page_that_is_left_is_not_waited_for() -> None:
    async with web_sockets() as stage:
        socket = await introduced(stage)
        await socket.close(code=1001)
        await until(lambda: stage.near.lost == stage.near.flows)
        assert not stage.near.away


async def test_the_same_instance_twice_has_one_connection() -> None:
    async with web_sockets() as stage:
        first = await introduced(stage)
        second = await introduced(stage)
        assert await closed_with(first) == REPLACED
        await second.send_str(over_web_socket())
        assert (await hear(second)).startswith(b"SIP/2.0 200 ")


async def test_too_much_that_waits_has_failed() -> None:
    async with web_sockets(WebSocketLimits(unsent_octets=1000)) as stage:
        abort(await introduced(stage))
        flow = stage.near.flows[0]
        await until(lambda: stage.near.away == [flow])
        with stage.near.driver.turn() as stack:
            for _ in range(3):
                stack.request(
                    "OPTIONS",
                    uri=Uri("sip", None, "page.invalid"),
                    from_=NameAddr("", Uri("sip", "us", HOST)),
                    to=NameAddr("", Uri("sip", "alice", HOST)),
                    flow=flow,
                    now=stage.near.driver.now(),
                    body=bytes(300),
                )
        await until(lambda: any(isinstance(event, RequestCompleted) for event in stage.near.events))
