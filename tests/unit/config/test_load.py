"""Whole configurations: every mistake at once, each at its place and in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.load import load
from config.problem import ConfigError, did_you_mean
from tests.support.config_files import ConfigFolder

BROKEN = """
    node: {nmae: x}
    sip:
      listen:
        - {transport: tpc, address: 0.0.0.0, port: 50600000}
        - {transport: udp, address: 10.0.0.300}
      timers: {t1: 500}
    media: {timeout: 60, workers: yes}
    trunks:
      carrier:
        sources: [203.0.113.10, 203.0.113.0/33]
        destinations: [203.0.113.10:99999, "x.example;transport=sctp"]
      other: {}
    phones:
      users:
        1001: hunter3
        "a b": {password: {env: NOT_THERE}}
        1003: {pasword: hunter5}
        1003: {password: {file: nope}}
    admin: {address: 0.0.0.0}
    databse: {}
    recording: {enabled: on}
"""
BROKEN_DIALPLAN = """
    timezone: Europe/Belin
    routes:
      - name: one
        when: {from: trunk:carier, called: {prefx: "1"}}
        do:
          - dial: {trunk: carier}
          - dial: {phone: [1001, 1009], trunk: [carrier, othre], ring_for: 20, strategy: paralel}
          - reject: {status: 200}
          - answer
      - name: one
        when: {called: {regex: "(\\\\d+)+"}, time: {days: mon-fry, from: 8, to: 25:00}}
        do: [echoo, {play: {file: x.ogg}}]
      - name: two
        do:
          - play: {file: x.wav}
            echo: {}
      - do: []
    tests:
      - {from: trunk:x, to: 1}
