"""From the configuration of trunks and phones to what the endpoints are made with."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from config.problem import ConfigError
from media.srtp.material import SUITES
from softswitch import parties, provision
from softswitch.b2bua.channels import Capacity
from softswitch.b2bua.destination import NOTHING_ELSE
from softswitch.b2bua.header_policy import HeaderTable
from softswitch.b2bua.presentation import OwnNumbers, Presentation
from softswitch.b2bua.transfer import TransferPolicy, TransferRules
from softswitch.dialplan.match import CallFacts, decide
from softswitch.dialplan.number_format import NumberFormat
from softswitch.dialplan.route import Dial, describe
from softswitch.endpoints.identity import FROM_ALONE, IdentityRules
from softswitch.endpoints.limits import NO_LIMITS, TrunkLimits
from softswitch.sdp.crypto import SrtpPolicy
from softswitch.sip.digest import Credentials, hashed
from softswitch.sip.registration.state import Pace
from softswitch.sip.session.terms import SessionTerms, TimerTerms
from softswitch.transport.next_hop import NextHop
from tests.support.config_files import ENVIRON, ConfigFolder

if TYPE_CHECKING:
    from config.load import Settings

PHONES = """
    phones:
      realm: {realm}
      allow_from: [127.0.0.0/8]
      users:
        1001: {{password: {{env: PHONE_PASSWORD}}, display_name: Desk, caller_id: "+49 30/1"}}
        1002: {{password: {{env: PHONE_PASSWORD}}}}
"""


def settings(folder: Path, config: str, dialplan: str = "") -> Settings:
    """What this configuration says."""
    return ConfigFolder.make(folder, config, dialplan).load()


def test_srtp_is_decided_for_each_trunk_and_phone(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        trunks:
          secure: {sources: [192.0.2.1], srtp: mandatory, srtp_suites: AES_CM_128_HMAC_SHA1_80}
          plain: {sources: [192.0.2.2]}
        phones:
          allow_from: [127.0.0.0/8]
          srtp: optional
          users:
            1001: {password: {env: PHONE_PASSWORD}}
            1002: {password: {env: PHONE_PASSWORD}, srtp: mandatory}
            1003: {password: {env: PHONE_PASSWORD}, srtp: off}
        """,
    )
    trunks = parties.trunks(found)
    assert trunks["secure"].terms.srtp == SrtpPolicy("mandatory", ("AES_CM_128_HMAC_SHA1_80",))
    assert trunks["plain"].terms.srtp == SrtpPolicy("off", tuple(SUITES))
    modes = {user: terms.srtp.mode for user, terms in parties.phone_terms(found).items()}
    assert modes == {"1001": "optional", "1002": "mandatory", "1003": "off"}


def test_session_terms_are_decided_for_each_trunk_and_for_phones(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        trunks:
          plain: {sources: [192.0.2.1]}
          strict: {sources: [192.0.2.2], reliable_provisional: REQUIRED, session_timer: {expires: 10m, refresher: US}}
          old: {sources: [192.0.2.3], reliable_provisional: off, session_timer: {enabled: false}}
        phones: {session_timer: {minimum: 120s, refresher: them}}
        """,
    )
    trunks = parties.trunks(found)
    assert trunks["plain"].session == SessionTerms("supported", TimerTerms(1800, 90, "auto"))
    assert trunks["strict"].session == SessionTerms("required", TimerTerms(600, 90, "us"))
    assert trunks["old"].session == SessionTerms()
    assert parties.session_terms(found.phones) == SessionTerms("supported", TimerTerms(1800, 120, "them"))


def test_trunks(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        trunks:
          carrier:
            sources: [192.0.2.0/24, "198.51.100.7:5080"]
            destinations: [sip.example.net, "198.51.100.7:5080;transport=tcp"]
            codecs: [PCMU, G722]
            username: us
            password: {env: PHONE_PASSWORD}
            realm: example.net
            from_domain: us.example.net
            channel_limit: 30
            calls_per_second: 5
            direction: INBOUND
          outgoing: {destinations: [192.0.2.9]}
        """,
    )
    trunks = parties.trunks(found)
    carrier = trunks["carrier"]
    assert [str(source) for source in carrier.sources] == ["192.0.2.0/24", "198.51.100.7:5080"]
    assert carrier.next_hops == (
        NextHop("sip.example.net", 0, "", peer="carrier sip.example.net"), NextHop("198.51.100.7", 5080, "TCP")
    )  # fmt: skip
    assert [codec.name for codec in carrier.terms.codecs] == ["PCMU", "G722"]
    assert carrier.credentials == Credentials("us", "correct horse", "example.net")
    assert (carrier.from_domain, carrier.label) == ("us.example.net", "trunk:carrier")
    assert carrier.limits == TrunkLimits(outbound=False, capacity=Capacity(30, 5))
    assert trunks["outgoing"].limits == NO_LIMITS
    assert trunks["outgoing"].sources == ()
    assert trunks["outgoing"].credentials is None


