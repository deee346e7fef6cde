"""What pages prove themselves with: passwords, tokens, and what each of them opens."""

from __future__ import annotations

import pytest

from softswitch.endpoints.access_control import Gate, Phones
from softswitch.endpoints.authentication import (
    GUEST_TOKEN,
    SIP_TOKEN,
    Account,
    Authenticated,
    Authenticator,
    Challenge,
    Refused,
    account,
)
from softswitch.endpoints.bindings import Bindings
from softswitch.endpoints.page_sessions import PageSession, PageSessions
from softswitch.endpoints.registrar import Registrar
from softswitch.endpoints.sessions_ended import EndedSessions
from softswitch.endpoints.tokens import TokenSigner
from softswitch.endpoints.turn import IceServers
from softswitch.sip.digest import NonceKeeper, answer_challenge, read_challenges
from softswitch.sip.flow import Flow
from softswitch.sip.message import Request, parse_message

REALM = "switch.test"
PAGE = Flow("WSS", ("192.0.2.1", 8443), ("198.51.100.7", 40000), 1)
MOVED = Flow("WSS", ("192.0.2.1", 8443), ("203.0.113.9", 50000), 2)
PHONE = Flow("UDP", ("192.0.2.1", 5060), ("198.51.100.7", 40000))


class Site:
    """An authenticator, sessions and a registrar that believe one another."""

    def __init__(self, password: str = "wonder") -> None:
        self.clock = 1_800_000_000.0
        self.signer = TokenSigner("a key of some characters", clock=lambda: self.clock)
        trunk = account("carrier", "sesame", REALM)
        self.authenticator = Authenticator(
            [
                Account(user="alice", secrets=account("alice", password, REALM).secrets),
                Account(user="old", secrets={"MD5": account("old", "wonder", REALM).secrets["MD5"]}),
                Account(user="carrier", secrets=trunk.secrets, trunk="carrier"),
            ],
            NonceKeeper(b"0123456789abcdef"),
            realm=REALM,
            tokens=self.signer,
        )
        self.bindings = Bindings()
        self.sessions = PageSessions(
            self.authenticator,
            self.signer,
            IceServers(stun=("stun:stun.test",)),
            domain=REALM,
            names={"alice": "Alice"},
            on_ended=self.bindings.session_ended,
            token_seconds=900.0,
            longest_seconds=3600.0,
            clock=lambda: self.clock,
        )
        self.introduced: list[tuple[Flow, str, str]] = []
        self.registrar = Registrar(
            self.authenticator, self.bindings, introduce=lambda *who: self.introduced.append(who)
        )

    def session(self) -> PageSession:
        found = self.sessions.sign_in("alice", "wonder", "198.51.100.7", 0.0)
        assert isinstance(found, PageSession)
        return found

    def sign_out(self, token: str) -> str | Refused:
        return self.sessions.sign_out(token, "198.51.100.7", 0.0)


@pytest.fixture
def site() -> Site:
    return Site()


def request(
    method: str = "REGISTER", *, user: str = "alice", lines: str = "", cseq: int = 1, instance: str = "1"
) -> Request:
    message = parse_message(
        (
            f"{method} sip:{REALM} SIP/2.0\r\nVia: SIP/2.0/WSS x.invalid;branch=z9hG4bK{cseq}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:{user}@{REALM}>;tag=1\r\nTo: <sip:{user}@{REALM}>\r\nCall-ID: 1\r\nCSeq: {cseq} {method}\r\n"
            f"Supported: path, outbound\r\nContact: <sip:{user}@x.invalid;transport=ws>;reg-id=1"
            f';+sip.instance="<urn:uuid:{instance}>"\r\n{lines}Content-Length: 0\r\n\r\n'
        ).encode()
    )
    assert isinstance(message, Request)
    return message


def bearer(token: str) -> str:
    return f"Authorization: Bearer {token}\r\n"


# Signing in.


def test_a_password_opens_a_session(site: Site) -> None:
    session = site.session()
    assert (session.user, session.uri, session.display_name) == ("alice", f"sip:alice@{REALM}", "Alice")
    assert session.expires_in == 900
    assert site.signer.read(session.token, SIP_TOKEN)["sub"] == "alice"
    assert session.token not in repr(session)


def test_a_password_known_by_one_hash_alone_is_as_good(site: Site) -> None:
    assert isinstance(site.sessions.sign_in("old", "wonder", "198.51.100.7", 0.0), PageSession)