"""
GOLDEN = """\
config/all.yaml:1:8 node.nmae: unknown key 'nmae', did you mean 'name'?
config/all.yaml:4:19 sip.listen[0].transport: expected udp, tcp or tls, got 'tpc', did you mean 'tcp'?
config/all.yaml:4:48 sip.listen[0].port: expected a whole number from 1 to 65535, got 50600000
config/all.yaml:5:33 sip.listen[1].address: expected an IP address, got '10.0.0.300'
config/all.yaml:6:16 sip.timers.t1: expected a duration with its unit, got 500: write 500s or 500ms
config/all.yaml:7:18 media.timeout: expected a duration with its unit, got 60: write 60s or 60ms
config/all.yaml:7:31 media.workers: expected a whole number from 1 to 64, got 'yes'
config/all.yaml:10:29 trunks.carrier.sources[1]: expected an address or network such as 192.0.2.0/24, \
got '203.0.113.0/33'
config/all.yaml:11:20 trunks.carrier.destinations[0]: expected a port from 1 to 65535 after ':', \
got '203.0.113.10:99999'
config/all.yaml:11:40 trunks.carrier.destinations[1]: expected ;transport=udp, tcp or tls after the host, \
got 'transport=sctp'
config/all.yaml:12:10 trunks.other: neither sources nor destinations: it could neither call nor be called
config/all.yaml:15:11 phones.users.1001: expected a section of keys, got text
config/all.yaml:16:5 phones.users.a b: expected a name of letters, digits, '_', '.', '-' (at most 64), got 'a b'
config/all.yaml:16:23 phones.users.a b.password: the environment variable 'NOT_THERE' is not set or empty
config/all.yaml:17:12 phones.users.1003.pasword: unknown key 'pasword', did you mean 'password'?
config/all.yaml:18:5 phones.users.1003: this key is given twice, first on line 17
config/all.yaml:19:18 admin.address: 0.0.0.0 can be reached from elsewhere: \
give admin.token, as {env: NAME} or {file: path}
config/all.yaml:20:1 databse: unknown key 'databse', did you mean 'database'?
config/all.yaml:21:22 recording.enabled: expected true or false, got 'on'
dialplan.yaml:1:11 timezone: expected a time zone such as Europe/Berlin, got 'Europe/Belin'
dialplan.yaml:4:18 routes[0].when.from: unknown trunk 'carier', did you mean 'carrier'?
dialplan.yaml:4:41 routes[0].when.called.prefx: unknown key 'prefx', did you mean 'prefix'?
dialplan.yaml:6:23 routes[0].do[0].dial.trunk: unknown trunk 'carier', did you mean 'carrier'?
dialplan.yaml:7:30 routes[0].do[1].dial.phone[1]: unknown phone '1009', did you mean '1003'?
dialplan.yaml:7:54 routes[0].do[1].dial.trunk[1]: unknown trunk 'othre', did you mean 'other'?
dialplan.yaml:7:72 routes[0].do[1].dial.ring_for: expected a duration with its unit, got 20: write 20s or 20ms
dialplan.yaml:7:86 routes[0].do[1].dial.strategy: expected sequential or parallel, \
got 'paralel', did you mean 'parallel'?
dialplan.yaml:8:26 routes[0].do[2].reject.status: expected a whole number from 300 to 699, got 200
dialplan.yaml:9:9 routes[0].do[3]: never reached: reject ends the call
dialplan.yaml:10:11 routes[1].name: another route is already called 'one', line 3
dialplan.yaml:11:28 routes[1].when.called.regex: this pattern could take too long on some numbers: \
no repeat inside a repeat, and at most two open-ended ones
dialplan.yaml:11:53 routes[1].when.time.days: expected days such as mon, mon-fri or [sat, sun], got 'mon-fry'
dialplan.yaml:11:68 routes[1].when.time.from: expected a time of day such as 08:00, from 00:00 to 24:00, got 8
dialplan.yaml:11:75 routes[1].when.time.to: expected a time of day such as 08:00, from 00:00 to 24:00, got '25:00'
dialplan.yaml:12:10 routes[1].do[0]: unknown application 'echoo', did you mean 'echo'?
dialplan.yaml:12:31 routes[1].do[1].play.file: expected a file of type .ircam .m4a .m4r .mp2 .mp3 .voc .vox .wav, \
got 'x.ogg'
dialplan.yaml:15:9 routes[2].do[0]: expected exactly one of dial, ring, play, music, conference, stream, transfer, \
echo, record, reject, answer, hangup; begin each with its own '- '
dialplan.yaml:15:22 routes[2].do[0].play.file: there is no folder ROOT/prompts
dialplan.yaml:17:5 routes[3].name: is missing
dialplan.yaml:17:9 routes[3].do: expected at least one, got an empty list
dialplan.yaml:19:5 tests[0].expect: is missing
dialplan.yaml:19:12 tests[0].from: unknown trunk 'x'; known: carrier, other"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_mistake_at_once(root: Path) -> None:
    problems = ConfigFolder.make(root, BROKEN, BROKEN_DIALPLAN).problems()
    assert [problem.replace(str(root), "ROOT") for problem in problems] == GOLDEN.splitlines()


def test_broken_yaml_in_one_file_does_not_hide_the_others(root: Path) -> None:
    folder = ConfigFolder.make(root, "trunks: {a: {}}\nsip: 'x")
    folder.write("config/more.yaml", "media: {workers: 0}\n")
    folder.write("dialplan.yaml", "routes:\n\t- x\n")
    assert folder.problems() == [
        "config/all.yaml:2:8 a quote is opened and never closed",
        "config/more.yaml:1:18 media.workers: expected a whole number from 1 to 64, got 0",
        "dialplan.yaml:2:1 a tab cannot indent YAML: use spaces",
    ]


def test_a_section_may_stand_in_one_file_only(root: Path) -> None:
    folder = ConfigFolder.make(root, "\nsip: {user_agent: a}\n")
    folder.write("config/more.yaml", "node: {name: x}\nsip: {user_agent: b}\n")
    assert folder.problems() == ["config/more.yaml:2:1 sip: this section is already in all.yaml, line 1"]


