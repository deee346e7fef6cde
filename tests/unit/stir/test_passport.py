"""PASSporT: the RFCs' own examples, and whatever else may come."""

from __future__ import annotations

import contextlib
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.stir.certificates import SigningKey, check
from softswitch.stir.errors import StirError
from softswitch.stir.identity_header import IdentityHeader, parse
from softswitch.stir.passport import Passport, decode, encoded, telephone_number, unpacked
from softswitch.stir.sign import Signer
from tests.support.stir import ORIGID, X5U

# RFC 8225 appendix A. The signature printed there is not of the key printed there; that of the draft before it is, over
# claims whose `iat` was still text.
RFC_KEY = b"""-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIFeZ1R208QCvcu5GuYyMfG4W7sH4m99/7eHSDLpdYllFoAoGCCqGSM49
AwEHoUQDQgAE8HNbQd/TmvCKwPKHkMF9fScavGeH78YTU8qLS8I5HLHSSmlATLcs
lQMhNC/OhlWBYC626nIlo7XeebYS7Sb37g==
-----END EC PRIVATE KEY-----
"""
RFC_HEADER = "eyJhbGciOiJFUzI1NiIsInR5cCI6InBhc3Nwb3J0IiwieDV1IjoiaHR0cHM6Ly9jZXJ0LmV4YW1wbGUub3JnL3Bhc3Nwb3J0LmNlciJ9"
RFC_PAYLOAD = (
    "eyJkZXN0Ijp7InVyaSI6WyJzaXA6YWxpY2VAZXhhbXBsZS5jb20iXX0sImlhdCI6MTQ3MTM3NTQxOCwib3JpZyI6eyJ0biI6IjEyMTU1NTUx"
    "MjEyIn19"
)
DRAFT_PAYLOAD = (
    "eyJkZXN0Ijp7InVyaSI6WyJzaXA6YWxpY2VAZXhhbXBsZS5jb20iXX0sImlhdCI6IjE0NDMyMDgzNDUiLCJvcmlnIjp7InRuIjoiMTIxNTU1"
    "NTEyMTIifX0"
)
DRAFT_SIGNATURE = "rq3pjT1hoRwakEGjHCnWSwUnshd0-zJ6F1VOgFWSjHBr8Qjpjlk-cpFYpFYsojNCpTzO3QfPOlckGaS6hEck7w"
RFC_PASSPORT = Passport(
    x5u="https://cert.example.org/passport.cer",
    orig="12155551212",
    dest=(),
    dest_uri=("sip:alice@example.com",),
    iat=1471375418,
)


def public(pem: bytes) -> ec.EllipticCurvePublicKey:
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key.public_key()


def test_the_example_of_rfc_8225_is_written_and_read() -> None:
    signed = RFC_PASSPORT.signing_input()
    assert signed.decode() == f"{RFC_HEADER}.{RFC_PAYLOAD}"
    signature = SigningKey(RFC_KEY).sign(signed)
    assert decode(f"{signed.decode()}.{encoded(signature)}") == (RFC_PASSPORT, signed, signature)
    check(public(RFC_KEY), signed, signature)


def test_a_signature_of_others_is_verified() -> None:
    signed, signature = f"{RFC_HEADER}.{DRAFT_PAYLOAD}".encode(), unpacked(DRAFT_SIGNATURE)
    check(public(RFC_KEY), signed, signature)
    for wrong in (signature[:-1] + b"x", signature[::-1], signature[:-1], b"", signature + b"x", bytes(64)):
        with pytest.raises(StirError) as caught:
            check(public(RFC_KEY), signed, wrong)
        assert caught.value.status == 438
    with pytest.raises(StirError):
        check(public(RFC_KEY), signed + b"x", signature)


def test_the_claims_of_rfc_8588_are_written_in_order() -> None:
    signed = Passport(
        x5u="https://cert.example.org/passport.cer", orig="12155551212", dest=("12155551213",), iat=1443208345,
        ppt="shaken", attest="A", origid=ORIGID,
    ).signing_input()  # fmt: skip
    header, payload = (unpacked(piece).decode() for piece in signed.decode().split("."))
    assert header == '{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://cert.example.org/passport.cer"}'
    assert payload == (
        '{"attest":"A","dest":{"tn":["12155551213"]},"iat":1443208345,"orig":{"tn":"12155551212"},'
        f'"origid":"{ORIGID}"}}'
    )


def test_what_we_sign_is_what_rfc_8224_asks_for() -> None:
    value = Signer(SigningKey(RFC_KEY), x5u=X5U, origid=ORIGID).sign("+12155551212", "+4930123", "B", 1443208345.9)
    assert value is not None
    header = parse(value)
    assert (header.info, header.alg, header.ppt, header.compact) == (X5U, "ES256", "shaken", False)
    passport, _, signature = decode(header.token)
    assert (passport.orig, passport.dest, passport.iat) == ("12155551212", ("4930123",), 1443208345)
    assert (passport.attest, passport.origid, len(signature)) == ("B", ORIGID, 64)
    assert str(header) == value


@pytest.mark.parametrize(("caller", "called"), [("anonymous", "+4930"), ("+4930", "anna"), ("", "1"), ("1", "1" * 16)])
def test_what_is_no_telephone_number_is_not_signed(caller: str, called: str) -> None:
    assert Signer(SigningKey(RFC_KEY), x5u=X5U, origid=ORIGID).sign(caller, called, "A", 0.0) is None


