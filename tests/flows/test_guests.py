"""Calls of guests over links: what uses a link up, whom it rings, and what a guest cannot do from within a call."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Any

from softswitch.b2bua.terms import MediaTerms
from softswitch.callflow.link_guests import GuestLimits, LinkGuests
from softswitch.contact_center.call_link import CallLink, Kind, Routing, Use, Validity
from softswitch.contact_center.call_link_wish import Defaults, Wish, make
from softswitch.dialplan.numbers import Numbering
from softswitch.dialplan.route import Dial, TrunkTarget
from softswitch.endpoints.authentication import GUEST_TOKEN
from softswitch.endpoints.bindings import Binding
from softswitch.endpoints.call_links import CallLinks
from softswitch.endpoints.callers import CallerLimits
from softswitch.endpoints.tokens import TokenSigner
from softswitch.endpoints.toll import TollPolicy
from softswitch.sip.flow import Flow
from softswitch.sip.session.terms import PLAIN
from softswitch.sip.uri import Uri
from softswitch.store import schema
from softswitch.store.database import open_engine
from softswitch.store.link_store import LinkStore, StoredLink
from softswitch.telemetry.cdr import Outcome
from tests.support.phone import Phone, Plan
from tests.support.puppets import a_moment, requests_to
from tests.support.switch_world import CODECS, REALM, SWITCH, World, to
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.callflow.guests import Guests
    from softswitch.dialplan.route import Action
    from softswitch.sip.session.session import InviteSession

AGENT = 1
NOW = 1_780_000_000.0
DEFAULTS = Defaults(destination="support")


class Guest(Phone):
    """A page without a browser: it speaks SIP over a WebSocket, and has a credential."""

    credential = ""

    def ring_up(self, link: CallLink, user: str = "") -> InviteSession:
        """Call the link's one destination, or somebody else."""
        headers = (("Authorization", f"Bearer {self.credential}"),)
        return self.call(user or f"link.{link.id}", SWITCH, headers=headers)

    def _towards(self, switch: tuple[str, int]) -> Flow:
        return Flow("WS", self.address, switch, 1)


class Page:
    """The wire as a page has it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def join(self, driver: Any, address: tuple[str, int]) -> None:
        self._world.wire.join(driver, address, "WS")


class GuestWorld(World):
    """A switch that lets guests in. Links are in memory; the database is another test's."""

    tokens = TokenSigner("a key that only this test knows", clock=lambda: NOW)

    def __init__(self, actions: Sequence[Action] = (to(AGENT),), limits: GuestLimits | None = None, **how: Any) -> None:
        self._limits = limits or GuestLimits()
        engine = open_engine("sqlite://")
        schema.prepare(engine)
        self.store = LinkStore(engine)
        self.links = CallLinks(self.store, DEFAULTS, agents=("1001",), new_id=lambda: "", clock=lambda: NOW)
        super().__init__(Random(1), actions, **how)
        self.wire.join(self.driver, SWITCH, "WS")
        self.gate.let_pages_in(lambda flow: flow.remote[0])

    def _guests(self) -> Guests:
        return LinkGuests(
            self.links,
            self.tokens,
            limits=self._limits,
            plan=self.plan,
            names={},
            domain=REALM,
            terms=MediaTerms(CODECS),
            session=PLAIN,
            ring_for=20.0,
            token_seconds=300.0,
            clock=asyncio.get_running_loop().time,
            callers=lambda: (running.call.caller for running in self.supervisor.calls.values()),
            used=self.switch.channels.used,
        )

    def link(self, link_id: str = "a1", **wish: Any) -> CallLink:
        """A new one."""
        made = make(Wish(**{"identity": "Anna", **wish}), DEFAULTS, link_id=link_id, now=NOW)
        self.links.remember(StoredLink(made, Use()))
        return made

    def guest(self, link: CallLink, number: int = 50) -> Guest:
        """Somebody who has a credential for it."""
        guest = Guest(Page(self), (f"198.18.0.{number}", 5060), self.token)
        guest.credential = self.credential(link)
        self.phones[number] = guest
        return guest

    def credential(self, link: CallLink) -> str:
        """What a page of this link gets."""
        return self.tokens.sign(GUEST_TOKEN, {"sub": f"guest.{link.id}.0", "link": link.id}, ttl=300)

    def calls(self, link: CallLink) -> int:
        """What it was used for."""
        found = self.links.known(link.id)
        assert found is not None
        return found.use.calls

    def facts(self, event: str) -> list[Any]:
        """Of the latest finished call."""
        return [line.facts for line in self.recent.latest(1)[0].story if line.event == event]