@pytest.mark.parametrize(
    ("user", "password"), [("alice", "wrong"), ("nobody", "wonder"), ("carrier", "sesame"), ("alice", ""), ("", "")]
)
def test_everything_else_is_refused_alike(site: Site, user: str, password: str) -> None:
    assert site.sessions.sign_in(user, password, "198.51.100.7", 0.0) == Refused(401)


def test_a_source_that_guesses_waits_longer_and_longer(site: Site) -> None:
    for _ in range(10):
        site.sessions.sign_in("alice", "wrong", "198.51.100.7", 0.0)
    refused = site.sessions.sign_in("alice", "wonder", "198.51.100.7", 0.0)
    assert refused == Refused(429, None, (("Retry-After", "1"),))
    assert site.sessions.renew("x", "198.51.100.7", 0.0) == refused
    assert isinstance(site.sessions.sign_in("alice", "wonder", "198.51.100.8", 0.0), PageSession)
    assert isinstance(site.sessions.sign_in("alice", "wonder", "198.51.100.7", 1.1), PageSession)


def test_who_guesses_locks_out_nobody_that_has_a_token(site: Site) -> None:
    """Offices and mobile networks share an address."""
    session, guest = site.session(), site.signer.sign(GUEST_TOKEN, {"sub": "guest-1"}, ttl=60)
    for _ in range(10):
        site.sessions.sign_in("alice", "wrong", "198.51.100.7", 0.0)
    assert isinstance(site.sessions.renew(session.token, "198.51.100.7", 0.0), PageSession)
    for token in (session.token, guest):
        assert isinstance(site.authenticator.authenticate(request(lines=bearer(token)), PAGE, 0.0), Authenticated)
        assert isinstance(site.authenticator.authenticate(request(lines=bearer(token)), PHONE, 0.0), Refused)
    for lines in ("", bearer(session.token + "A"), bearer(site.signer.sign("other", {"sub": "alice"}, ttl=60))):
        assert isinstance(site.authenticator.authenticate(request(lines=lines), PAGE, 0.0), Refused)


def test_a_session_goes_on_until_the_password_is_due_again(site: Site) -> None:
    session = site.session()
    for _ in range(5):
        site.clock += 700.0
        renewed = site.sessions.renew(session.token, "198.51.100.7", 0.0)
        assert isinstance(renewed, PageSession)
        session = renewed
    assert session.expires_in == 100  # an hour after the password it is over, whatever was renewed
    site.clock += 99.0
    proven = site.authenticator.authenticate(request(lines=bearer(session.token)), PAGE, 0.0)
    assert isinstance(proven, Authenticated)
    assert (proven.user, proven.until) == ("alice", 1.0)
    site.clock += 1.0
    assert site.sessions.renew(session.token, "198.51.100.7", 0.0) == Refused(401, "the token has expired")


def test_a_token_of_somebody_who_is_gone_opens_nothing(site: Site) -> None:
    token = site.signer.sign(SIP_TOKEN, {"sub": "gone", "since": site.clock}, ttl=60)
    assert isinstance(site.sessions.renew(token, "198.51.100.7", 0.0), Refused)
    assert isinstance(site.authenticator.authenticate(request(lines=bearer(token)), PAGE, 0.0), Challenge)
    trunk = site.signer.sign(SIP_TOKEN, {"sub": "carrier", "since": site.clock}, ttl=60)
    assert isinstance(site.authenticator.authenticate(request(lines=bearer(trunk)), PAGE, 0.0), Challenge)


def test_a_new_password_ends_what_the_old_one_opened(site: Site) -> None:
    """The node is the same, with the same key: whoever knew the password before is out."""
    session = site.session()
    restarted, changed = Site(), Site("wonder again")
    assert isinstance(restarted.sessions.renew(session.token, "198.51.100.7", 0.0), PageSession)
    refused = changed.sessions.renew(session.token, "198.51.100.7", 0.0)
    assert refused == Refused(401, "the token is for nobody who is signed in here")
    assert isinstance(changed.authenticator.authenticate(request(lines=bearer(session.token)), PAGE, 0.0), Challenge)
    granted = changed.sessions.open("alice")
    assert isinstance(changed.sessions.renew(granted.token, "198.51.100.7", 0.0), PageSession)


def test_what_a_token_says_of_the_password_helps_nobody_to_guess_it(site: Site) -> None:
    claims = site.signer.read(site.session().token, SIP_TOKEN)
    other = TokenSigner("another key of some characters")
    proof = "\0".join(
        ("alice", *(f"{name}={value}" for name, value in sorted(account("alice", "wonder", REALM).secrets.items())))
    )
    assert claims["proof"] == site.signer.seal(proof)
    assert claims["proof"] != other.seal(proof)


