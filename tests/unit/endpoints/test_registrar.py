"""Phones register with digest; every REGISTER is applied as a whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from softswitch.endpoints.authentication import Authenticated, Authenticator, Challenge, Refused, account
from softswitch.endpoints.bindings import Bindings
from softswitch.endpoints.registrar import Answer, Registrar, RegistrarLimits
from softswitch.endpoints.throttle import FailureLocks, LockPolicy
from softswitch.sip.auth import AuthChallenge
from softswitch.sip.digest import NonceKeeper, answer_challenge
from softswitch.sip.flow import Flow
from softswitch.sip.message import Headers, Request
from softswitch.sip.uri import Uri

FLOW = Flow("UDP", ("192.0.2.100", 5060), ("198.51.100.7", 40000))
CONTACT = "<sip:anna@10.0.0.5:5062>"


@dataclass
class Phone:
    """A phone that answers challenges as RFC 7616 asks."""

    user: str = "anna"
    password: str = "correct horse"
    flow: Flow = FLOW
    algorithm: str = "SHA-256"
    call_id: str = "reg-1"
    cseq: int = 0
    challenge: AuthChallenge | None = None
    count: int = 0
    cnonce: str = "cnonce"
    user_agent: str = "phone/1.0"
    proxies: int = 0
    """On the way to the registrar."""

    def request(
        self,
        method: str = "REGISTER",
        uri: str = "sip:switch.example",
        headers: tuple[tuple[str, str], ...] = (("Contact", CONTACT),),
        to: str | None = None,
    ) -> Request:
        self.cseq += 1
        request = Request(
            method,
            Uri.parse(uri),
            Headers(
                [
                    ("Via", f"SIP/2.0/UDP 10.0.0.5:5062;branch=z9hG4bK{self.cseq};rport"),
                    *[
                        ("Via", f"SIP/2.0/UDP edge{number}.example;branch=z9hG4bK{number}")
                        for number in range(self.proxies)
                    ],
                    ("From", f"<sip:{self.user}@switch.example>;tag=1"),
                    ("To", f"<sip:{to or self.user}@switch.example>"),
                    ("Call-ID", self.call_id),
                    ("CSeq", f"{self.cseq} {method}"),
                    ("User-Agent", self.user_agent),
                    *headers,
                ]
            ),
        )
        if self.challenge is not None:
            self.count += 1
            credentials = answer_challenge(
                self.challenge, method, uri, self.user, self.password, self.cnonce, self.count
            )
            request.headers.set("Authorization", str(credentials))
        return request

    def accept(self, headers: tuple[tuple[str, str], ...]) -> None:
        offered = [AuthChallenge.parse(value) for name, value in headers if name == "WWW-Authenticate"]
        self.challenge = next(challenge for challenge in offered if challenge.get("algorithm") == self.algorithm)
        self.count = 0


@dataclass
class Site:
    """A registrar with its parts, and a phone that has an account."""

    bindings: Bindings = field(default_factory=Bindings)
    limits: RegistrarLimits = field(default_factory=RegistrarLimits)
    policy: LockPolicy = field(default_factory=LockPolicy)

    def __post_init__(self) -> None:
        self.authenticator = Authenticator(
            [account("anna", "correct horse", "switch.example"), account("bert", "battery staple", "switch.example")],
            NonceKeeper(b"0123456789abcdef", lifetime=300.0),
            realm="switch.example",
            locks=FailureLocks(self.policy),
            is_bound=self.bindings.has_flow,
        )
        self.registrar = Registrar(self.authenticator, self.bindings, self.limits)

    def register(self, phone: Phone, *headers: tuple[str, str], now: float = 0.0, to: str | None = None) -> Answer:
        """Register, answering one challenge."""
        given = headers or (("Contact", CONTACT),)
        answer = self.registrar.register(phone.request(headers=given, to=to), phone.flow, now)
        if answer.status != 401:
            return answer
        phone.accept(answer.headers)
        return self.registrar.register(phone.request(headers=given, to=to), phone.flow, now)


@pytest.fixture
def site() -> Site:
    return Site()


def contacts(answer: Answer) -> list[str]:
    return [value for name, value in answer.headers if name == "Contact"]


# -- digest ---------------------------------------------------------------------------------------------------------


def test_two_challenges_the_stronger_first(site: Site) -> None:
    answer = site.registrar.register(Phone().request(), FLOW, 0.0)
    challenges = [AuthChallenge.parse(value) for _, value in answer.headers]
    assert answer.status == 401
    assert [challenge.get("algorithm") for challenge in challenges] == ["SHA-256", "MD5"]
    assert all(challenge.realm == "switch.example" and challenge.get("stale") is None for challenge in challenges)


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
def test_right_password_registers(site: Site, algorithm: str) -> None:
    answer = site.register(Phone(algorithm=algorithm))
    assert (answer.status, contacts(answer)) == (200, ["<sip:anna@10.0.0.5:5062>;expires=3600"])
    ((destination,),) = site.bindings.ways("anna", 0.0, domain="switch.example")
    assert (destination.name, str(destination.uri), destination.flow) == ("phone:anna", "sip:anna@10.0.0.5:5062", FLOW)
    assert str(destination.to) == "<sip:anna@switch.example>"


def shape(answer: Answer) -> object:
    """What a stranger can tell answers apart by, nonces left out."""
    return answer.status, answer.reason, [(name, len(value)) for name, value in answer.headers]


def test_unknown_user_and_wrong_password_look_the_same(site: Site) -> None:
    known, unknown = Phone(password="wrong"), Phone(user="nobody", password="wrong")
    assert shape(site.register(known)) == shape(site.register(unknown))
    assert site.bindings.users() == ()


def test_md5_can_be_refused() -> None:
    authenticator = Authenticator(
        [account("anna", "correct horse", "r")], NonceKeeper(bytes(16)), realm="r", algorithms=("SHA-256",)
    )
    phone = Phone()
    challenge = authenticator.authenticate(phone.request(), FLOW, 0.0)
    assert isinstance(challenge, Challenge)
    assert len(challenge.headers) == 1
    phone.accept(challenge.headers)
    assert phone.challenge is not None
    downgraded = AuthChallenge(
        "Digest", tuple((k, "MD5" if k == "algorithm" else v) for k, v in phone.challenge.parameters)
    )
    phone.challenge = downgraded
    assert isinstance(authenticator.authenticate(phone.request(), FLOW, 0.0), Challenge)


def stale(answer: Answer) -> list[str | None]:
    return [AuthChallenge.parse(value).get("stale") for name, value in answer.headers if name == "WWW-Authenticate"]


def test_nonce_serves_with_rising_counts_and_grows_stale(site: Site) -> None:
    phone = Phone()
    site.register(phone)
    assert site.registrar.register(phone.request(), FLOW, 100.0).status == 200
    late = site.registrar.register(phone.request(), FLOW, 301.0)
    assert (late.status, stale(late)) == (401, ["true", "true"])
    phone.accept(late.headers)
    assert site.registrar.register(phone.request(), FLOW, 301.0).status == 200


def test_replay_is_refused_without_being_called_stale(site: Site) -> None:
    phone = Phone()
    site.register(phone)
    captured = phone.request()
    assert site.registrar.register(captured, FLOW, 1.0).status == 200
    replayed = site.registrar.register(captured, FLOW, 2.0)
    assert (replayed.status, stale(replayed)) == (401, [None, None])


def test_nonce_of_an_earlier_process_is_old_not_wrong(site: Site) -> None:
    phone = Phone()
    site.register(phone)
    answer = Site().registrar.register(phone.request(), FLOW, 1.0)
    assert answer.status == 200, "the same secret makes the same nonces"
    other = Authenticator(
        [account("anna", "correct horse", "switch.example")], NonceKeeper(b"another secret..."), realm="switch.example"
    )
    challenge = other.authenticate(phone.request(), FLOW, 1.0)
    assert isinstance(challenge, Challenge)
    assert AuthChallenge.parse(challenge.headers[0][1]).get("stale") == "true"


@pytest.mark.parametrize("drop", ["qop", "nc", "cnonce", "response", "nonce", "uri", "username"])
def test_incomplete_credentials_are_challenged(site: Site, drop: str) -> None:
    phone = Phone()
    phone.accept(site.registrar.register(phone.request(), FLOW, 0.0).headers)
    request = phone.request()
    kept = [part for part in (request.headers.get("Authorization") or "")[7:].split(", ") if part.split("=")[0] != drop]
    request.headers.set("Authorization", f"Digest {', '.join(kept)}")
    answer = site.registrar.register(request, FLOW, 0.0)
    assert answer.status == 401
    assert site.bindings.users() == ()


def test_broken_digest_uri_is_refused(site: Site) -> None:
    phone = Phone()
    phone.accept(site.registrar.register(phone.request(), FLOW, 0.0).headers)
    assert phone.challenge is not None
    request = phone.request()
    broken = answer_challenge(phone.challenge, "REGISTER", "sip:", "anna", "correct horse", "c", 1)
    request.headers.set("Authorization", str(broken))
    assert site.registrar.register(request, FLOW, 0.0) == Answer(400, "Digest URI Mismatch")


@pytest.mark.parametrize("value", ["Digest", "Basic YW5uYTpw", 'Digest username="anna', "nonsense", "Digest a=b, a=c"])
def test_broken_credentials_are_challenged(site: Site, value: str) -> None:
    request = Phone().request()
    request.headers.set("Authorization", value)
    assert site.registrar.register(request, FLOW, 0.0).status == 401


def test_credentials_for_one_number_do_not_dial_another(site: Site) -> None:
    phone = Phone()
    phone.accept(site.registrar.register(phone.request(), FLOW, 0.0).headers)
    request = phone.request("INVITE", "sip:1002@switch.example", headers=())
    request.uri = Uri.parse("sip:0900666@switch.example")
    assert site.authenticator.authenticate(request, FLOW, 0.0) == Refused(400, "Digest URI Mismatch")


def test_invite_is_authenticated_alike(site: Site) -> None:
    phone = Phone()
    challenge = site.authenticator.authenticate(phone.request("INVITE", "sip:1002@switch.example"), FLOW, 0.0)
    assert isinstance(challenge, Challenge)
    phone.accept(challenge.headers)
    request = phone.request("INVITE", "sip:1002@switch.example")
    assert site.authenticator.authenticate(request, FLOW, 0.0) == Authenticated("anna")


def test_guessing_locks_the_source_and_not_the_user() -> None:
    site = Site(policy=LockPolicy(attempts=3, first=10.0, longest=60.0))
    site.register(Phone())
    neighbour = Flow("UDP", FLOW.local, (FLOW.remote[0], 40001))
    guesser = Phone(password="guess", flow=neighbour)
    assert [site.register(guesser).status for _ in range(4)] == [401, 401, 503, 503]
    assert site.register(guesser, now=5.0).headers == (("Retry-After", "5"),)
    elsewhere = Flow("UDP", FLOW.local, ("203.0.113.5", 5060))
    assert (
        site.register(Phone(flow=elsewhere, call_id="reg-2"), ("Contact", "<sip:anna@10.0.0.9>"), now=5.0).status == 200
    )
    assert site.register(Phone(call_id="reg-3"), now=5.0).status == 200, "registered by this very flow"


def test_accounts_hide_their_password() -> None:
    anna = account("anna", "correct horse", "r")
    assert not [secret for secret in ("horse", *anna.secrets.values()) if secret in repr(anna)]


# -- bindings -------------------------------------------------------------------------------------------------------


def test_somebody_elses_name_is_forbidden(site: Site) -> None:
    assert site.register(Phone(), to="bert").status == 403
    assert site.bindings.users() == ()


def test_asking_without_contact_changes_nothing(site: Site) -> None:
    phone = Phone()
    site.register(phone)
    answer = site.register(phone, ("Expires", "60"), now=10.0)
    assert contacts(answer) == ["<sip:anna@10.0.0.5:5062>;expires=3590"]


@pytest.mark.parametrize(
    ("headers", "granted"),
    [
        ((("Contact", f"{CONTACT};expires=120"), ("Expires", "600")), 120),
        ((("Contact", CONTACT), ("Expires", "600")), 600),
        ((("Contact", CONTACT),), 3600),
        ((("Contact", f"{CONTACT};expires=99999"),), 7200),
        ((("Contact", f"{CONTACT};expires=99999999999999"),), 3600),
    ],
)
def test_expiry_is_granted(site: Site, headers: tuple[tuple[str, str], ...], granted: int) -> None:
    assert contacts(site.register(Phone(), *headers)) == [f"<sip:anna@10.0.0.5:5062>;expires={granted}"]


def test_too_brief_interval_is_refused(site: Site) -> None:
    answer = site.register(Phone(), ("Contact", f"{CONTACT};expires=59"))
    assert (answer.status, answer.headers) == (423, (("Min-Expires", "60"),))
    assert site.bindings.users() == ()


def test_expired_contact_is_gone(site: Site) -> None:
    site.register(Phone(), ("Contact", f"{CONTACT};expires=60"))
    assert len(site.bindings.lookup("anna", 59.9)) == 1
    assert site.bindings.lookup("anna", 60.0) == ()
    assert not site.bindings.has_source("198.51.100.7")
    assert not site.bindings.has_flow(FLOW)


def test_expires_zero_removes_one_contact(site: Site) -> None:
    phone = Phone()
    site.register(phone, ("Contact", f"{CONTACT}, <sip:anna@10.0.0.6>"))
    answer = site.register(phone, ("Contact", f"{CONTACT};expires=0"))
    assert contacts(answer) == ["<sip:anna@10.0.0.6>;expires=3600"]


def test_star_removes_all(site: Site) -> None:
    phone = Phone()
    site.register(phone, ("Contact", f"{CONTACT}, <sip:anna@10.0.0.6>"))
    assert contacts(site.register(phone, ("Contact", "*"), ("Expires", "0"))) == []
    assert site.bindings.users() == ()


@pytest.mark.parametrize(
    "headers",
    [
        (("Contact", "*"),),
        (("Contact", "*"), ("Expires", "60")),
        (("Contact", "*"), ("Contact", CONTACT), ("Expires", "0")),
    ],
)
def test_star_with_anything_else_is_refused(site: Site, headers: tuple[tuple[str, str], ...]) -> None:
    site.register(Phone())
    assert site.register(Phone(call_id="other"), *headers).status == 400
    assert len(site.bindings.lookup("anna", 0.0)) == 1


def test_several_phones_of_one_user_ring_best_first(site: Site) -> None:
    site.register(Phone(), ("Contact", f"{CONTACT};q=0.5"))
    other = Flow("TCP", ("192.0.2.100", 5060), ("203.0.113.9", 50000), 7)
    site.register(Phone(call_id="reg-2", flow=other), ("Contact", "<sip:anna@10.9.9.9>;q=0.9"), now=1.0)
    (found,) = site.bindings.ways("anna", 1.0, domain="switch.example")
    assert [destination.flow for destination in found] == [other, FLOW]


def test_older_request_does_not_undo_a_newer_one(site: Site) -> None:
    phone = Phone()
    site.register(phone)
    phone.cseq = 0
    phone.challenge = None
    assert site.register(phone, ("Contact", f"{CONTACT};expires=0")).status == 500
    assert len(site.bindings.lookup("anna", 0.0)) == 1
    assert site.register(Phone(call_id="rebooted"), ("Contact", f"{CONTACT};expires=0")).status == 200
    assert site.bindings.lookup("anna", 0.0) == ()


def test_one_wrong_contact_spoils_the_request(site: Site) -> None:
    assert site.register(Phone(), ("Contact", f"{CONTACT}, <sip:anna@10.0.0.6>;expires=5")).status == 423
    assert site.register(Phone(), ("Contact", f"{CONTACT}, <mailto:anna@example.org>")).status == 416
    assert site.bindings.users() == ()


def test_contacts_are_limited(site: Site) -> None:
    many = ", ".join(f"<sip:anna@10.0.0.{number}>" for number in range(11))
    answer = site.register(Phone(), ("Contact", many))
    assert (answer.status, answer.reason) == (403, "Too Many Contacts")
    assert site.bindings.users() == ()


def test_restarted_phone_replaces_its_old_contact(site: Site) -> None:
    instance = ';+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>";reg-id=1'
    site.register(Phone(), ("Contact", f"<sip:anna@10.0.0.5:1111>{instance}"))
    answer = site.register(Phone(call_id="reg-2"), ("Contact", f"<sip:anna@10.0.0.5:2222>{instance}"), now=1.0)
    assert contacts(answer) == [
        '<sip:anna@10.0.0.5:2222>;expires=3600;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'
    ]


def test_path_is_kept_and_told(site: Site) -> None:
    answer = site.register(Phone(), ("Contact", CONTACT), ("Path", "<sip:edge.example;lr>, <sip:inner.example;lr>"))
    assert [value for name, value in answer.headers if name == "Path"] == [
        "<sip:edge.example;lr>",
        "<sip:inner.example;lr>",
    ]
    ((destination,),) = site.bindings.ways("anna", 0.0, domain="switch.example")
    assert [str(route) for route in destination.routes] == ["<sip:edge.example;lr>", "<sip:inner.example;lr>"]
    assert site.register(Phone(call_id="2"), ("Contact", CONTACT), ("Path", "<<")).status == 400


def test_what_an_edge_proxy_noted_in_its_path_comes_back_to_it_unchanged(site: Site) -> None:
    path = "<sip:edge@192.0.2.5;lr;received=sip:203.0.113.5:40000%3Btransport%3Dudp>"
    site.register(Phone(proxies=1), ("Contact", CONTACT), ("Path", path))
    ((destination,),) = site.bindings.ways("anna", 0.0, domain="switch.example")
    assert [str(route) for route in destination.routes] == [path]
    assert (str(destination.uri), destination.flow) == ("sip:anna@10.0.0.5:5062", FLOW)


def test_lost_connection_takes_its_contacts_along(site: Site) -> None:
    natted = Flow("TCP", ("192.0.2.100", 5060), ("203.0.113.9", 50000), 7)
    site.register(Phone(flow=natted))
    site.bindings.connection_lost(natted)
    assert site.bindings.lookup("anna", 0.0) == ()
    assert not site.bindings.has_source("203.0.113.9")


def test_phone_without_nat_is_connected_to_anew(site: Site) -> None:
    direct = Flow("TCP", ("192.0.2.100", 5060), ("203.0.113.9", 50000), 7)
    site.register(Phone(flow=direct), ("Contact", "<sip:anna@203.0.113.9:5066;transport=tcp>"))
    site.bindings.connection_lost(direct)
    (binding,) = site.bindings.lookup("anna", 0.0)
    assert binding.flow == Flow("TCP", ("192.0.2.100", 5060), ("203.0.113.9", 5066), 0)
    assert not site.bindings.has_flow(direct)


@pytest.mark.parametrize(("q", "expected"), [("0.7", 0.7), ("7", 1.0), ("-1", 1.0), ("x", 1.0), ("nan", 1.0)])
def test_preference_is_read_leniently(site: Site, q: str, expected: float) -> None:
    site.register(Phone(), ("Contact", f"{CONTACT};q={q}"))
    (binding,) = site.bindings.lookup("anna", 0.0)
    assert binding.quality == expected


def test_escaped_names_are_the_same_user(site: Site) -> None:
    assert site.register(Phone(), to="%61nna").status == 200


def test_purge_counts_what_is_left(site: Site) -> None:
    site.register(Phone(), ("Contact", f"{CONTACT};expires=60"))
    site.register(Phone(user="bert", password="battery staple", call_id="b"), ("Contact", "<sip:bert@10.0.0.8>"))
    assert site.bindings.purge(30.0) == 2
    assert site.bindings.purge(61.0) == 1
    assert site.bindings.users() == ("bert",)


# -- flows of one device (RFC 5626) ---------------------------------------------------------------------------------

INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'
OUTBOUND = ("Supported", "path, outbound")
FIRST = Flow("TCP", ("192.0.2.100", 5060), ("203.0.113.9", 50001), 7)
OTHER = Flow("TCP", ("192.0.2.100", 5060), ("203.0.113.10", 50002), 8)


def named(answer: Answer, name: str) -> list[str]:
    return [value for each, value in answer.headers if each == name]


def flow_contact(reg_id: object, host: str = "10.0.0.5", more: str = "") -> tuple[str, str]:
    return "Contact", f"<sip:anna@{host};transport=tcp;ob>;{INSTANCE};reg-id={reg_id}{more}"


def test_flows_of_one_device_are_alternatives_and_other_devices_ring_beside(site: Site) -> None:
    first = site.register(Phone(flow=FIRST), flow_contact(1), OUTBOUND)
    assert (first.status, named(first, "Require"), named(first, "Flow-Timer")) == (200, ["outbound"], ["120"])
    assert contacts(first) == [f"<sip:anna@10.0.0.5;transport=tcp;ob>;expires=3600;{INSTANCE};reg-id=1"]
    site.register(Phone(call_id="2", flow=OTHER), flow_contact(2), OUTBOUND, now=1.0)
    site.register(Phone(call_id="3"), now=2.0)
    rounds = site.bindings.ways("anna", 3.0, domain="switch.example")
    assert [[each.flow for each in ring] for ring in rounds] == [[FLOW, OTHER], [FIRST]], "the freshest flow first"
    site.bindings.connection_lost(OTHER)
    rounds = site.bindings.ways("anna", 3.0, domain="switch.example")
    assert [[each.flow for each in ring] for ring in rounds] == [[FLOW, FIRST]]


def test_a_flow_replaces_its_own_predecessor_whatever_its_contact(site: Site) -> None:
    site.register(Phone(flow=FIRST), flow_contact(1), OUTBOUND)
    answer = site.register(Phone(call_id="rebooted", flow=OTHER), flow_contact(1, "10.0.0.99"), OUTBOUND, now=1.0)
    assert [binding.flow for binding in site.bindings.lookup("anna", 1.0)] == [OTHER]
    assert len(contacts(answer)) == 1


def test_a_device_that_comes_by_another_transport_rings_once(site: Site) -> None:
    site.register(Phone(), flow_contact(1))
    site.register(Phone(call_id="2", flow=FIRST), flow_contact(1), OUTBOUND, now=1.0)
    assert [binding.flow for binding in site.bindings.lookup("anna", 1.0)] == [FIRST]
    site.register(Phone(call_id="3"), flow_contact(2), now=2.0)
    assert [binding.flow for binding in site.bindings.lookup("anna", 2.0)] == [FLOW]


@pytest.mark.parametrize("reg_id", ["0", "x", "-1", "99999999999"])
def test_a_flow_without_a_number_is_a_plain_contact(site: Site, reg_id: str) -> None:
    answer = site.register(Phone(flow=FIRST), flow_contact(reg_id), OUTBOUND)
    assert (answer.status, named(answer, "Require")) == (200, [])
    (binding,) = site.bindings.lookup("anna", 0.0)
    assert binding.reg_id == ""


@pytest.mark.parametrize(
    ("phone", "headers"),
    [
        (Phone(flow=FIRST), (flow_contact(1),)),
        (Phone(), (flow_contact(1), OUTBOUND)),
        (Phone(flow=FIRST), (("Contact", "<sip:anna@10.0.0.5>;reg-id=1"), OUTBOUND)),
    ],
    ids=["not asked for", "over UDP, where it would want STUN", "no instance"],
)
def test_flows_are_not_promised_where_they_cannot_be_kept(
    site: Site, phone: Phone, headers: tuple[tuple[str, str], ...]
) -> None:
    answer = site.register(phone, *headers)
    assert (answer.status, named(answer, "Require"), named(answer, "Flow-Timer")) == (200, [], [])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ((), 439),
        (("<sip:edge.example;lr>",), 439),
        (("<sip:edge.example;lr;ob>",), 200),
        (("<sip:inner.example;lr>", "<sip:edge.example;lr;ob>"), 200),
        (("<sip:inner.example;lr;ob>", "<sip:edge.example;lr>"), 439),
    ],
)
def test_the_first_hop_has_to_play_along(site: Site, path: tuple[str, ...], status: int) -> None:
    headers = (flow_contact(1), OUTBOUND, *(("Path", each) for each in path))
    answer = site.register(Phone(proxies=1), *headers)
    assert answer.status == status
    assert named(answer, "Require") == (["outbound"] if status == 200 else [])
    assert len(site.bindings.lookup("anna", 0.0)) == (status == 200)


def test_who_cannot_use_it_can_have_it_off() -> None:
    site = Site(limits=RegistrarLimits(outbound=False))
    answer = site.register(Phone(proxies=1), flow_contact(1), OUTBOUND)
    assert (answer.status, named(answer, "Require")) == (200, [])


def test_two_flows_in_one_request_are_one_too_many(site: Site) -> None:
    both = ("Contact", f"{flow_contact(1)[1]}, {flow_contact(2)[1]}")
    assert site.register(Phone(flow=FIRST), both, OUTBOUND).status == 400
    assert site.bindings.users() == ()
    site.register(Phone(flow=FIRST, call_id="2"), flow_contact(1), OUTBOUND)
    moved = ("Contact", f"{flow_contact(1)[1]};expires=0, {flow_contact(2)[1]}")
    assert site.register(Phone(flow=OTHER, call_id="3"), moved, OUTBOUND, now=1.0).status == 200
    (binding,) = site.bindings.lookup("anna", 1.0)
    assert (binding.reg_id, binding.flow) == ("2", OTHER)


def test_two_contacts_of_one_device_in_one_request_are_two(site: Site) -> None:
    both = f"<sip:anna@10.0.0.5>;{INSTANCE}, <sip:anna@[2001:db8::5]>;{INSTANCE}"
    assert len(contacts(site.register(Phone(), ("Contact", both)))) == 2
    again = site.register(Phone(call_id="later"), ("Contact", f"<sip:anna@10.0.0.5:1>;{INSTANCE}"), now=1.0)
    assert len(contacts(again)) == 1


def test_the_last_word_on_a_contact_counts(site: Site) -> None:
    twice = f"{CONTACT};q=0.2, {CONTACT};q=0.4"
    assert contacts(site.register(Phone(), ("Contact", twice))) == ["<sip:anna@10.0.0.5:5062>;expires=3600;q=0.4"]


def test_what_is_registered_can_be_seen(site: Site) -> None:
    site.register(Phone(flow=FIRST), flow_contact(1), OUTBOUND, ("Path", "<sip:edge.example;lr;ob>"))
    (contact,) = site.bindings.snapshot(600.0)
    assert (contact.user, contact.transport, contact.source) == ("anna", "TCP", "203.0.113.9:50001")
    assert (contact.expires_in, contact.reg_id, contact.path) == (3000.0, "1", ("<sip:edge.example;lr;ob>",))
    assert contact.user_agent == "phone/1.0"