def test_next_hops_over_tls(tmp_path: Path) -> None:
    """A trunk with `tls` is reached over it unless a destination says otherwise; `peer` is whom to expect there."""
    found = settings(
        tmp_path,
        """
        sip: {listen: [{transport: udp}, {transport: tls}], tls: {certificate: ours.pem}}
        trunks:
          plain: {destinations: ["sip.example.net;transport=tls", 192.0.2.1, "sip.example.net:5070", "sips:b.example"]}
          always: {tls: true, destinations: [sip.example.net, "192.0.2.1:5071", "192.0.2.1;transport=udp"]}
          named: {tls: {server_name: "*.example.net"}, destinations: [sip.example.net]}
          lax: {tls: {verify: false}, destinations: [sip.example.net]}
        """,
    )
    trunks = parties.trunks(found)
    assert trunks["plain"].next_hops == (
        NextHop("sip.example.net", 0, "TLS", peer="plain sip.example.net"),
        NextHop("192.0.2.1", 0, "UDP"),
        NextHop("sip.example.net", 5070, "UDP"),
        NextHop("b.example", 0, "TLS", True, "plain b.example"),
    )
    assert trunks["always"].next_hops == (
        NextHop("sip.example.net", 0, "TLS", peer="always sip.example.net"),
        NextHop("192.0.2.1", 5071, "TLS", peer="always 192.0.2.1"),
        NextHop("192.0.2.1", 0, "UDP"),
    )
    assert trunks["named"].next_hops[0].peer == "named *.example.net"
    assert trunks["lax"].next_hops[0].peer == "lax ?sip.example.net"


def test_codecs_of_a_trunk(tmp_path: Path) -> None:
    found = parties.trunks(
        settings(
            tmp_path,
            """
            trunks:
              pinned: {destinations: 192.0.2.1, codecs: G729, ptime: 30ms}
              wide:
                destinations: 192.0.2.2
                codecs: [opus, L16/16000, L16, PCMU]
                opus: {bandwidth: high, fec: false, dtx: true}
            """,
        )
    )
    assert [codec.rtpmap for codec in found["pinned"].terms.codecs] == ["G729/8000"]
    assert found["pinned"].terms.ptime == 30
    assert [codec.rtpmap for codec in found["wide"].terms.codecs] == [
        "opus/48000/2", "L16/16000", "L16/8000", "PCMU/8000"
    ]  # fmt: skip
    assert found["wide"].terms.codecs[0].fmtp == "minptime=10;maxaveragebitrate=75200;usedtx=1"
    assert found["wide"].terms.ptime is None


def test_codecs_of_phones(tmp_path: Path) -> None:
    plain = settings(tmp_path, "phones: {allow_from: [127.0.0.0/8]}")
    assert [codec.name for codec in parties.terms(plain.phones).codecs] == ["PCMA", "PCMU", "G722", "opus"]
    assert parties.terms(plain.phones).codecs[3].fmtp == (
        "minptime=10;useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000;maxaveragebitrate=26700"
    )
    assert parties.terms(plain.phones).ptime is None