def test_signing_out_ends_the_session_with_all_its_tokens_and_no_other(site: Site) -> None:
    first, other = site.session(), site.session()
    site.clock += 100.0
    second = site.sessions.renew(first.token, "198.51.100.7", 0.0)
    assert isinstance(second, PageSession)
    assert site.sign_out(first.token) == "alice"
    for token in (first.token, second.token):
        assert isinstance(site.sessions.renew(token, "198.51.100.7", 0.0), Refused)
        assert isinstance(site.sign_out(token), Refused)
        assert isinstance(site.authenticator.authenticate(request(lines=bearer(token)), PAGE, 0.0), Challenge)
    assert isinstance(site.sessions.renew(other.token, "198.51.100.7", 0.0), PageSession)
    site.clock += 3600.0
    assert site.sign_out(site.session().token) == "alice"
    assert len(site.authenticator.ended) == 1, "what had ended by itself is forgotten"


def test_who_signs_out_is_not_called_any_more_and_others_are(site: Site) -> None:
    """A page that lost its connection could not take its registration back by itself."""
    leaving, staying = site.session(), site.session()
    elsewhere = request(lines=bearer(staying.token), instance="2", cseq=7)
    for wanted, flow in ((request(lines=bearer(leaving.token)), PAGE), (elsewhere, MOVED)):
        assert site.registrar.register(wanted, flow, 0.0).status == 200
    site.bindings.connection_away(PAGE)
    assert site.sign_out(leaving.token) == "alice"
    assert [each.flow for each in site.bindings.lookup("alice", 0.0)] == [MOVED]
    assert site.registrar.register(request(lines=bearer(leaving.token), cseq=8), PAGE, 0.0).status == 401


def test_tokens_cannot_be_guessed_by_signing_out(site: Site) -> None:
    for _ in range(10):
        assert isinstance(site.sign_out("x"), Refused)
    session = site.sessions.open("alice")
    assert site.sign_out("x") == Refused(429, None, (("Retry-After", "1"),))
    assert site.sign_out(session.token) == "alice", "whoever has a good token is nobody who guesses"


def test_so_many_sessions_ended_are_remembered() -> None:
    ended = EndedSessions(capacity=2)
    for session in ("one", "two", "one", "three"):
        ended.end(session, 10.0)
    assert [each in ended for each in ("one", "two", "three")] == [True, False, True]


def test_a_guests_token_opens_no_session(site: Site) -> None:
    token = site.signer.sign(GUEST_TOKEN, {"sub": "guest-1"}, ttl=60)
    assert isinstance(site.sessions.renew(token, "198.51.100.7", 0.0), Refused)


# SIP.


def test_a_token_stands_for_its_user_on_web_sockets_alone(site: Site) -> None:
    register = request(lines=bearer(site.session().token))
    proven = site.authenticator.authenticate(register, PAGE, 5.0)
    assert isinstance(proven, Authenticated)
    assert (proven.user, proven.until) == ("alice", 905.0)
    assert isinstance(site.authenticator.authenticate(register, PHONE, 5.0), Challenge)


def test_an_expired_token_is_no_attempt_to_guess_and_a_forged_one_is(site: Site) -> None:
    token = site.session().token
    site.clock += 900.0
    for _ in range(20):
        answer = site.authenticator.authenticate(request(lines=bearer(token)), PAGE, 0.0)
        assert isinstance(answer, Challenge)
        assert 'error="invalid_token"' in answer.headers[-1][1]
    for _ in range(10):
        site.authenticator.authenticate(request(lines=bearer(token + "A")), PAGE, 0.0)
    assert isinstance(site.authenticator.authenticate(request(lines=bearer(token)), PAGE, 0.0), Refused)


def test_what_runs_in_browsers_gets_the_one_challenge_that_it_can_answer(site: Site) -> None:
    """Of several, JsSIP looks at the last and SIP.js at the first."""
    asked = site.authenticator.authenticate(request(), PAGE, 0.0)
    assert isinstance(asked, Challenge)
    [(_, value)] = asked.headers
    [first] = read_challenges([value])
    assert first.algorithm == "MD5"
    answer = answer_challenge(first, "REGISTER", f"sip:{REALM}", "alice", "wonder", "c")
    proven = site.authenticator.authenticate(request(lines=f"Authorization: {answer}\r\n"), PAGE, 0.0)
    assert proven == Authenticated("alice")
    phones = site.authenticator.authenticate(request(), PHONE, 0.0)
    assert isinstance(phones, Challenge)
    assert [read_challenges([value])[0].algorithm for _, value in phones.headers] == ["SHA-256", "MD5"]


