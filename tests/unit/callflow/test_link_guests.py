"""Guests with links: what a page is told, what its credential is good for, and who is sent away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from softswitch.callflow.link_guests import GUEST_TOKEN, LINK_TOKEN, GuestLimits, LinkRefused
from softswitch.contact_center.call_link import Refusal, Routing, Validity
from softswitch.contact_center.call_link_wish import Wish
from softswitch.dialplan.route import Dial, PhoneTarget
from softswitch.endpoints.tokens import TokenSigner
from softswitch.sip.message import Request, parse_message
from tests.support.call_links import NOW, Links, open_links

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from softswitch.callflow.link_guests import Credential, Visit
    from softswitch.contact_center.call_link import CallLink

HOME = "192.0.2.7"
DAY = 86_400.0


@pytest.fixture
async def links(tmp_path: Path) -> AsyncIterator[Links]:
    async with open_links(tmp_path / "links.db") as links:
        yield links


async def made(links: Links, **wish: Any) -> CallLink:
    return await links.links.make(Wish(**{"identity": "Anna", **wish}))


async def admitted(links: Links, link: CallLink, **how: Any) -> Credential:
    return await links.guests.admit(links.guests.token(link), HOME, how.pop("nonce", "n1"), **how)


def invite(user: str, extra: str = "") -> Request:
    text = (
        f"INVITE sip:{user}@pbx.example SIP/2.0\r\nVia: SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bK1\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:guest@pbx.example>;tag=a\r\nTo: <sip:{user}@pbx.example>\r\nCall-ID: c\r\n"
        f"CSeq: 1 INVITE\r\nContact: <sip:x@df7jal23ls0d.invalid;transport=ws>\r\n{extra}Content-Length: 0\r\n\r\n"
    )
    message = parse_message(text.encode())
    assert isinstance(message, Request)
    return message


def call(links: Links, credential: Credential, user: str | None = None, extra: str = "", source: str = HOME) -> Visit:
    claims = links.tokens.read(credential.token, GUEST_TOKEN)
    return links.guests.receive(invite(user or credential.target, extra), claims, source)


async def refusal_of(links: Links, token: str) -> Refusal:
    with pytest.raises(LinkRefused) as refused:
        await links.guests.admit(token, HOME, "n")
    return refused.value.refusal


async def test_a_link_leads_to_a_credential_and_that_to_a_call(links: Links) -> None:
    link = await made(links, identity="+4989123")

    credential = await admitted(links, link)
    visit = call(links, credential)

    assert (visit.called, visit.route) == ("support", None)
    assert str(visit.origin.party) == "<sip:+4989123@pbx.example>"
    assert credential.target not in ("support", "1001"), "a guest need not know whom it calls"
    assert credential.user.startswith(f"guest.{link.id}.")
    visit.answered()
    known = links.links.known(link.id)
    assert known is not None
    assert links.guests.judge(known) is Refusal.USED


@pytest.mark.parametrize(
    ("identity", "shown"),
    [
        ("0049891234", "<sip:+49891234@pbx.example>"),
        ("0891234", "<sip:+49891234@pbx.example>"),
        ("+33140000", "<sip:+33140000@pbx.example>"),
        ("Anna", '"Anna" <sip:Anna@pbx.example>'),
        ("Jürgen", '"Jürgen" <sip:J%C3%BCrgen@pbx.example>'),
        ("a=b/c.d", '"a=b/c.d" <sip:a=b/c.d@pbx.example>'),
    ],
)
async def test_the_identity_calls_and_a_number_is_one(links: Links, identity: str, shown: str) -> None:
    visit = call(links, await admitted(links, await made(links, identity=identity)))

    assert str(visit.origin.party) == shown
    assert not visit.origin.ours, "nobody has proven to own it"


async def test_the_sharing_agent_rings_whatever_the_rules_say(links: Links) -> None:
    link = await made(links, routing=Routing.ROUTE_TO_SHARING_AGENT, agent="1001")

    visit = call(links, await admitted(links, link))

    assert visit.route is not None
    assert visit.route.actions == (Dial((PhoneTarget("1001"),), ring_for=30.0, called="1001"),)
    assert visit.called == "1001"


@pytest.mark.parametrize(
    "user", ["support", "1001", "+49900123", "112", "link.link2", "", "LINK.link1", "link.link1;x=1"]
)
async def test_a_guest_may_call_nothing_else(links: Links, user: str, caplog: pytest.LogCaptureFixture) -> None:
    credential = await admitted(links, await made(links))
    await made(links)

    with pytest.raises(LinkRefused) as refused:
        call(links, credential, user or "nobody")

    assert refused.value.status == 403
    assert "tried to call somebody else" in caplog.text


async def test_a_guest_takes_nobodys_place(links: Links) -> None:
    credential = await admitted(links, await made(links))

    with pytest.raises(LinkRefused):
        call(links, credential, extra="Replaces: abc;to-tag=1;from-tag=2\r\n")


async def test_a_credential_is_asked_anew_at_each_call(links: Links) -> None:
    link = await made(links, validity=Validity.EXPIRATION)
    credential = await admitted(links, link)
    call(links, credential)
    await links.links.revoke(link.id)

    with pytest.raises(LinkRefused) as refused:
        call(links, credential)

    assert (refused.value.refusal, refused.value.status) == (Refusal.REVOKED, 403)


async def test_a_one_time_link_lets_one_guest_try_at_a_time(links: Links) -> None:
    link = await made(links)
    first, second = await admitted(links, link), await admitted(links, link, nonce="n2")
    assert first.user != second.user
    call(links, first)
    links.running[f"guest:{link.id}"] = 1

    with pytest.raises(LinkRefused) as refused:
        call(links, second)
    assert (refused.value.refusal, refused.value.status) == (Refusal.IN_USE, 486)
    assert await refusal_of(links, links.guests.token(link)) is Refusal.IN_USE
    links.running.clear()  # nobody answered
    call(links, second)


async def test_tokens_that_are_no_links(links: Links) -> None:
    link = await made(links)
    good = links.guests.token(link)
    head, claims, signature = good.split(".")
    elsewhere = TokenSigner("a key of somebody else", clock=links.clock)
    unknown = links.tokens.sign(LINK_TOKEN, {"sub": "no such link"}, ttl=DAY)
    credential = await admitted(links, link)
    bad = [
        "",
        "x",
        good[:-2],
        f"{head}.{claims}.{signature[::-1]}",
        f"{head}.{claims[:-4]}AAAA.{signature}",
        f"eyJhbGciOiJub25lIn0.{claims}.",
        elsewhere.sign(LINK_TOKEN, {"sub": link.id}, ttl=DAY),
        links.tokens.sign("sip", {"sub": link.id}, ttl=DAY),
        links.tokens.sign(LINK_TOKEN, {"id": link.id}, ttl=DAY),
        credential.token,
        unknown,
    ]

    for token in bad:
        assert await refusal_of(links, token) is Refusal.UNKNOWN, token
    await admitted(links, link)


async def test_a_credential_of_one_link_is_none_of_another(links: Links) -> None:
    mine, other = await made(links, validity=Validity.EXPIRATION), await made(links, validity=Validity.EXPIRATION)
    credential = await admitted(links, mine)

    with pytest.raises(LinkRefused):
        call(links, credential, f"link.{other.id}")


async def test_a_page_goes_on_with_its_credential_while_its_call_goes_on(links: Links) -> None:
    link = await made(links)
    credential = await admitted(links, link)
    call(links, credential).answered()
    links.running[f"guest:{link.id}"] = 1
    links.clock.now += 250

    renewed = await admitted(links, link, nonce="n9", renewed=credential.token)

    assert (renewed.user, renewed.target) == (credential.user, credential.target)
    with pytest.raises(LinkRefused):  # which is no second call
        call(links, renewed)
    links.running.clear()
    with pytest.raises(LinkRefused):
        await admitted(links, link, renewed=renewed.token)


async def test_a_credential_renews_no_other_link(links: Links) -> None:
    link, other = await made(links), await made(links)
    credential = await admitted(links, other)
    links.running |= {f"guest:{link.id}": 1, f"guest:{other.id}": 1}

    with pytest.raises(LinkRefused) as refused:
        await admitted(links, link, renewed=credential.token)
    assert refused.value.refusal is Refusal.IN_USE


async def test_a_link_that_is_over_says_so_for_a_while(links: Links) -> None:
    link = await made(links)
    token = links.guests.token(link)
    links.clock.now = NOW + DAY

    assert await refusal_of(links, token) is Refusal.EXPIRED


async def test_attempts_are_counted_by_link_and_by_address(tmp_path: Path) -> None:
    limits = GuestLimits(attempts=4)
    async with open_links(tmp_path / "links.db", limits=limits) as links:
        link, other = await made(links), await made(links)
        token = links.guests.token(link)
        for number in range(4):
            await links.guests.look(token, f"192.0.2.{number}")
        assert await refusal_of(links, token) is Refusal.TOO_MANY_ATTEMPTS
        for _ in range(3):
            assert await refusal_of(links, "guessed") is Refusal.UNKNOWN
        assert await refusal_of(links, "guessed") is Refusal.TOO_MANY_ATTEMPTS
        assert await refusal_of(links, links.guests.token(other)) is Refusal.TOO_MANY_ATTEMPTS
        links.clock.now += 60
        await admitted(links, link)


async def test_too_many_attempts_to_call_are_told_as_such(tmp_path: Path) -> None:
    async with open_links(tmp_path / "links.db", limits=GuestLimits(attempts=3)) as links:
        link = await made(links, validity=Validity.EXPIRATION)
        credential = await admitted(links, link)
        call(links, credential)
        call(links, credential)

        with pytest.raises(LinkRefused) as refused:
            call(links, credential)

        assert refused.value.status == 503


async def test_another_nodes_link_can_be_called_once_a_page_has_asked(links: Links, tmp_path: Path) -> None:
    async with open_links(tmp_path / "links.db") as there:
        link = await made(there)
        credential = await admitted(there, link)

    with pytest.raises(LinkRefused):
        call(links, credential)
    await links.guests.look(links.guests.token(link), HOME)
    call(links, credential)