@pytest.mark.parametrize(
    ("canonical", "number"),
    [("+4930123", "4930123"), ("112", "112"), ("*43", "*43"), ("anna", ""), ("+", ""), ("", "")],
)
def test_telephone_numbers(canonical: str, number: str) -> None:
    assert telephone_number(canonical) == number


def token(header: object, payload: object) -> str:
    return ".".join(encoded(json.dumps(each).encode()) for each in (header, payload)) + ".AAAA"


HEADER = {"alg": "ES256", "typ": "passport", "x5u": X5U, "ppt": "shaken"}
PAYLOAD = {"attest": "A", "dest": {"tn": ["1"]}, "iat": 1, "orig": {"tn": "2"}, "origid": ORIGID}


@pytest.mark.parametrize(
    ("header", "payload"),
    [
        ({**HEADER, "alg": "none"}, PAYLOAD),
        ({**HEADER, "alg": "RS256"}, PAYLOAD),
        ({**HEADER, "typ": "JWT"}, PAYLOAD),
        ({**HEADER, "x5u": 5}, PAYLOAD),
        ({**HEADER, "ppt": ["shaken"]}, PAYLOAD),
        ([], PAYLOAD),
        (HEADER, "text"),
        (HEADER, {**PAYLOAD, "iat": "1"}),
        (HEADER, {**PAYLOAD, "iat": True}),
        (HEADER, {**PAYLOAD, "iat": -1}),
        (HEADER, {**PAYLOAD, "iat": 10**30}),
        (HEADER, {**PAYLOAD, "attest": "D"}),
        (HEADER, {**PAYLOAD, "attest": None}),
        (HEADER, {**PAYLOAD, "origid": ""}),
        (HEADER, {**PAYLOAD, "dest": {"tn": "1"}}),
        (HEADER, {**PAYLOAD, "dest": {"tn": ["1"] * 33}}),
        (HEADER, {**PAYLOAD, "orig": "2"}),
        (HEADER, {"iat": 1}),
    ],
)
def test_claims_that_are_none(header: object, payload: object) -> None:
    with pytest.raises(StirError) as caught:
        decode(token(header, payload))
    assert (caught.value.status, caught.value.reason) == (438, "Invalid Identity Header")
    decode(token(HEADER, PAYLOAD))


@pytest.mark.parametrize(
    "value",
    [
        "",
        ";info=<x>",
        "a.b.c",
        "a.b.c;alg=ES256",
        "a.b.c;info=",
        "a.b.c;info=<x>;info=<y>",
        "a.b.c;info=<x",
        'a.b.c;info=<x>;"',
        "a b.c;info=<x>",
        "a.b.c;info=<x>" + ";" * 3,
        "x" * 10_000,
    ],
)
def test_headers_that_are_none(value: str) -> None:
    with pytest.raises(StirError) as caught:
        parse(value)
    assert caught.value.status == 438


@pytest.mark.parametrize(
    ("value", "header"),
    [
        ("a.b.c;info=<https://x/y>;alg=ES256;ppt=shaken", IdentityHeader("a.b.c", "https://x/y", "ES256", "shaken")),
        ('a.b.c ; PPT="shaken" ; info=<https://x/y>', IdentityHeader("a.b.c", "https://x/y", "", "shaken")),
        ("..c;info=<https://x/y>;alg=ES256", IdentityHeader("..c", "https://x/y", "ES256", "")),
        ("a.b.c;info=<https://x/y;z>;other", IdentityHeader("a.b.c", "https://x/y;z", "", "")),
    ],
)
def test_headers(value: str, header: IdentityHeader) -> None:
    assert parse(value) == header


@settings(max_examples=60)
@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_.;=<>\"/: -]{0,200}", fullmatch=True))
def test_any_header_is_read_or_refused(value: str) -> None:
    with contextlib.suppress(StirError):
        decode(parse(value).token)


KEYS = sorted({*HEADER, *PAYLOAD, "tn", "uri"})
LEAVES = st.none() | st.booleans() | st.integers() | st.text()


@settings(max_examples=50)
@given(st.recursive(LEAVES, lambda each: st.lists(each) | st.dictionaries(st.sampled_from(KEYS), each), max_leaves=12))
def test_any_json_is_read_or_refused(value: object) -> None:
    for pair in ((value, PAYLOAD), (HEADER, value)):
        with contextlib.suppress(StirError):
            decode(token(*pair))


@settings(max_examples=60)
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_octets_are_read_or_refused(one: bytes, other: bytes) -> None:
    with contextlib.suppress(StirError):
        decode(f"{encoded(one)}.{encoded(other)}.{encoded(one)}")


def test_a_key_that_is_none_says_nothing_of_itself() -> None:
    secret = b"-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0c2VjcmV0\n-----END EC PRIVATE KEY-----\n"
    for pem in (secret, b"c2VjcmV0c2VjcmV0", b""):
        with pytest.raises(ValueError, match="private key in PEM") as caught:
            SigningKey(pem)
        assert "c2Vj" not in str(caught.value)
        assert caught.value.__cause__ is None
    assert "8HNbQd" not in repr(SigningKey(RFC_KEY))
