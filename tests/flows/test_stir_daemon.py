"""The daemon signs and judges over real UDP, and its log has nothing of the key."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from softswitch.stir.certificates import SigningKey
from softswitch.stir.identity_header import parse
from softswitch.stir.passport import decode
from softswitch.stir.sign import Signer
from tests.support.daemon import CONFIG, Daemon, real_phone
from tests.support.loopback import HOST, until
from tests.support.phone import Plan
from tests.support.stir import ORIGID, X5U, issue, tn_list

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from tests.support.phone import Phone

ROOT = issue("anchor", ca=True)
CARRIER = issue("carrier", ROOT, authority=tn_list(providers=["1234"]))
CALLER, CALLED = "+12155551212", "+4930123"
SIGNING = CONFIG.replace(
    'carrier: {{sources: ["127.0.0.2"], ',
    'carrier: {{sources: ["127.0.0.2"], identity: {{trusted: true}}, stir_shaken: {{sign: true, verify: tag}}, ',
) + (
    f"stir_shaken:\n  key: {{{{file: stir.key}}}}\n  certificate: {X5U}\n  origid: {ORIGID}\n"
    f"  anchors: anchors.pem\n  certificates: {{{{'{X5U}': carrier.pem}}}}\n"
)


def _reached(phone: Phone, what: Literal["answered", "ended"], count: int) -> bool:
    return (phone.answered if what == "answered" else len(phone.ended)) == count


async def test_calls_are_signed_and_judged(tmp_path: Path) -> None:
    (tmp_path / "stir.key").write_bytes(CARRIER.key_pem)
    (tmp_path / "stir.key").chmod(0o600)
    (tmp_path / "carrier.pem").write_bytes(CARRIER.chain)
    (tmp_path / "anchors.pem").write_bytes(ROOT.pem)
    async with Daemon(tmp_path) as daemon:
        daemon.write(SIGNING)
        await daemon.start()
        async with real_phone() as caller, real_phone(port=daemon.carrier, plan=Plan(answer=0.05)) as callee:
            signer = Signer(SigningKey(CARRIER.key_pem), x5u=X5U, origid=ORIGID)
            value = signer.sign(CALLER, CALLED, "B", time.time())
            assert value is not None
            for count, headers in enumerate(((("Identity", value),), ()), 1):
                switch = (HOST, daemon.sip)
                session = caller.call(CALLED, switch, caller=f"<sip:{CALLER}@c.example>", headers=headers)
                await until(partial(_reached, caller, "answered", count))
                caller.hang_up(session)
                await until(partial(_reached, callee, "ended", count))
            passed, unsigned = (session.request for session in callee.sessions)
        assert passed.headers.get_all("Identity") == [value]
        assert passed.from_.uri.user == f"{CALLER};verstat=TN-Validation-Passed"
        (ours,) = unsigned.headers.get_all("Identity")
        passport, _, _ = decode(parse(ours).token)
        assert (passport.orig, passport.dest, passport.attest) == (CALLER[1:], (CALLED[1:],), "C")
        assert unsigned.from_.uri.user == f"{CALLER};verstat=No-TN-Validation"
        await until(lambda: sum("call ended" in line for line in daemon.log) == 2)
        calls = (await daemon.get("/api/calls?state=ended"))["calls"]
        told = {(call["verstat"], call["attestation"]) for call in calls}
        assert told == {("TN-Validation-Passed", "B"), ("No-TN-Validation", None)}
        key = CARRIER.key_pem.decode().splitlines()[1]
        assert not [line for line in daemon.log if key in line or "PRIVATE" in line]
