"""Small rows: what one message, one decision, one score costs. Hints for whoever looks for time, not bars."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from media.quality.emodel import delay_impairment, loss_impairment, mos
from media.quality.verdict import LegQuality, StreamCounters
from media.quality.watch import DirectionWatch
from softswitch import provision
from softswitch.b2bua.presentation import Presentation
from softswitch.dialplan.match import CallFacts, decide
from softswitch.dialplan.number_format import NumberFormat
from softswitch.endpoints.identity import IdentityRules
from softswitch.sdp.codec import KNOWN_CODECS
from softswitch.sdp.negotiate import Negotiation
from softswitch.sip.message import Request, parse_message
from softswitch.stir.certificates import SigningKey
from softswitch.stir.sign import Signer
from tests.bench.machine import ROOT
from tests.bench.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable

_KEY = b"""-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIFeZ1R208QCvcu5GuYyMfG4W7sH4m99/7eHSDLpdYllFoAoGCCqGSM49
AwEHoUQDQgAE8HNbQd/TmvCKwPKHkMF9fScavGeH78YTU8qLS8I5HLHSSmlATLcs
lQMhNC/OhlWBYC626nIlo7XeebYS7Sb37g==
-----END EC PRIVATE KEY-----
"""
"""That of RFC 8225 appendix A: everybody's."""
INVITE = (Path(__file__).parent / "invite.sip").read_bytes()
ROUNDS = 5
ROUND_SECONDS = 0.2


def best_us(work: Callable[[], object]) -> float:
    """Return microseconds of CPU a call of `work` takes, the best of several rounds."""
    count = 1
    while True:
        started = time.process_time()
        for _ in range(count):
            work()
        if time.process_time() - started > ROUND_SECONDS:
            break
        count *= 2
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(count):
            work()
        best = min(best, (time.process_time() - started) / count)
    return best * 1e6


def _scored_leg() -> Callable[[], object]:
    """A leg that is scored again and again."""
    quality, watch = LegQuality("PCMA", True, 20, 60.0, started=0.0), DirectionWatch()
    rounds = itertools.count(1)

    def score() -> None:
        number = next(rounds)
        counters = StreamCounters(250 * number, 247 * number, 3 * number, 0, 2 * number, 1.0, 0)
        for interval in quality.interval(5.0 * number, counters, counters, 300.0):
            if interval is not None:
                for _ in watch.look(interval, 20):
                    pass

    return score


def run(log: Callable[[str], None]) -> list[Row]:
    """Measure one after the other."""
    plan = provision.load(ROOT / "config").dialplan
    facts = CallFacts("phone:1001", "+49891234567", "1001")
    at = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    offer = INVITE.partition(b"\r\n\r\n")[2]
    codecs = (KNOWN_CODECS["pcma"], KNOWN_CODECS["telephone-event"])

    def typed() -> None:
        message = parse_message(INVITE)
        _ = message.via, message.from_, message.to, message.contact, message.cseq, message.call_id

    parsed = parse_message(INVITE)

    def negotiate() -> None:
        negotiation = Negotiation(address="192.0.2.1", port=20000, session_id=1)
        negotiation.receive_offer(offer)
        negotiation.make_answer(codecs)

    rules = IdentityRules()
    parsed_invite = parse_message(INVITE)
    assert isinstance(parsed_invite, Request)
    origin, target = rules.read(parsed_invite), parsed_invite.uri
    presentation = Presentation(format=NumberFormat.E164, present=("pai",), default="+4930123456")

    def caller() -> None:
        presentation.show(rules.read(parsed_invite).normalised("+4930123456", str), "192.0.2.1", target)

    signer = Signer(SigningKey(_KEY), x5u="https://cert.example.net/stir.pem", origid="0" * 36)

    works: dict[str, tuple[Callable[[], object], str]] = {
        "micro.parse_us": (lambda: parse_message(INVITE), f"an INVITE of {len(INVITE)} bytes, headers untyped"),
        "micro.parse_typed_us": (typed, "the same, with Via, From, To, Contact and CSeq typed"),
        "micro.serialise_us": (lambda: bytes(parsed), "the same INVITE back to bytes"),
        "micro.offer_answer_us": (negotiate, "its SDP read, an answer made"),
        "micro.dialplan_us": (lambda: decide(plan, facts, at), "one decision over the shipped dialplan"),
        "micro.caller_us": (
            caller,
            "who calls, read from an INVITE and told in From and P-Asserted-Identity",
        ),
        "micro.caller_shown_us": (lambda: presentation.show(origin, "192.0.2.1", target), "the telling alone"),
        "micro.stir_sign_us": (
            lambda: signer.sign("+4930123456", "+4989123456", "A", 1.8e9),
            "an Identity header (STIR/SHAKEN, ES256)",
        ),
        "micro.emodel_us": (
            lambda: mos(93.2 - delay_impairment(80.0) - loss_impairment(0.0, 4.3, 1.5, 1.2)),
            "one MOS from loss and delay",
        ),
        "micro.leg_scored_us": (_scored_leg(), "both directions of a leg over 5 s, with loss, delay and hysteresis"),
    }
    rows = [Row(name, best_us(work), "us", None, f"{how}; best of {ROUNDS}") for name, (work, how) in works.items()]
    for row in rows:
        log(f"{row.name} {row.value:.2f}")
    return rows
