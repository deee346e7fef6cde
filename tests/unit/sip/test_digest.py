"""Digest: the RFCs' own vectors, both sides against each other, and what a server must not accept."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.sip.auth import AuthChallenge, AuthCredentials
from softswitch.sip.digest import (
    Credentials,
    NonceKeeper,
    Verdict,
    answer_challenge,
    hashed,
    is_supported,
    make_challenge,
    matches,
    read_challenges,
    strongest,
)
from softswitch.sip.errors import LocalProtocolError

SECRET = b"0123456789abcdef"
CNONCE_7616 = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def challenge_7616(algorithm: str) -> AuthChallenge:
    return AuthChallenge.parse(
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_rfc_7616_3_9_1(algorithm: str, response: str) -> None:
    answer = answer_challenge(
        challenge_7616(algorithm), "GET", "/dir/index.html", "Mufasa", "Circle of Life", CNONCE_7616
    )
    assert answer.response == response
    assert answer.get("opaque") == "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
    assert (answer.get("nc"), answer.get("qop")) == ("00000001", "auth")
    assert matches(answer, "GET", "Circle of Life")
    assert matches(AuthCredentials.parse(str(answer)), "GET", "Circle of Life")


def test_rfc_2617_3_5() -> None:
    challenge = AuthChallenge.parse(
        'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
    )
    answer = answer_challenge(challenge, "GET", "/dir/index.html", "Mufasa", "Circle Of Life", "0a4f113b")
    assert answer.response == "6629fae49393a05397450978507c4ef1"
    assert answer.get("algorithm") is None


def test_without_qop_as_in_rfc_2069() -> None:
    """The digest is H(H(A1):nonce:H(A2)), here by RFC 2617 3.5's realm and user."""
    challenge = AuthChallenge.parse('Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"')
    answer = answer_challenge(challenge, "GET", "/dir/index.html", "Mufasa", "Circle Of Life", "unused")
    assert answer.response == "670fd8c2df070c60b045671b8b24ff02"
    assert [answer.get(name) for name in ("qop", "nc", "cnonce")] == [None, None, None]
    assert matches(answer, "GET", "Circle Of Life")


@pytest.mark.parametrize("algorithm", ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "md5", "sha-256"])
@pytest.mark.parametrize("qop", [True, False])
def test_both_sides_agree(algorithm: str, qop: bool) -> None:
    challenge = make_challenge("example.com", "nonce", algorithm)
    if not qop:
        challenge = AuthChallenge("Digest", tuple(item for item in challenge.parameters if item[0] != "qop"))
    answer = answer_challenge(challenge, "INVITE", "sip:a@b", "jürgen", "pass:wörd", "cnonce", 17)
    parsed = AuthCredentials.parse(str(answer))
    assert matches(parsed, "INVITE", "pass:wörd")
    assert not matches(parsed, "INVITE", "pass:word")
    assert not matches(parsed, "BYE", "pass:wörd")


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(["username", "realm", "nonce", "uri", "cnonce", "nc", "response", "qop"]), st.text(max_size=5))
def test_any_changed_parameter_is_noticed(name: str, value: str) -> None:
    answer = answer_challenge(make_challenge("r", "n", "SHA-256"), "INVITE", "sip:a", "u", "p", "c")
    changed = AuthCredentials("Digest", tuple((key, value if key == name else old) for key, old in answer.parameters))
    assert matches(changed, "INVITE", "p") is (changed.get(name) == answer.get(name))


def test_the_strongest_supported_challenge_is_answered() -> None:
    md5, sha = make_challenge("r", "1", "MD5"), make_challenge("r", "2", "SHA-256")
    unknown = make_challenge("r", "3", "SHA-512-256")
    basic = AuthChallenge.parse('Basic realm="r"')
    integrity = AuthChallenge.parse('Digest realm="r", nonce="4", algorithm=SHA-256, qop="auth-int"')
    assert strongest([md5, sha, unknown, basic, integrity]) is sha
    assert strongest([sha, md5]) is sha
    assert strongest([md5]) is md5
    assert strongest([unknown, basic, integrity]) is None
    assert strongest([]) is None
    assert strongest([md5, sha], realm="other") is None
    assert strongest([make_challenge("s", "5", "SHA-256"), md5], realm="r") is md5


def test_challenges_that_cannot_be_read_do_not_hide_others() -> None:
    values = ["Digest realm=", "Basic", str(make_challenge("r", "n"))]
    assert [challenge.scheme for challenge in read_challenges(values)] == ["Basic", "Digest"]


def test_only_supported_challenges_are_answered() -> None:
    challenge = make_challenge("r", "n", "SHA-512-256")
    assert not is_supported(challenge)
    with pytest.raises(LocalProtocolError):
        answer_challenge(challenge, "INVITE", "sip:a", "u", "p", "c")


def test_challenge_text() -> None:
    challenge = make_challenge("example.com", "n", "SHA-256", stale=True, opaque="o")
    assert (
        str(challenge) == 'Digest realm="example.com", nonce="n", algorithm=SHA-256, qop="auth", opaque="o", stale=true'
    )
    assert challenge.stale
    assert not make_challenge("r", "n").stale


def test_credentials_do_not_show_their_password() -> None:
    assert "hunter2" not in repr(Credentials("u", "hunter2"))


