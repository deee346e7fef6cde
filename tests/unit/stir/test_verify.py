"""Verdicts over signatures: every way one can be wrong, and the status that says so (RFC 8224 6.2.2)."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.stir import tn_auth_list
from softswitch.stir.certificates import CertificateStore, SigningKey
from softswitch.stir.errors import StirError
from softswitch.stir.identity_header import IdentityHeader
from softswitch.stir.passport import Passport, encoded
from softswitch.stir.sign import Signer
from softswitch.stir.tn_auth_list import TnAuthList
from softswitch.stir.verify import FAILED, PASSED, UNVERIFIED, Verdict, Verifier
from tests.support.stir import ORIGID, der, issue, text, tn_list

if TYPE_CHECKING:
    from tests.support.stir import Issued

ROOT = issue("anchor", ca=True)
MIDDLE = issue("middle", ROOT, ca=True)
PROVIDER = issue("provider", MIDDLE, authority=tn_list(providers=["1234"]))
NOW = time.time()
CALLER, CALLED = "+12155551212", "+4930123"


def store(**chains: bytes) -> CertificateStore:
    return CertificateStore({f"https://c/{name}": chain for name, chain in chains.items()}, ROOT.pem)


def signed(by: Issued, name: str = "good", *, caller: str = CALLER, called: str = CALLED, at: float = NOW) -> str:
    value = Signer(SigningKey(by.key_pem), x5u=f"https://c/{name}", origid=ORIGID).sign(caller, called, "B", at)
    assert value is not None
    return value


def judged(by: Issued, header: str | None = None, *, caller: str = CALLER, called: str = CALLED) -> Verdict:
    header = signed(by) if header is None else header
    return Verifier(store(good=by.chain)).verify([header], caller, [called], NOW)


def refusal(verdict: Verdict) -> tuple[str, int]:
    assert verdict.refusal is not None
    return verdict.verstat, verdict.refusal.status


def test_a_good_signature_passes() -> None:
    header = signed(PROVIDER)
    assert judged(PROVIDER, header) == Verdict(PASSED, None, "B", header)


def test_who_signed_for_a_caller_kept_from_us_may_have_signed_for_anybody() -> None:
    assert judged(PROVIDER, caller="").verstat == PASSED


def test_one_of_several_numbers_called_is_enough() -> None:
    verifier = Verifier(store(good=PROVIDER.chain))
    assert verifier.verify([signed(PROVIDER)], CALLER, ["1001", CALLED], NOW).verstat == PASSED
    assert refusal(verifier.verify([signed(PROVIDER)], CALLER, ["1001"], NOW)) == (FAILED, 438)


def test_no_signature_at_all() -> None:
    verifier = Verifier(store())
    assert refusal(verifier.verify([], CALLER, [CALLED], NOW)) == (UNVERIFIED, 428)
    foreign = str(IdentityHeader("a.b.c", "https://x/y", "ES256", "div"))
    assert refusal(verifier.verify([foreign], CALLER, [CALLED], NOW)) == (UNVERIFIED, 428)


@pytest.mark.parametrize("age", [-61, 61, 3600])
def test_stale_signatures(age: int) -> None:
    assert refusal(judged(PROVIDER, signed(PROVIDER, at=NOW - age))) == (FAILED, 403)
    assert judged(PROVIDER, signed(PROVIDER, at=NOW - age // 2)).verstat == (PASSED if abs(age) < 100 else FAILED)


def test_an_unknown_certificate_proves_nothing() -> None:
    assert refusal(judged(PROVIDER, signed(PROVIDER, "unknown"))) == (UNVERIFIED, 436)


@pytest.mark.parametrize(
    ("certificate", "chain"),
    [
        (issue("stranger", issue("other anchor", ca=True), authority=tn_list(providers=["1"])), None),
        (issue("self", authority=tn_list(providers=["1"])), None),
        (issue("no list", MIDDLE), None),
        (issue("broken list", MIDDLE, authority=b"\x30\x05\xa0"), None),
        (issue("empty list", MIDDLE, authority=tn_list()), None),
        (issue("other curve", MIDDLE, authority=tn_list(providers=["1"]), curve=ec.SECP384R1()), None),
        (issue("by no authority", PROVIDER, authority=tn_list(providers=["1"])), None),
        (PROVIDER, PROVIDER.pem),
        (PROVIDER, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    ],
    ids=["stranger", "self", "no-list", "broken-list", "empty-list", "curve", "no-authority", "no-chain", "no-pem"],
)
def test_certificates_that_are_no_good(certificate: Issued, chain: bytes | None) -> None:
    certificates = store(good=certificate.chain if chain is None else chain)
    assert list(certificates.faults()) == ["https://c/good"]
    verdict = Verifier(certificates).verify([signed(PROVIDER)], CALLER, [CALLED], NOW)
    assert refusal(verdict) == (FAILED, 437)


@pytest.mark.parametrize("days", [(-10, -1), (1, 10)])
def test_certificates_that_are_not_valid_now(days: tuple[int, int]) -> None:
    assert refusal(judged(issue("p", MIDDLE, authority=tn_list(providers=["1"]), days=days))) == (FAILED, 437)
    above = issue("m", ROOT, ca=True, days=days)
    assert refusal(judged(issue("p", above, authority=tn_list(providers=["1"])))) == (FAILED, 437)


def test_signatures_of_another_key_or_for_another_call() -> None:
    other = issue("other", MIDDLE, authority=tn_list(providers=["1"]))
    assert refusal(judged(PROVIDER, signed(other))) == (FAILED, 438)
    assert refusal(judged(PROVIDER, caller="+12155551213")) == (FAILED, 438)
    assert refusal(judged(PROVIDER, called="+4930124")) == (FAILED, 438)
    good = signed(PROVIDER)
    for bad in (
        good.replace("info=<https://c/good>", "info=<https://c/other>"),
        good.replace("ppt=shaken", "ppt=x"),
        good.replace("alg=ES256", "alg=none"),
        good.replace(".", ".e", 1),
        good.replace(";info", "AAAA;info"),
        good.partition(";ppt")[0],
    ):
        assert judged(PROVIDER, bad).verstat != PASSED, bad


def test_a_good_signature_beside_bad_ones_passes() -> None:
    headers = ["garbage", signed(PROVIDER, at=NOW - 1000), signed(PROVIDER)]
    assert Verifier(store(good=PROVIDER.chain)).verify(headers, CALLER, [CALLED], NOW).verstat == PASSED
    flood = ["garbage"] * 100 + [signed(PROVIDER)]
    assert Verifier(store(good=PROVIDER.chain)).verify(flood, CALLER, [CALLED], NOW).verstat == FAILED


@pytest.mark.parametrize(
    ("authority", "covered"),
    [
        (tn_list(numbers=["12155551212"]), True),
        (tn_list(numbers=["12155551213"]), False),
        (tn_list(ranges=[("12155551000", 1000)]), True),
        (tn_list(ranges=[("12155551000", 212)]), False),
        (tn_list(ranges=[("12155551213", 1000)]), False),
        (tn_list(ranges=[("2155551000", 1000)]), False),
        (tn_list(numbers=["1"], ranges=[("12155551212", 2)]), True),
        (tn_list(providers=["700J"]), True),
    ],
)
def test_a_certificate_signs_for_its_own_numbers_only(authority: bytes, covered: bool) -> None:
    verdict = judged(issue("p", MIDDLE, authority=authority))
    assert verdict.verstat == (PASSED if covered else FAILED)


def test_the_compact_form_follows_from_the_request() -> None:
    passport = Passport(x5u="https://c/good", orig="12155551212", dest=("4930123",), iat=int(NOW))
    signature = encoded(SigningKey(PROVIDER.key_pem).sign(passport.signing_input()))
    header = f"..{signature};info=<https://c/good>;alg=ES256"
    verifier = Verifier(store(good=PROVIDER.chain))
    assert verifier.verify([header], CALLER, [CALLED], NOW, int(NOW)).verstat == PASSED
    assert refusal(verifier.verify([header], CALLER, [CALLED], NOW, int(NOW) - 1)) == (FAILED, 438)
    assert refusal(verifier.verify([header], CALLER, [CALLED], NOW)) == (FAILED, 438)
    assert refusal(verifier.verify([header + ";ppt=shaken"], CALLER, [CALLED], NOW, int(NOW))) == (FAILED, 438)


def test_a_list_of_numbers_is_read() -> None:
    found = tn_auth_list.parse(tn_list(providers=["1"], numbers=["2", "3"], ranges=[("40", 5)]))
    assert found == TnAuthList(("1",), frozenset({"2", "3"}), (("40", 5),))
    many = tn_auth_list.parse(tn_list(numbers=[str(number) for number in range(1000, 1100)]))
    assert many.covers("1099")
    assert not many.covers("1100")


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x30",
        b"\x30\x80",
        b"\x31\x00",
        der(0x30, der(0xA3, text("1"))),
        der(0x30, der(0xA0, der(2, b"1"))),
        der(0x30, der(0xA1, text("1"))),
        der(0x30, der(0xA1, der(0x30, text("1")))),
        der(0x30, der(0xA2, text("1"), text("2"))),
        der(0x30, der(0xA2, der(0x16, b"\xff"))),
        der(0x30, b"\xa2\x84\xff\xff\xff\xff"),
    ],
)
def test_lists_that_are_none(octets: bytes) -> None:
    with pytest.raises(StirError) as caught:
        tn_auth_list.parse(octets)
    assert caught.value.status == 437


@settings(max_examples=60)
@given(st.binary(max_size=64) | st.binary(max_size=40).map(lambda inner: der(0x30, inner)))
def test_any_octets_are_a_list_or_refused(octets: bytes) -> None:
    with contextlib.suppress(StirError):
        tn_auth_list.parse(octets).covers("1")


@settings(max_examples=60)
@given(st.lists(st.text(max_size=80), max_size=5), st.text(max_size=20), st.text(max_size=20))
def test_a_verdict_is_reached_over_anything(identities: list[str], caller: str, called: str) -> None:
    assert Verifier(VERIFIED).verify(identities, caller, [called], NOW, NOW).verstat != PASSED


VERIFIED = store(good=PROVIDER.chain)