def test_a_guest_reaches_whom_the_rules_say_and_is_shown_as_the_link_says() -> None:
    async def story() -> None:
        world = GuestWorld(routes={"support": [Dial((TrunkTarget("t1"),), ring_for=20.0)]}, actions=[to(2)])
        agent = world.phone(AGENT, Plan(ring=1, answer=2, hang_up=10))
        link = world.link(identity="+4989123", conversation="c-7")
        guest = world.guest(link)
        guest.ring_up(link)
        await world.settle()
        assert (guest.answered, agent.rang) == (1, 1)
        (invite,) = requests_to(world, agent, "INVITE")
        assert invite.from_.uri.user == "+4989123"
        assert invite.uri.user == "support"
        ((record, legs),) = world.records
        assert (record.source, record.caller, record.called) == ("guest:a1", "+4989123", "support")
        assert (record.route, record.outcome) == ("support", Outcome.ANSWERED)
        assert legs[0].endpoint == "guest:a1"
        told = {"link": "a1", "identity": "+4989123", "type": "one_time", "conversation": "c-7"}
        assert world.facts("call link") == [told]

    run_virtual(story)


def test_a_name_is_shown_as_one_however_it_is_written() -> None:
    async def story() -> None:
        world = GuestWorld()
        agent = world.phone(AGENT, Plan(answer=1, hang_up=5))
        link = world.link(identity="J\xfcrgen/2")
        world.guest(link).ring_up(link)
        await world.settle()
        (invite,) = requests_to(world, agent, "INVITE")
        assert (invite.from_.display_name, invite.from_.uri.user) == ("J\xfcrgen/2", "J%C3%BCrgen/2")

    run_virtual(story)


def test_the_answer_uses_a_link_up_and_nothing_else_does() -> None:
    async def story() -> None:
        world = GuestWorld()
        agent = world.phone(AGENT, Plan(ring=1, reject=(2, 486)))
        link = world.link()
        guest = world.guest(link)
        guest.ring_up(link)
        await world.settle()
        agent.plan = Plan(ring=1)  # nobody comes
        guest.ring_up(link)
        await world.settle()
        session = guest.ring_up(link)
        await asyncio.sleep(5)
        guest.hang_up(session)
        await world.settle()
        assert (world.calls(link), agent.rang, guest.answered) == (0, 3, 0)
        agent.plan = Plan(answer=1, hang_up=5)
        guest.ring_up(link)
        await world.settle()
        assert (world.calls(link), guest.answered) == (1, 1)
        guest.ring_up(link)
        await world.settle()
        assert (agent.rang, guest.refused[-1]) == (4, 403)
        assert not world.switch.channels.used("guest:a1")

    run_virtual(story)


def test_while_one_guest_calls_over_a_one_time_link_others_wait() -> None:
    async def story() -> None:
        world = GuestWorld()
        agent = world.phone(AGENT, Plan(ring=1, answer=10, hang_up=100))
        link = world.link()
        first, second = world.guest(link, 50), world.guest(link, 51)
        first.ring_up(link)
        await asyncio.sleep(5)  # it rings
        second.ring_up(link)
        await asyncio.sleep(15)  # they talk
        second.ring_up(link)
        await world.settle(300)
        second.ring_up(link)
        await world.settle()
        assert (second.refused, first.answered, agent.rang) == ([486, 486, 403], 1, 1)

    run_virtual(story)


def test_a_link_for_two_calls_does_not_promise_the_last_one_twice() -> None:
    async def story() -> None:
        world = GuestWorld([to(1), to(2), to(3)])
        world.phone(1, Plan(ring=1, answer=10, hang_up=60))
        link = world.link(validity=Validity.EXPIRATION, max_calls=2)
        guests = [world.guest(link, number) for number in (50, 51, 52)]
        for guest in guests:
            guest.ring_up(link)
        await world.settle(300)
        assert [guest.answered for guest in guests] == [1, 1, 0]
        assert (guests[2].refused, world.calls(link)) == ([486], 2)

    run_virtual(story)


def test_the_sharing_agents_phone_rings_and_no_rule_is_asked() -> None:
    async def story() -> None:
        world = GuestWorld(actions=[to(2)])
        elsewhere = world.phone(2, Plan(answer=1))
        desk = Phone(world.wire, ("203.0.113.5", 5060), world.token, Plan(ring=1, answer=2, hang_up=10))
        world.phones[60] = desk
        binding = Binding(
            contact=Uri("sip", "1001", "203.0.113.5", 5060),
            flow=Flow("UDP", SWITCH, desk.address),
            expires_at=3600.0,
            call_id="r",
            cseq=1,
        )
        world.supervisor.resources.bindings.replace("1001", [binding])
        link = world.link(routing=Routing.ROUTE_TO_SHARING_AGENT, agent="1001", kind=Kind.AUDIO)
        guest = world.guest(link)
        guest.ring_up(link)
        await world.settle()
        assert (guest.answered, desk.rang, elsewhere.rang) == (1, 1, 0)
        ((record, _),) = world.records
        assert (record.route, record.destination, record.called) == ("call link", "phone:1001", "1001")

    run_virtual(story)


def test_an_agent_who_is_not_there_does_not_use_the_link_up() -> None:
    async def story() -> None:
        world = GuestWorld()
        link = world.link(routing=Routing.ROUTE_TO_SHARING_AGENT, agent="1001")
        guest = world.guest(link)
        guest.ring_up(link)
        await world.settle()
        assert (guest.refused, world.calls(link)) == ([480], 0)

    run_virtual(story)