def test_missing_files(root: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(root / "config")
    assert str(caught.value) == "config: there is no such file\ndialplan.yaml: there is no such file".replace(": ", " ")
    (root / "config").mkdir()
    (root / "dialplan.yaml").write_text("")
    with pytest.raises(ConfigError, match=r"^config no \*\.yaml file in this folder"):
        load(root / "config")


def test_files_that_cannot_be_text(root: Path) -> None:
    folder = ConfigFolder.make(root)
    (root / "config/all.yaml").write_bytes(b"node:\n  name: \xff\n")
    assert folder.problems() == ["config/all.yaml:2:9 not UTF-8 text"]
    (root / "config/all.yaml").write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    assert folder.problems() == ["config/all.yaml larger than 4 MB"]


def test_defaults_are_complete(root: Path) -> None:
    settings = ConfigFolder.make(root, "# nothing\n").load()
    assert [(listener.transport, listener.address, listener.port) for listener in settings.sip.listen] == [
        ("udp", "0.0.0.0", 5060),
        ("tcp", "0.0.0.0", 5060),
    ]
    assert settings.recording.directory == root / "recordings"
    assert settings.database.url == f"sqlite:///{root}/var/softswitch.db"
    assert settings.admin.token.reference == str(root / "var/secrets/admin-token")
    assert settings.state_directory == root / "var"
    assert (settings.media.timeout, settings.limits.ring_for, settings.sip.timers.t1) == (60.0, 45.0, 0.5)
    assert not (root / "var").exists()


def test_null_sections_are_empty_ones(root: Path) -> None:
    assert ConfigFolder.make(root, "sip:\nrecording:\n").load().recording.enabled is False


def test_the_root_of_a_folder_is_above_it_and_of_a_file_beside_it(root: Path) -> None:
    ConfigFolder.make(root)
    (root / "one.yaml").write_text("recording: {directory: here}\n")
    assert load(root / "one.yaml").recording.directory == root / "here"
    assert load(Path("config"), environ={"PHONE_PASSWORD": "x"}).root == root
    assert load(Path("config/../config"), environ={"PHONE_PASSWORD": "x"}).root == root


def test_absolute_paths_stay(root: Path) -> None:
    settings = ConfigFolder.make(root, "recording: {directory: /r}\ndatabase: {url: 'sqlite:////d/x.db'}\n").load()
    assert settings.recording.directory == Path("/r")
    assert settings.database.url == "sqlite:////d/x.db"


def test_secrets_are_made_only_when_asked_and_only_when_all_is_good(root: Path) -> None:
    folder = ConfigFolder.make(root, "node: {name: 1}\nsip: {listen: []}\n")
    with pytest.raises(ConfigError):
        folder.load(create_secrets=True)
    assert not (root / "var").exists()
    folder.write("config/all.yaml", "node: {name: 1}\n")
    token = folder.load(create_secrets=True).admin.token
    assert (root / "var/secrets/admin-token").read_text() == token.reveal() + "\n"
    assert folder.load().admin.token == token


def test_settings_cannot_be_changed(root: Path) -> None:
    settings = ConfigFolder.make(root).load()
    with pytest.raises(ValueError, match="frozen"):
        settings.media.workers = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        settings.root = root  # type: ignore[misc]


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("carier", ["carrier", "backup"], ", did you mean 'carrier'?"),
        ("pcma", ["PCMA", "PCMU"], ", did you mean 'PCMA'?"),
        ("zzz", ["a", "b"], "; known: a, b"),
        ("zzz", [], ""),
        ("zzz", [f"n{n}" for n in range(20)], "; known: n0, n1, n10, n11, n12, n13, n14, n15, …"),
    ],
)
def test_did_you_mean(word: str, known: list[str], hint: str) -> None:
    assert did_you_mean(word, known) == hint
