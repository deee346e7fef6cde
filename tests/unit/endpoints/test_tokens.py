"""Tokens are good for their purpose, from their key, until they expire; anything else is refused with its reason."""

from __future__ import annotations

import base64
import json

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.endpoints.claims import TokenError
from softswitch.endpoints.tokens import LONGEST_TOKEN, TokenSigner

KEY = "a key of thirty-two characters.."


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signer(clock: Clock) -> TokenSigner:
    return TokenSigner(KEY, clock=clock)


def test_a_token_says_what_was_signed(signer: TokenSigner) -> None:
    token = signer.sign("sip", {"sub": "alice", "generation": 3}, ttl=60)
    claims = signer.read(token, "sip")
    assert (claims["sub"], claims["generation"], claims["exp"]) == ("alice", 3, 1_800_000_060.0)


def test_a_token_ends_to_the_fraction_of_a_second(signer: TokenSigner, clock: Clock) -> None:
    token = signer.sign("sip", {"sub": "alice"}, ttl=0.5)
    clock.now += 0.499
    assert signer.read(token, "sip")["sub"] == "alice"
    clock.now += 0.001
    with pytest.raises(TokenError, match="expired"):
        signer.read(token, "sip")


def test_another_purpose_is_refused(signer: TokenSigner) -> None:
    with pytest.raises(TokenError, match="another purpose"):
        signer.read(signer.sign("call-link", {"sub": "alice"}, ttl=60), "sip")


@pytest.mark.parametrize("text", ["\ud800", "\udcff.a.b", "é.e30.AAAA", "\0", "..", "W1tb.e30.AAAA"])
def test_what_is_no_token_is_called_malformed(signer: TokenSigner, text: str) -> None:
    """Surrogates are what JSON and headers make of octets that are no text."""
    with pytest.raises(TokenError, match="malformed"):
        signer.read(text, "sip")


def test_another_key_is_refused(signer: TokenSigner, clock: Clock) -> None:
    with pytest.raises(TokenError, match="not signed here"):
        signer.read(TokenSigner(KEY[::-1], clock=clock).sign("sip", {"sub": "alice"}, ttl=60), "sip")


@pytest.mark.parametrize("claim", ["aud", "exp", "iat"])
def test_claims_of_the_signer_cannot_be_given(signer: TokenSigner, claim: str) -> None:
    with pytest.raises(ValueError, match=claim):
        signer.sign("sip", {claim: "x"}, ttl=60)


def test_a_token_without_signature_is_refused(signer: TokenSigner) -> None:
    claims = {"sub": "alice", "aud": "sip", "iat": 1_800_000_000, "exp": 1_900_000_000}
    pieces = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({"alg": "none"}, claims)
    ]
    for signature in ("", "AAAA"):
        with pytest.raises(TokenError):
            signer.read(".".join([*pieces, signature]), "sip")


@pytest.mark.parametrize("missing", ["aud", "exp", "iat"])
def test_a_token_that_lacks_a_claim_is_refused(signer: TokenSigner, missing: str) -> None:
    claims = {"sub": "alice", "aud": "sip", "iat": 1_800_000_000, "exp": 1_900_000_000}
    del claims[missing]
    token = jwt.encode(claims, signer._key, "HS256")
    with pytest.raises(TokenError):
        signer.read(token, "sip")


def test_an_expiry_that_is_no_number_is_refused(signer: TokenSigner) -> None:
    claims = {"sub": "alice", "aud": "sip", "iat": 1_800_000_000, "exp": "never"}
    with pytest.raises(TokenError):
        signer.read(jwt.encode(claims, signer._key, "HS256"), "sip")


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda octets: octets.decode("latin-1")))
def test_nothing_else_is_a_token(text: str) -> None:
    with pytest.raises(TokenError):
        TokenSigner(KEY).read(text, "sip")


@given(st.integers(0, 10_000), st.integers(1, 127))
def test_any_change_is_noticed(at: int, change: int) -> None:
    signer = TokenSigner(KEY)
    token = signer.sign("sip", {"sub": "alice"}, ttl=60)
    at %= token.rindex(".")
    altered = token[:at] + chr(ord(token[at]) ^ change) + token[at + 1 :]
    with pytest.raises(TokenError):
        signer.read(altered, "sip")


def test_an_overlong_token_is_not_looked_at(signer: TokenSigner) -> None:
    with pytest.raises(TokenError, match="longer"):
        signer.read("a" * (LONGEST_TOKEN + 1), "sip")


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        TokenSigner("secret")