def test_a_guest_can_refer_nobody_anywhere() -> None:
    async def story() -> None:
        world = GuestWorld()
        agent = world.phone(AGENT, Plan(answer=1, hang_up=60))
        stranger = world.phone(2, Plan(answer=1))
        link = world.link()
        guest = world.guest(link)
        session = guest.ring_up(link)
        await asyncio.sleep(5)
        guest.refer(session, "+33140000000")
        await a_moment()
        assert len(world.supervisor.calls) == 1, "the call goes on"
        await world.settle()
        assert (stranger.rang, agent.rang) == (0, 1)
        assert all(status >= 400 for status in guest.told)

    run_virtual(story)


def test_revocation_ends_what_only_rings_unasked() -> None:
    """What nobody has answered yet is a call to come: over a link that is taken back there is none."""

    async def story() -> None:
        world = GuestWorld()
        agent = world.phone(AGENT, Plan(ring=0.5, answer=10, hang_up=100))
        link, other = world.link("a1"), world.link("b2", identity="Ben")
        talking, ringing = world.guest(other, 51), world.guest(link, 50)
        talking.ring_up(other)
        await asyncio.sleep(15)
        ringing.ring_up(link)
        await asyncio.sleep(5)
        assert [world.supervisor.hang_up_on(f"guest:{each}", talking=False) for each in ("a1", "b2")] == [1, 0]
        await asyncio.sleep(1)
        assert (agent.rang, len(ringing.ended), talking.ended) == (2, 1, [])
        assert [record.hung_up_by for record, _ in world.records] == ["operator"]
        await world.settle(700)

    run_virtual(story)


def test_revocation_ends_what_is_under_way_if_asked() -> None:
    async def story() -> None:
        world = GuestWorld()
        world.phone(AGENT, Plan(answer=1, hang_up=500))
        link, other = world.link("a1"), world.link("b2", identity="Ben")
        guest, bystander = world.guest(link, 50), world.guest(other, 51)
        for each, of in ((guest, link), (bystander, other)):
            each.ring_up(of)
        await asyncio.sleep(10)
        assert world.supervisor.hang_up_on("guest:a1") == 1
        await asyncio.sleep(1)
        assert (len(guest.ended), len(bystander.ended)) == (1, 0)
        await world.settle(700)
        assert world.supervisor.hang_up_on("guest:a1") == 0
        assert [record.hung_up_by for record, _ in world.records] == ["operator", "callee"]

    run_virtual(story)


def test_one_address_has_so_many_calls_over_all_links() -> None:
    async def story() -> None:
        world = GuestWorld(limits=GuestLimits(calls_per_source=2))
        world.phone(AGENT, Plan(answer=1, hang_up=60))
        links = [world.link(name, validity=Validity.EXPIRATION) for name in ("a1", "b2", "c3")]
        office, elsewhere = world.guest(links[0], 50), world.guest(links[2], 51)
        for link in links:
            office.credential = world.credential(link)
            office.ring_up(link)
        elsewhere.ring_up(links[2])
        await world.settle()
        assert (office.answered, office.refused, elsewhere.answered) == (2, [486], 1)

    run_virtual(story)


def test_rules_against_toll_fraud_hold_for_guests() -> None:
    async def story() -> None:
        world = GuestWorld(
            [Dial((TrunkTarget("t1"),), ring_for=20.0)],
            toll={"t1": TollPolicy.of(international=False, allowed=(), denied=())},
            numbering=Numbering("49", "00", "0"),
            callers=CallerLimits(calls_per_day=1),
        )
        carrier = world.phone(1, Plan(answer=1, hang_up=5))
        abroad = world.link("a1", destination="+33140000000")
        guest = world.guest(abroad, 50)
        guest.ring_up(abroad)
        await world.settle()
        assert (guest.refused, carrier.rang) == ([403], 0)
        assert world.watch.refused == {("t1", "international"): 1}
        at_home = world.link("b2", destination="+4930123", validity=Validity.EXPIRATION)
        caller = world.guest(at_home, 51)
        for _ in range(2):
            caller.ring_up(at_home)
            await world.settle()
        assert (carrier.rang, caller.refused) == (1, [403])
        assert world.watch.refused["", "calls_per_day"] == 1

    run_virtual(story)


def test_a_transferred_guest_stays_a_guest() -> None:
    async def story() -> None:
        world = GuestWorld(own_trunks=True, routes={"777": [to(2)]})
        agent = world.phone(AGENT, Plan(answer=1))
        second = world.phone(2, Plan(answer=1))
        link = world.link()
        guest = world.guest(link)
        guest.ring_up(link)
        await asyncio.sleep(5)
        agent.refer(agent.sessions[0], "777")
        await asyncio.sleep(10)
        assert (second.rang, guest.ended, world.calls(link)) == (1, [], 1)
        assert world.switch.channels.used("guest:a1") == 1
        assert world.supervisor.hang_up_on("guest:a1") == 1
        await world.settle()
        assert len(guest.ended) == 1

    run_virtual(story)