class TestNonceKeeper:
    def credentials(self, nonce: str, nc: int = 1, password: str = "p") -> AuthCredentials:
        return answer_challenge(make_challenge("r", nonce), "REGISTER", "sip:r", "u", password, "c", nc)

    def judge(
        self, keeper: NonceKeeper, credentials: AuthCredentials, now: float, password: str | None = "p"
    ) -> Verdict:
        secret = None if password is None else hashed(credentials.algorithm, "u", "r", password)
        return keeper.judge(credentials, method="REGISTER", realm="r", secret=secret, now=now)

    def test_each_count_is_taken_once(self) -> None:
        keeper = NonceKeeper(SECRET)
        nonce = keeper.issue(100.0)
        counts = [1, 2, 2, 1, 5, 3]
        verdicts = [self.judge(keeper, self.credentials(nonce, count), 101.0) for count in counts]
        good, replayed = Verdict.ACCEPTED, Verdict.STALE
        assert verdicts == [good, good, replayed, replayed, good, replayed]

    def test_an_old_nonce_is_stale(self) -> None:
        keeper = NonceKeeper(SECRET, lifetime=30.0)
        nonce = keeper.issue(100.0)
        assert self.judge(keeper, self.credentials(nonce), 130.0) is Verdict.ACCEPTED
        assert self.judge(keeper, self.credentials(nonce, 2), 130.1) is Verdict.STALE

    def test_somebody_elses_nonce_is_stale_only_with_the_right_password(self) -> None:
        keeper = NonceKeeper(SECRET)
        nonce = NonceKeeper(b"another secret 16").issue(100.0)
        assert self.judge(keeper, self.credentials(nonce), 100.0) is Verdict.STALE
        assert self.judge(keeper, self.credentials(nonce, password="wrong"), 100.0) is Verdict.REFUSED

    @pytest.mark.parametrize("nonce", ["", "x", "====", "ä", "AAAA" * 10])
    def test_no_nonce_breaks_it(self, nonce: str) -> None:
        assert not NonceKeeper(SECRET).take(nonce, 1, 100.0)

    def test_another_spelling_of_a_nonce_is_another_nonce(self) -> None:
        keeper = NonceKeeper(SECRET)
        nonce = keeper.issue(100.0)
        assert keeper.take(nonce, 1, 100.0)
        for variant in (nonce + "=", nonce + "\n", " " + nonce, nonce + "AAAA"):
            assert not keeper.take(variant, 1, 100.0)

    def test_a_nonce_from_the_future_is_not_ours(self) -> None:
        """After a restart the clock may have begun anew with the same secret."""
        keeper = NonceKeeper(SECRET)
        assert not keeper.take(keeper.issue(1000.0), 1, 10.0)

    def test_wrong_password_unknown_user_and_wrong_realm_are_refused(self) -> None:
        keeper = NonceKeeper(SECRET)
        nonce = keeper.issue(100.0)
        assert self.judge(keeper, self.credentials(nonce, password="wrong"), 100.0) is Verdict.REFUSED
        assert self.judge(keeper, self.credentials(nonce, password=""), 100.0, None) is Verdict.REFUSED
        judged = keeper.judge(
            self.credentials(nonce), method="REGISTER", realm="s", secret=hashed("MD5", "u", "r", "p"), now=100.0
        )
        assert judged is Verdict.REFUSED
        assert self.judge(keeper, self.credentials(nonce), 100.0) is Verdict.ACCEPTED, "refusals use no count"

    def test_without_qop_a_nonce_serves_once(self) -> None:
        keeper = NonceKeeper(SECRET)
        challenge = AuthChallenge.of("Digest", realm="r", nonce=keeper.issue(100.0))
        answer = answer_challenge(challenge, "REGISTER", "sip:r", "u", "p", "")
        assert [self.judge(keeper, answer, 100.0) for _ in range(2)] == [Verdict.ACCEPTED, Verdict.STALE]

    @pytest.mark.parametrize("nc", ["1", "0000000g", "00000000001", "-0000001"])
    def test_a_malformed_count_is_refused(self, nc: str) -> None:
        keeper = NonceKeeper(SECRET)
        nonce = keeper.issue(100.0)
        # The digest is right for the malformed count, as somebody who has the password could make it.
        good = self.credentials(nonce)
        a1, a2 = (hashlib.md5(text).hexdigest() for text in (b"u:r:p", b"REGISTER:sip:r"))
        response = hashlib.md5(f"{a1}:{nonce}:{nc}:c:auth:{a2}".encode()).hexdigest()
        forged = {**dict(good.parameters), "nc": nc, "response": response}
        credentials = AuthCredentials("Digest", tuple(forged.items()))
        assert matches(credentials, "REGISTER", "p")
        assert self.judge(keeper, credentials, 100.0) is Verdict.REFUSED

    def test_forgetting_counts_opens_no_replay(self) -> None:
        keeper = NonceKeeper(SECRET, capacity=3)
        nonces = [keeper.issue(100.0 + number) for number in range(5)]
        assert all(keeper.take(nonce, 1, 110.0) for nonce in nonces)
        assert not any(keeper.take(nonce, 1, 111.0) for nonce in nonces)
        assert [keeper.take(nonce, 2, 111.0) for nonce in nonces] == [False, False, True, True, True]

    def test_nonces_differ_within_one_instant(self) -> None:
        keeper = NonceKeeper(SECRET)
        assert len({keeper.issue(1.0) for _ in range(100)}) == 100

    def test_a_short_secret_is_refused(self) -> None:
        with pytest.raises(LocalProtocolError):
            NonceKeeper(b"short")