def test_a_trunk_is_no_page(site: Site) -> None:
    asked = site.authenticator.authenticate(request(), PAGE, 0.0)
    assert isinstance(asked, Challenge)
    challenge = read_challenges([asked.headers[0][1]])[0]
    answer = answer_challenge(challenge, "REGISTER", f"sip:{REALM}", "carrier", "sesame", "c")
    refused = site.authenticator.authenticate(request(lines=f"Authorization: {answer}\r\n"), PAGE, 0.0)
    assert isinstance(refused, Challenge)


# Registering.


def test_a_registration_ends_with_its_token_and_says_who_is_there(site: Site) -> None:
    answer = site.registrar.register(request(lines=bearer(site.session().token)), PAGE, 100.0)
    assert answer.status == 200
    assert 'expires=900;+sip.instance="<urn:uuid:1>";reg-id=1' in dict(answer.headers)["Contact"]
    assert site.introduced == [(PAGE, "alice", "<urn:uuid:1>")]
    [binding] = site.bindings.lookup("alice", 100.0)
    assert binding.expires_at == 1000.0


def test_nobody_is_introduced_who_was_refused(site: Site) -> None:
    token = site.session().token
    assert site.registrar.register(request(user="bob", lines=bearer(token)), PAGE, 0.0).status == 403
    assert site.registrar.register(request(), PAGE, 0.0).status == 401
    assert not site.introduced


def test_a_guest_is_greeted_and_cannot_be_called(site: Site) -> None:
    token = site.signer.sign(GUEST_TOKEN, {"sub": "guest-1", "link": "l"}, ttl=300)
    answer = site.registrar.register(request(user="guest-1", lines=bearer(token)), PAGE, 0.0)
    assert answer.status == 200
    assert 'expires=300;+sip.instance="<urn:uuid:1>";reg-id=1' in dict(answer.headers)["Contact"]
    assert site.introduced == [(PAGE, "guest-1", "<urn:uuid:1>")]
    assert not site.bindings.users()
    assert site.registrar.register(request(user="alice", lines=bearer(token)), PAGE, 0.0).status == 403
    proven = site.authenticator.authenticate(request("INVITE", lines=bearer(token)), PAGE, 0.0)
    assert isinstance(proven, Authenticated)
    assert proven.guest is not None
    assert proven.guest["link"] == "l"


def test_a_lost_page_is_not_rung_until_it_is_back(site: Site) -> None:
    site.registrar.register(request(lines=bearer(site.session().token)), PAGE, 0.0)
    site.bindings.connection_away(PAGE)
    assert site.bindings.ways("alice", 0.0, domain=REALM) == []
    assert [contact.connected for contact in site.bindings.snapshot(0.0)] == [False]
    site.registrar.register(request(lines=bearer(site.session().token), cseq=2), MOVED, 0.0)
    [[way]] = site.bindings.ways("alice", 0.0, domain=REALM)
    assert way.flow == MOVED
    site.bindings.connection_lost(PAGE)
    assert len(site.bindings.lookup("alice", 0.0)) == 1
    site.bindings.connection_lost(MOVED)
    assert not site.bindings.lookup("alice", 0.0)


# The gate.


def test_pages_come_from_anywhere_where_there_are_pages_and_keep_a_pace() -> None:
    gate = Gate([], Phones())
    assert gate.admit(PAGE, 0.0) is None
    assert gate.may_begin(PAGE) is None
    gate.let_pages_in(lambda flow: None)
    assert isinstance(gate.admit(PAGE, 0.0), Phones)
    assert isinstance(gate.may_begin(PAGE), Phones)
    assert gate.admit(PHONE, 0.0) is None
    admitted = sum(gate.admit(PAGE, 0.0) is not None for _ in range(1000))
    assert 0 < admitted < 200
    assert gate.counters.throttled == 1000 - admitted


def test_a_page_speaks_for_what_it_has_begun_wherever_it_is() -> None:
    parties: dict[Flow, object] = {PAGE: "alice 1", MOVED: "alice 1"}
    gate = Gate([], Phones())
    gate.let_pages_in(parties.get)
    assert gate.same_party(MOVED, PAGE)
    neighbour = Flow("WSS", PAGE.local, (PAGE.remote[0], 40001), 3)
    assert not gate.same_party(neighbour, PAGE)  # the same address is not enough: offices share one
    assert not gate.same_party(PHONE, PAGE)
    assert not gate.same_party(PAGE, PHONE)
    parties[MOVED] = "bob 1"
    assert not gate.same_party(MOVED, PAGE)
    assert gate.same_party(neighbour, neighbour)
