"""Cross-checks: what no single key can know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.problem import ConfigError
from tests.support.config_files import TRUNK_AND_PHONES, ConfigFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (
            "trunks: {a: {sources: [192.0.2.0/24]}, b: {sources: [198.51.100.1, 192.0.2.0/24]}}",
            "config/all.yaml:1:68 trunks.b.sources[1]: the trunk 'a' already claims 192.0.2.0/24",
        ),
        (
            "trunks: {a: {sources: [192.0.2.1], codecs: [PCMA, G729, PCMA]}}",
            "config/all.yaml:1:57 trunks.a.codecs[2]: PCMA is already in the list",
        ),
        (
            "trunks: {a: {sources: [192.0.2.1], session_timer: {expires: 5m, minimum: 10m}}}",
            "config/all.yaml:1:74 trunks.a.session_timer.minimum: we would ask for 5m and refuse less than 10m",
        ),
        (
            "phones: {session_timer: {minimum: 1h}}",
            "config/all.yaml:1:35 phones.session_timer.minimum: we would ask for 30m and refuse less than 1h",
        ),
        (
            "phones: {codecs: [opus, opus]}",
            "config/all.yaml:1:25 phones.codecs[1]: opus is already in the list",
        ),
        (
            "trunks: {a: {codecs: [PCMA]}}",
            "config/all.yaml:1:13 trunks.a: neither sources nor destinations: it could neither call nor be called",
        ),
        (
            "trunks: {a: {sources: [192.0.2.1], username: x}}",
            "config/all.yaml:1:46 trunks.a.username: username without password",
        ),
        (
            "trunks: {a: {type: registered, destinations: [192.0.2.1]}}",
            "config/all.yaml:1:20 trunks.a.type: a trunk that we register at needs username and password",
        ),
        (
            "trunks: {a: {type: REGISTERED, username: x, password: y}}",
            ("config/all.yaml:1:20 trunks.a.type: nowhere to register: give destinations, or registration.registrar"),
        ),
        (
            "trunks: {a: {sources: [192.0.2.1], registration: {expires: 10m}}}",
            (
                "config/all.yaml:1:50 trunks.a.registration: has no effect: the trunk is of type static; "
                "say `type: registered`, or take it out"
            ),
        ),
        (
            "trunks: {a: {type: authenticated, allow_from: [10.0.0.0/8], tls: false}}",
            "config/all.yaml:1:20 trunks.a.type: a trunk that authenticates itself needs username and password",
        ),
        (
            "trunks: {a: {type: authenticated, username: x, password: y, tls: false}}",
            (
                "config/all.yaml:1:20 trunks.a.type: it may call from nowhere: give allow_from, the networks it is in "
                "(0.0.0.0/0: all of IPv4)"
            ),
        ),
        (
            "trunks: {a: {type: authenticated, username: x, password: y, allow_from: [10.0.0.0/8]}}",
            (
                "config/all.yaml:1:20 trunks.a.type: its calls come over TLS, and there is no tls listener in "
                "sip.listen: add one, or say `tls: false`"
            ),
        ),
        (
            (
                "trunks: {a: {type: authenticated, username: x, password: y, allow_from: [10.0.0.0/8], tls: false, "
                "sources: [10.0.0.1]}}"
            ),
            (
                "config/all.yaml:1:108 trunks.a.sources: a source is believed without a password: for a trunk of type "
                "authenticated say allow_from"
            ),
        ),
        (
            "trunks: {a: {sources: [192.0.2.1], allow_from: [10.0.0.0/8]}}",
            (
                "config/all.yaml:1:48 trunks.a.allow_from: is for trunks of type authenticated, this one is static: "
                "say sources, or change the type"
            ),
        ),
        (
            (
                "{phones: {allow_from: [10.0.0.0/8], users: {1001: {password: x}}}, trunks: {a: {type: authenticated, "
                "username: 1001, password: y, allow_from: [10.0.0.0/8], tls: false}}}"
            ),
            "config/all.yaml:1:112 trunks.a.username: the phone '1001' has the user name '1001' already",
        ),
        (
            "trunks: {a: {type: registred, destinations: [192.0.2.1]}}",
            (
                "config/all.yaml:1:20 trunks.a.type: expected static, registered or authenticated, got 'registred', "
                "did you mean 'registered'?"
            ),
        ),
        (
            "trunks: {a: {sources: [192.0.2.1], identity: {caller_from: [pai, from]}}}",
            (
                "config/all.yaml:1:61 trunks.a.identity.caller_from[0]: pai is believed from trusted trunks only: "
                "add `trusted: true`, or take it out"
            ),
        ),
        (
            "trunks: {a: {sources: [192.0.2.1], identity: {numbers: +4930*}}}",
            (
                "config/all.yaml:1:56 trunks.a.identity.numbers: which number is shown in place of one that is not "
                "ours? give default_caller_id"
            ),
        ),
        (
            "trunks: {a: {sources: [192.0.2.1], identity: {default_caller_id: +4930*}}}",
            "config/all.yaml:1:66 trunks.a.identity.default_caller_id: expected a whole number, got '+4930*'",
        ),
        (
            "trunks: {a: {sources: [192.0.2.1], identity: {numbers: [berlin]}}}",
            (
                "config/all.yaml:1:57 trunks.a.identity.numbers[0]: expected a telephone number, or the beginning of "
                "numbers and *, got 'berlin'"
            ),
        ),
        (
            "trunks: {a: {sources: [192.0.2.1], number_format: national}}",
            (
                "config/all.yaml:1:51 trunks.a.number_format: expected e164, international or us_national, "
                "got 'national', did you mean 'us_national'?"
            ),
        ),
        (
            "trunks: {a: {sources: [192.0.2.1], headers: {pass: ['X Y']}}}",
            "config/all.yaml:1:53 trunks.a.headers.pass[0]: expected the name of a header, got 'X Y'",
        ),
        (
            'trunks: {a: {sources: [192.0.2.1], headers: {add: {X-A: "a\\nVia: b"}}}}',
            "config/all.yaml:1:57 trunks.a.headers.add.X-A: line breaks and control characters are not allowed here",
        ),
        (
            "sip: {listen: [{port: 5060}, {address: 192.0.2.1}]}",
            "config/all.yaml:1:30 sip.listen[1]: udp 192.0.2.1:5060 is already taken by 0.0.0.0:5060 above",
        ),
        (
            "sip: {listen: [{address: '::'}, {address: '2001:db8::1'}]}",
            "config/all.yaml:1:33 sip.listen[1]: udp 2001:db8::1:5060 is already taken by :::5060 above",
        ),
        (
            "sip: {listen: [{port: 20002}]}",
            "config/all.yaml:1:23 sip.listen[0].port: port 20002 lies inside media.ports (20000-39999)",
        ),
        (
            "sip: {listen: [{transport: tcp, port: 8080}]}",
            "config admin.port: port 8080 is already taken by sip.listen[0]",
        ),
        (
            "media: {ports: {first: 20001, last: 20009}}",
            "config/all.yaml:1:24 media.ports.first: expected an even port (RTP even, RTCP odd), got 20001",
        ),
        (
            "media: {ports: {first: 30000, last: 20000}}",
            "config/all.yaml:1:37 media.ports.last: expected more than media.ports.first (30000), got 20000",
        ),
        (
            "phones: {users: {1: {password: x}}}",
            (
                "config/all.yaml:1:9 phones.allow_from: phones are configured and may come from nowhere: "
                "give phones.allow_from the networks they are in"
            ),
        ),
        (
            "phones: {allow_from: [10.0.0.0/8], users: {1: {}}}",
            "config/all.yaml:1:47 phones.users.1: expected password or ha1, and one of them only",
        ),
        (
            "phones: {allow_from: [10.0.0.0/8], digest: [MD5], users: {1: {ha1: {md5: x}}}}",
            "config/all.yaml:1:74 phones.users.1.ha1.md5: expected 32 hexadecimal digits",
        ),
        (
            f"phones: {{allow_from: [10.0.0.0/8], users: {{1: {{ha1: {{md5: {'a' * 32}}}}}}}}}",
            (
                "config/all.yaml:1:53 phones.users.1.ha1: no sha256, and phones.digest offers SHA-256: "
                "this phone could not use it"
            ),
        ),
        (
            "phones: {minimum_expires: 2h}",
            "config/all.yaml:1:27 phones.minimum_expires: longer than phones.maximum_expires",
        ),
        (
            "admin: {address: 192.0.2.1}",
            (
                "config/all.yaml:1:18 admin.address: 192.0.2.1 can be reached from elsewhere: "
                "give admin.token, as {env: NAME} or {file: path}"
            ),
        ),
    ],
)
def test_configuration(root: Path, config: str, problem: str) -> None:
    assert ConfigFolder.make(root, config).problems() == [problem]


@pytest.mark.parametrize(
    "config",
    [
        "sip: {listen: [{address: 192.0.2.1}, {address: 192.0.2.2}, {transport: tcp, address: 192.0.2.1}]}",
        "sip: {listen: [{transport: tcp, port: 20002}]}",
        "sip: {listen: [{port: 20002, address: 192.0.2.1}]}\nmedia: {address: 192.0.2.2}",
        "trunks: {a: {sources: [192.0.2.0/24]}, b: {sources: [192.0.2.7, 192.0.2.8:5070]}}",
        "admin: {address: '::1'}",
        "admin: {address: 0.0.0.0, enabled: false}",
        "admin: {address: 0.0.0.0, token: {env: PHONE_PASSWORD}}",
    ],
)
def test_what_looks_like_a_clash_and_is_none(root: Path, config: str) -> None:
    assert ConfigFolder.make(root, config).problems() == []


def route(text: str, when: str = "{}") -> str:
    return f"routes: [{{name: r, when: {when}, do: {text}}}]"


@pytest.mark.parametrize(
    ("dialplan", "problem"),
    [
        (route("[{dial: {phone: 1003}}]"), "unknown phone '1003', did you mean '1002'?"),
        (route("[{dial: {phone: $caled}}]"), "unknown phone '$caled', did you mean '$called'?"),
        (route("[echo]", "{from: phone:1003}"), "unknown phone '1003', did you mean '1002'?"),
        (
            route("[echo]", "{from: carrier}"),
            "expected trunks, phones, guests, trunk:<name> or phone:<user>, got 'carrier'",
        ),
        (
            route("[{dial: {phone: $called}}]", "{called: {prefix: 1}}"),
            "$called needs `called: {local: true}`, so that there is such a phone",
        ),
        (route("[answer, reject]"), "reject after answer, which answers the call: use hangup"),
        (route("[{ring: {for: 1s}}, echo, {ring: {for: 1s}}]"), "ring after echo, which answers the call: take it out"),
        (route("[hangup, echo]"), "never reached: hangup ends the call"),
        (route("[{conference: {name: a}}, echo]"), "never reached: conference ends the call"),
        (route("[{conference: {name: a, max: 1}}]"), "expected a whole number from 2 to 500, got 1"),
        (route("[{conference: {name: a, pin: secret}}]"), "expected 1 to 12 digits, as they can be pressed"),
        (route("[{dial: {}}]"), "expected phone, trunk, or both"),
        (route("[{dial: {phone: 1001, number: {strip: 1}}}]"), "number is for trunks, and there is none here"),
        (
            route("[{dial: {trunk: carrier, number: {prepend: 'x'}}}]"),
            "expected something like ^[+0-9*#]{0,32}$, got 'x'",
        ),
        (route("[echo]", "{called: {local: false}}"), "expected one of exact, prefix, regex or local: true"),
        (route("[echo]", "{time: {from: 08:00, to: 08:00}}"), "'from' and 'to' are the same time: this never happens"),
        (route("[echo]", "{called: []}"), "expected at least one, got an empty list"),
        (route("[{ring: {}}]"), "is missing"),
    ],
)
def test_dialplan(root: Path, dialplan: str, problem: str) -> None:
    (found,) = ConfigFolder.make(root, TRUNK_AND_PHONES, dialplan).problems()
    assert found.endswith(": " + problem)


HEADS = {
    "ircam": b"\x64\xa3\x01\0",
    "m4a": b"\0\0\0\x18ftypM4A ",
    "m4r": b"\0\0\0\x18ftypM4A ",
    "mp2": b"\xff\xfd\x84\x04",
    "mp3": b"ID3\x03\0\0\0\0\0\0\xff\xfb\x90\x04",
    "voc": b"Creative Voice File\x1a",
    "vox": b"\x80\x08\x80\x08",
    "wav": b"RIFF\0\0\0\0WAVE",
}
"""How files of each accepted type begin."""


def play(root: Path, name: str) -> list[str]:
    folder = ConfigFolder(root)
    if not (root / "config").exists():
        ConfigFolder.make(root)
    folder.write("dialplan.yaml", route(f"[{{play: {{file: {name}, early: true}}}}, reject]"))
    return [problem.partition("file: ")[2].replace(str(root), "ROOT") for problem in folder.problems()]


def test_a_choice_between_numbers_names_them(root: Path) -> None:
    folder = ConfigFolder.make(root, TRUNK_AND_PHONES + "\n    prompts: {vox_rate: 7000}\n")
    (problem,) = folder.problems()
    assert "prompts.vox_rate: expected 6000 or 8000, got 7000" in problem


def test_prompts(root: Path) -> None:
    assert play(root, "a.wav") == ["there is no folder ROOT/prompts"]
    (root / "prompts").mkdir()
    (root / "prompts/closed.wav").write_bytes(HEADS["wav"])
    assert play(root, "closed.wav") == []
    assert play(root, "clsed.wav") == ["there is no file ROOT/prompts/clsed.wav, did you mean 'closed.wav'?"]
    assert play(root, "closed.txt") == [
        "expected a file of type .ircam .m4a .m4r .mp2 .mp3 .voc .vox .wav, got 'closed.txt'"
    ]
    (root / "prompts/closed.wav").write_bytes(HEADS["wav"].ljust(4 * 1024 * 1024, b"\0"))
    assert play(root, "closed.wav") == []
    (root / "prompts/closed.wav").write_bytes(bytes(4 * 1024 * 1024 + 1))
    assert play(root, "closed.wav") == ["ROOT/prompts/closed.wav is larger than 4 MB (4.0 MB)"]
    (root / "prompts/folder.wav").mkdir()
    assert play(root, "folder.wav") == ["ROOT/prompts/folder.wav is not a file"]


@pytest.mark.parametrize("kind", [*HEADS, "WAV"])
def test_accepted_prompt_types(root: Path, kind: str) -> None:
    (root / "prompts").mkdir()
    (root / f"prompts/x.{kind}").write_bytes(HEADS[kind.lower()])
    assert play(root, f"x.{kind}") == []


def test_warnings(root: Path) -> None:
    (root / "pw").write_text("x\n")
    (root / "pw").chmod(0o644)
    folder = ConfigFolder.make(
        root,
        """
        trunks:
          any: {sources: [0.0.0.0/0]}
          a: {destinations: [192.0.2.1], username: x, realm: r, password: {file: pw}}
          b: {destinations: [192.0.2.2], username: x, password: secret}
          c: {destinations: [192.0.2.3], srtp: off, srtp_suites: [AEAD_AES_128_GCM]}
          d: {destinations: [192.0.2.4], srtp: optional, srtp_suites: [AEAD_AES_128_GCM]}
        phones: {srtp_suites: [AEAD_AES_128_GCM]}
        """,
    )
    assert [str(warning).replace(str(root), "ROOT") for warning in folder.load().warnings] == [
        "config/all.yaml:3:67 trunks.a.password: others can read ROOT/pw: chmod 600 it",
        "config/all.yaml:4:57 trunks.b.password: a secret in plain text: better {env: NAME} or {file: path}",
        "config/all.yaml:2:19 trunks.any.sources[0]: the whole internet may call in as this trunk",
        "config/all.yaml:5:58 trunks.c.srtp_suites: has no effect: srtp is off",
        "config/all.yaml:7:23 phones.srtp_suites: has no effect: srtp is off",
        (
            "config/all.yaml:4:57 trunks.b.password: is used for the realm that asks first, whoever that is behind "
            "this trunk: give realm, the one that the trunk's challenges name"
        ),
    ]


def test_media_keys_that_promise_more_than_will_happen_are_warned_of(root: Path) -> None:
    folder = ConfigFolder.make(
        root,
        """
        trunks:
          a: {destinations: [192.0.2.1], codecs: [G729, opus], dtmf: inband}
          b: {destinations: [192.0.2.2], codecs: [PCMA, opus], dtmf: inband, ptime: 50ms}
          c: {destinations: [192.0.2.3], codecs: [opus], ptime: 60ms}
        """,
    )
    assert list(map(str, folder.load().warnings)) == [
        "config/all.yaml:2:62 trunks.a.dtmf: tones are heard in PCMA and PCMU, and neither is among the codecs",
        (
            "config/all.yaml:3:62 trunks.b.dtmf: tones are heard in PCMA and PCMU alone: no digits from calls in opus; "
            "take them out"
        ),
        "config/all.yaml:3:77 trunks.b.ptime: opus has no packets of 50ms: it is sent in 40ms",
    ]


QUALITY_MISTAKES = [
    ("{weak_below: 5}", "quality.weak_below: expected a number from 1.5 to 4.4, got 5"),
    ("{weak_below: 4.2}", "quality.weak_below: a connection weak below 4.2 cannot be good from 4.1"),
    ("{good_from: 3.9}", "quality.good_from: a connection weak below 4 cannot be good from 3.9"),
    ("{loss_limit: 1%}", "quality.loss_limit: expected a number from 0.01 to 100, got '1%'"),
    ("{latency_limit: 150}", "write 150s or 150ms"),
    ("{codecs: {g722: {ie: 13}}}", "bpl"),
    ("{codecs: {g722: {ie: 13, bpl: 0}}}", "expected a number from 0.1 to 100, got 0"),
    ("{codecs: {g722: {ie: .nan, bpl: 4}}}", "expected a number from 0 to 130"),
    ("{codecs: {g722: {ie: true, bpl: 4}}}", "expected a number from 0 to 130, got true"),
    ("{codecs: {g722: {ie: 13, bpl: 4, scale: wide}}}", "narrowband, wideband or fullband"),
    ("{codecs: {opus/7000: {ie: 13, bpl: 4}}}", "expected the name of a codec"),
]


@pytest.mark.parametrize(("quality", "told"), QUALITY_MISTAKES)
def test_quality_mistakes(tmp_path: Path, quality: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ConfigFolder.make(tmp_path, f"quality: {quality}").load()
    assert told in str(caught.value)


def test_a_trunk_that_may_not_be_dialled_is_not(tmp_path: Path) -> None:
    folder = ConfigFolder.make(
        tmp_path,
        """
        trunks:
          carrier: {sources: [192.0.2.10], destinations: [192.0.2.10], direction: inbound}
        """,
        """
        routes:
          - {name: out, do: [{dial: {trunk: carrier}}]}
        """,
    )
    (problem,) = folder.problems()
    assert problem.endswith(
        "routes[0].do[0].dial.trunk: the trunk 'carrier' is for inbound calls only (trunks.carrier.direction)"
    )


def test_the_old_name_of_the_channel_limit_is_understood(tmp_path: Path) -> None:
    folder = ConfigFolder.make(tmp_path, "trunks: {carrier: {destinations: [192.0.2.10], max_channels: 30}}")
    assert folder.load().trunks["carrier"].channel_limit == 30


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("channel_limit: 1001", "expected a whole number from 1 to 1000, got 1001"),
        ("channel_limits: 10", "unknown key 'channel_limits', did you mean 'channel_limit'?"),
        ("calls_per_second: 0.5", "expected a whole number from 1 to 1000, got 0.5"),
        ("direction: outbond", "expected inbound, outbound or both, got 'outbond', did you mean 'outbound'?"),
        ("enabled: DISABLED", "expected true or false, got 'DISABLED'"),
    ],
)
def test_limits_of_a_trunk_that_cannot_be(tmp_path: Path, keys: str, expected: str) -> None:
    folder = ConfigFolder.make(tmp_path, f"trunks: {{carrier: {{destinations: [192.0.2.10], {keys}}}}}")
    (problem,) = folder.problems()
    assert expected in problem