def test_codecs_without_their_library_are_named_with_who_has_them(tmp_path: Path) -> None:
    ConfigFolder.make(
        tmp_path,
        """
        trunks:
          old: {destinations: 192.0.2.1, codecs: [G729, PCMA]}
          new: {destinations: 192.0.2.2, codecs: [PCMA, G729]}
        """,
    )
    script = (
        "import sys, pathlib\n"
        "from audiocodecs import coding\n"
        "coding.LIBRARIES['G729'] = ('libabsent.so.0', 'libbcg729-0')\n"
        "from config.load import load\n"
        "from softswitch import parties\n"
        "print(*parties.only_relayed(load(pathlib.Path(sys.argv[1]))), sep='\\n')\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "config")],
        env={"PYTHONPATH": f"{root}:{root / 'codecs'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == (
        "G729 can only be relayed, not transcoded (trunk:old, trunk:new): "
        "libabsent.so.0 is not installed (Debian package libbcg729-0), or is too old\n"
    ), done.stderr


def test_phones(tmp_path: Path) -> None:
    found = settings(tmp_path, PHONES.format(realm="pbx.example"))
    accounts = parties.accounts(found)
    assert [(account.user, account.networks) for account in accounts] == [
        ("1001", found.phones.allow_from),
        ("1002", found.phones.allow_from),
    ]
    assert accounts[1].secrets == {
        name: hashed(name, "1002", "pbx.example", "correct horse") for name in ("MD5", "SHA-256")
    }
    identities = parties.identities(found)
    assert str(identities["1001"].party) == '"Desk" <sip:+49%2030/1@pbx.example>'
    assert str(identities["1002"].party) == "<sip:1002@pbx.example>"


@pytest.mark.parametrize(
    ("realm", "domain"),
    [("softswitch", "softswitch"), ("pbx.example", "pbx.example"), ("Our Office", "phones.invalid")],
)
def test_a_realm_of_several_words_stands_in_no_uri(realm: str, domain: str, tmp_path: Path) -> None:
    found = settings(tmp_path, PHONES.format(realm=realm))
    assert parties.phone_domain(found) == domain
    assert str(parties.identities(found)["1002"].party) == f"<sip:1002@{domain}>"


def test_noise_is_reduced_where_it_is_asked_for(tmp_path: Path) -> None:
    found = settings(tmp_path, "trunks: {noisy: {destinations: 192.0.2.1, noise_reduction: true}}")
    assert parties.trunks(found)["noisy"].terms.reduce_noise == 25
    assert parties.terms(found.phones).reduce_noise == 0


def test_extended_reports_are_asked_for_by_trunk_and_phones(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        trunks:
          silent: {sources: [192.0.2.1], rtcp_xr: off}
          talkative: {sources: [192.0.2.2], rtcp_xr: offer}
          ordinary: {sources: [192.0.2.3]}
        phones: {rtcp_xr: off}
        """,
    )
    asked = {name: trunk.terms.rtcp_xr.value for name, trunk in parties.trunks(found).items()}
    assert asked == {"silent": "off", "talkative": "offer", "ordinary": "answer"}
    assert parties.terms(found.phones).rtcp_xr.value == "off"


def test_a_registered_trunk_is_registered_as_its_account_at_its_destinations(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        trunks:
          plain:
            type: registered
            destinations: ["192.0.2.9:5070", 192.0.2.10]
            username: us
            password: {env: PHONE_PASSWORD}
          other:
            type: REGISTERED
            username: us
            password: {env: PHONE_PASSWORD}
            registration:
              registrar: "192.0.2.11;transport=tcp"
              domain: carrier.example
              user: "4930123"
              contact: number-one
              expires: 5m
              retry: 2s
              longest_retry: 1m
              refused_retry: 1h
              keep_alive: 0s
              required: true
              authenticate_invites: false
          static: {sources: [192.0.2.12]}
        """,
    )
    trunks = parties.trunks(found)
    assert trunks["static"].registration is None
    plain = trunks["plain"].registration
    assert plain is not None
    assert plain.registrars == trunks["plain"].next_hops == trunks["plain"].reached_at
    assert (str(plain.domain), plain.user, plain.contact_user) == ("sip:192.0.2.9", "us", "plain")
    assert (plain.required, plain.pace.expires, plain.pace.keep_alive) == (False, 600, 25.0)
    assert trunks["plain"].credentials == plain.credentials
    other = trunks["other"].registration
    assert other is not None
    assert trunks["other"].reached_at == other.registrars == (NextHop("192.0.2.11", 0, "TCP"),)
    assert (str(other.domain), other.user, other.contact_user) == ("sip:carrier.example", "4930123", "number-one")
    assert other.pace == Pace(expires=300, first_retry=2.0, longest_retry=60.0, refused_retry=3600.0, keep_alive=0.0)
    assert other.required
    assert other.credentials.username == "us"
    assert trunks["other"].credentials is None, "its calls are not to be authenticated"


def test_who_may_prove_who_he_is(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        trunks:
          pbx:
            type: AUTHENTICATED
            username: pbx
            password: {env: PHONE_PASSWORD}
            allow_from: [192.0.2.0/24]
            tls: false
            destinations: [192.0.2.9]
          off:
            type: authenticated
            enabled: false
            username: off
            password: {env: PHONE_PASSWORD}
            allow_from: [198.51.100.0/24]
            tls: false
        phones:
          realm: pbx.example
          allow_from: [127.0.0.0/8]
          users: {1001: {password: {env: PHONE_PASSWORD}}}
        """,
    )
    phone, pbx = parties.accounts(found)
    assert (phone.user, phone.trunk, phone.networks) == ("1001", None, found.phones.allow_from)
    assert (pbx.user, pbx.trunk, [str(each) for each in pbx.networks]) == ("pbx", "pbx", ["192.0.2.0/24"])
    assert pbx.secrets["MD5"] == hashed("MD5", "pbx", "pbx.example", ENVIRON["PHONE_PASSWORD"])
    assert not pbx.encrypted
    assert [str(each) for each in parties.may_authenticate(found)] == ["127.0.0.0/8", "192.0.2.0/24"]
    assert parties.trunks(found)["pbx"].credentials is None, "what it shows us is not what we show it"


IDENTITY = """
    trunks:
      plain: {sources: [192.0.2.1]}
      carrier:
        sources: [192.0.2.2]
        number_format: US_NATIONAL
        anonymization: REMOTE_PARTY_ID
        from_domain: us.example
        identity: {present: [from, pai], diversion: both, numbers: ["030 100", "+49 (0)30 2*", "0049303"]}
        headers: {pass: [X-Account, X-Tag-*], drop: X-Tag-Internal, add: {X-Tenant: 7}}
      partner: {sources: [192.0.2.3], identity: {trusted: true, default_caller_id: 030 999}}
      picky: {sources: [192.0.2.4], anonymization: none, identity: {trusted: true, caller_from: rpid}}
"""
NUMBERING = "numbering: {country_code: 49}"


def test_identities_of_trunks(tmp_path: Path) -> None:
    found = settings(tmp_path, IDENTITY, NUMBERING)
    trunks = parties.trunks(found)
    assert (trunks["plain"].identity, trunks["plain"].outward) == (FROM_ALONE, NOTHING_ELSE)

    carrier = trunks["carrier"]
    table = HeaderTable(frozenset({"x-account"}), ("x-tag-",), frozenset({"x-tag-internal"}), (("X-Tenant", "7"),))
    assert carrier.identity == IdentityRules(rewritten=True, headers=table)
    assert carrier.outward.headers == table
    assert carrier.outward.presentation == Presentation(
        domain="us.example",
        format=NumberFormat.US_NATIONAL,
        present=("pai",),
        withheld_in="rpid",
        own=OwnNumbers(frozenset({"+4930100", "+49303"}), ("+49302",)),
        default="+4930100",
        diversion="both",
    )
    partner = trunks["partner"]
    assert (partner.identity.trusted, partner.identity.caller_from) == (True, ("pai", "from"))
    assert partner.outward.presentation == Presentation(
        trusted=True, withheld_in="pai", default="+4930999", verstat=True
    )
    assert trunks["picky"].identity.caller_from == ("rpid",)
    assert trunks["picky"].outward.presentation.withheld_in is None
    assert provision.dialplan(found).formats == {"trunk:carrier": NumberFormat.US_NATIONAL}


def test_headers_on_the_floor_cannot_be_configured(tmp_path: Path) -> None:
    config = """
        trunks:
          a: {sources: [192.0.2.1], headers: {pass: [x-a, record-route], add: {Contact: <sip:x>}}}
        phones: {headers: {pass: User-Agent}}
    """
    folder = ConfigFolder.make(tmp_path, config, "")
    with pytest.raises(ConfigError) as caught:
        folder.provision()
    told = [(problem.path, problem.message.split(" is ")[0]) for problem in caught.value.problems]
    assert told == [
        ("trunks.a.headers.pass", "record-route"),
        ("trunks.a.headers.add", "Contact"),
        ("phones.headers.pass", "User-Agent"),
    ]


@pytest.mark.parametrize(
    ("written", "said"), [("withheld", "withheld"), ("$called", "+49301"), ("030 999", "+4930999"), (None, "")]
)
def test_rules_say_who_calls(tmp_path: Path, written: str | None, said: str) -> None:
    caller = "" if written is None else f", caller: {written}"
    rules = f"""
        {NUMBERING}
        routes:
          - {{name: out, do: [{{dial: {{trunk: plain, diversion: no-answer{caller}}}}}]}}
    """
    plan = provision.dialplan(settings(tmp_path, IDENTITY, rules))
    (action,) = decide(plan, CallFacts("phone:1001", "030 1"), datetime.now(UTC)).actions
    assert isinstance(action, Dial)
    assert (action.caller, action.diversion, action.called) == (said, "no-answer", "+49301")
    assert describe(action) == "dial trunk:plain +49301" + (f" as {said}" if said else "")


def test_who_may_transfer_is_decided_for_each_trunk_and_for_the_phones(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        transfer: {on_failure: END, ring_for: 10s}
        trunks:
          usual: {sources: [192.0.2.1]}
          pbx: {sources: [192.0.2.2], transfer: {refer: Accept, refer_out: true}}
        phones: {transfer: {refer: refuse}}
        """,
    )
    trunks = parties.trunks(found)
    assert trunks["usual"].transfer == TransferPolicy(refer=False, refer_out=False)
    assert trunks["pbx"].transfer == TransferPolicy(refer=True, refer_out=True)
    assert parties.transfer_rules(found) == TransferRules(TransferPolicy(refer=False), "end", 10.0)
    (tmp_path / "usual").mkdir()
    usual = settings(tmp_path / "usual", "trunks: {usual: {sources: [192.0.2.1]}}")
    assert parties.transfer_rules(usual) == TransferRules(TransferPolicy(refer=True), "return", 30.0)


def test_a_phone_may_have_hashes_in_place_of_a_password(tmp_path: Path) -> None:
    md5, sha256 = (hashed(name, "1001", "pbx.example", "correct horse") for name in ("MD5", "SHA-256"))
    (tmp_path / "md5").write_text(md5.upper() + "\n")
    found = settings(
        tmp_path,
        f"""
        phones:
          realm: pbx.example
          allow_from: [127.0.0.0/8]
          users: {{1001: {{ha1: {{md5: {{file: md5}}, sha256: {sha256}}}}}}}
        """,
    )
    (phone,) = parties.accounts(found)
    assert phone.secrets == {"MD5": md5, "SHA-256": sha256}
