"""Guests with links: what a page is told, what its credential is good for, and who is sent away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from softswitch.callflow.guests import GuestCall
from softswitch.callflow.link_guests import LINK_TOKEN, GuestLimits, LinkRefused
from softswitch.contact_center.call_link import Kind, Refusal, Routing, Validity
from softswitch.contact_center.call_link_wish import Wish
from softswitch.dialplan.route import Dial, PhoneTarget
from softswitch.endpoints.authentication import GUEST_TOKEN, Refused
from softswitch.endpoints.tokens import TokenSigner
from softswitch.sip.message import Request, parse_message
from tests.support.call_links import NOW, Links, open_links

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from softswitch.callflow.link_guests import Credential
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


def asked(links: Links, credential: Credential, user: str | None = None, extra: str = "") -> GuestCall | Refused:
    claims = links.tokens.read(credential.token, GUEST_TOKEN)
    return links.guests.call(claims, invite(user or credential.target, extra), HOME)


def call(links: Links, credential: Credential) -> GuestCall:
    found = asked(links, credential)
    assert isinstance(found, GuestCall), found
    return found


def refused(links: Links, credential: Credential, user: str | None = None, extra: str = "") -> tuple[int, str | None]:
    found = asked(links, credential, user, extra)
    assert isinstance(found, Refused), found
    return found.status, found.reason


async def refusal_of(links: Links, token: str) -> Refusal:
    with pytest.raises(LinkRefused) as sent_away:
        await links.guests.admit(token, HOME, "n")
    return sent_away.value.refusal


async def test_a_link_leads_to_a_credential_and_that_to_a_call(links: Links) -> None:
    link = await made(links, identity="+4989123")

    credential = await admitted(links, link)
    found = call(links, credential)

    assert (found.called, found.route) == ("support", None)
    assert str(found.origin.party) == "<sip:+4989123@pbx.example>"
    assert credential.target not in ("support", "1001"), "a guest need not know whom it calls"
    assert credential.user.startswith(f"guest.{link.id}.")
    found.answered()
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
    found = call(links, await admitted(links, await made(links, identity=identity)))

    assert str(found.origin.party) == shown
    assert not found.origin.ours, "nobody has proven to own it"


@pytest.mark.parametrize("kind", list(Kind))
async def test_a_link_for_voices_has_no_pictures(links: Links, kind: Kind) -> None:
    terms = call(links, await admitted(links, await made(links, kind=kind))).terms

    assert terms.web is not None
    assert terms.web.video == (kind is Kind.VIDEO)


async def test_the_sharing_agent_rings_whatever_the_rules_say(links: Links) -> None:
    link = await made(links, routing=Routing.ROUTE_TO_SHARING_AGENT, agent="1001")

    found = call(links, await admitted(links, link))

    assert found.route is not None
    assert found.route.actions == (Dial((PhoneTarget("1001"),), ring_for=30.0, called="1001"),)
    assert found.called == "1001"


@pytest.mark.parametrize(
    "user", ["support", "1001", "+49900123", "112", "link.link2", "", "LINK.link1", "link.link1;x=1"]
)
async def test_a_guest_may_call_nothing_else(links: Links, user: str, caplog: pytest.LogCaptureFixture) -> None:
    credential = await admitted(links, await made(links))
    await made(links)

    assert refused(links, credential, user or "nobody") == (403, Refusal.UNKNOWN.text)
    assert "tried to call somebody else" in caplog.text


async def test_a_guest_takes_nobodys_place(links: Links) -> None:
    credential = await admitted(links, await made(links))

    assert refused(links, credential, extra="Replaces: abc;to-tag=1;from-tag=2\r\n")[0] == 403


async def test_a_credential_is_asked_anew_at_each_call(links: Links) -> None:
    link = await made(links, validity=Validity.EXPIRATION)
    credential = await admitted(links, link)
    call(links, credential)
    await links.links.revoke(link.id)

    assert refused(links, credential) == (403, Refusal.REVOKED.text)


async def test_a_one_time_link_lets_one_guest_try_at_a_time(links: Links) -> None:
    link = await made(links)
    first, second = await admitted(links, link), await admitted(links, link, nonce="n2")
    assert first.user != second.user
    call(links, first)
    links.running[f"guest:{link.id}"] = 1

    assert refused(links, second) == (486, Refusal.IN_USE.text)
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

    assert refused(links, credential, f"link.{other.id}")[0] == 403


async def test_a_page_goes_on_with_its_credential_while_its_call_goes_on(links: Links) -> None:
    link = await made(links)
    credential = await admitted(links, link)
    call(links, credential).answered()
    links.running[f"guest:{link.id}"] = 1
    links.clock.now += 250

    renewed = await admitted(links, link, nonce="n9", renewed=credential.token)

    assert (renewed.user, renewed.target) == (credential.user, credential.target)
    assert refused(links, renewed)[0] == 486  # which is no second call
    links.running.clear()
    with pytest.raises(LinkRefused):
        await admitted(links, link, renewed=renewed.token)


async def test_a_credential_renews_no_other_link(links: Links) -> None:
    link, other = await made(links), await made(links)
    credential = await admitted(links, other)
    links.running |= {f"guest:{link.id}": 1, f"guest:{other.id}": 1}

    with pytest.raises(LinkRefused) as sent_away:
        await admitted(links, link, renewed=credential.token)
    assert sent_away.value.refusal is Refusal.IN_USE


async def test_a_link_that_is_over_says_so_for_a_while(links: Links) -> None:
    link = await made(links)
    token = links.guests.token(link)
    links.clock.now = NOW + DAY

    assert await refusal_of(links, token) is Refusal.EXPIRED
    links.clock.now = NOW + 9 * DAY
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
            await links.guests.look(links.guests.token(other), HOME)
        assert await refusal_of(links, links.guests.token(other)) is Refusal.TOO_MANY_ATTEMPTS
        links.clock.now += 60
        await admitted(links, link)
        assert links.guests.refused["too_many_attempts"] == 2


async def test_who_guesses_links_locks_out_nobody_that_has_one(tmp_path: Path) -> None:
    """Offices and mobile networks share an address."""
    async with open_links(tmp_path / "links.db", limits=GuestLimits(attempts=4)) as links:
        for _ in range(4):
            assert await refusal_of(links, "guessed") is Refusal.UNKNOWN
        assert await refusal_of(links, "guessed") is Refusal.TOO_MANY_ATTEMPTS
        link = await made(links)
        call(links, await admitted(links, link))
        assert await refusal_of(links, "guessed") is Refusal.TOO_MANY_ATTEMPTS
        links.clock.now += 15
        assert await refusal_of(links, "guessed") is Refusal.UNKNOWN
        assert (links.guests.refused["too_many_attempts"], links.guests.refused["unknown"]) == (2, 5)


async def test_the_addresses_of_a_household_count_as_one(tmp_path: Path) -> None:
    async with open_links(tmp_path / "links.db", limits=GuestLimits(attempts=3)) as links:
        for number in range(3):
            link = await made(links)
            await links.guests.look(links.guests.token(link), f"2001:db8:0:7::{number}")
        token = links.guests.token(await made(links))
        with pytest.raises(LinkRefused) as sent_away:
            await links.guests.look(token, "2001:db8:0:7:ffff::1")
        assert sent_away.value.refusal is Refusal.TOO_MANY_ATTEMPTS
        await links.guests.look(token, "2001:db8:0:8::1")


async def test_too_many_attempts_to_call_are_told_as_such(tmp_path: Path) -> None:
    async with open_links(tmp_path / "links.db", limits=GuestLimits(attempts=3)) as links:
        link = await made(links, validity=Validity.EXPIRATION)
        credential = await admitted(links, link)
        call(links, credential)
        call(links, credential)

        assert refused(links, credential) == (503, Refusal.TOO_MANY_ATTEMPTS.text)


async def test_another_nodes_link_can_be_called_once_a_page_has_asked(links: Links, tmp_path: Path) -> None:
    async with open_links(tmp_path / "links.db") as there:
        link = await made(there)
        credential = await admitted(there, link)

    assert refused(links, credential)[0] == 403
    await links.guests.look(links.guests.token(link), HOME)
    call(links, credential)
