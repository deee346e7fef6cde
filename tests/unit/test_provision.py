"""From configuration to a dialplan that can decide: nothing said in YAML is lost on the way."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.problem import ConfigError
from softswitch import assembly
from softswitch.dialplan.match import CallFacts, decide
from softswitch.dialplan.route import (
    Answer,
    Conference,
    Dial,
    Echo,
    Hangup,
    HoldMusic,
    Music,
    PhoneTarget,
    Play,
    Record,
    Reject,
    Rewrite,
    Ring,
    Ringback,
    Say,
    Transfer,
    TrunkTarget,
)
from softswitch.provision import NOON, hold_music, transfer_audio
from tests.support.config_files import TRUNK_AND_PHONES, ConfigFolder

WAV = b"RIFF\0\0\0\0WAVE"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_application(root: Path) -> None:
    (root / "prompts").mkdir()
    (root / "prompts/a.wav").write_bytes(WAV)
    folder = ConfigFolder.make(
        root,
        TRUNK_AND_PHONES,
        """
        routes:
          - name: all
            do:
              - record: {enabled: false}
              - ring: {for: 1500ms}
              - play: {file: a.wav, early: true}
              - dial: {trunk: [carrier, backup], phone: 1001, strategy: parallel, ring_for: 1m, record: true,
                       number: {strip: 1, prepend: "00"}}
              - dial: {phone: 1002}
              - answer
              - play: {file: a.wav, repeat: true}
              - echo: {for: 5s}
              - echo
              - hangup: {cause: 21}
          - name: refuse
            do: [{reject: {status: 486}}]
          - name: meet
            do: [{conference: {name: team, pin: "0815", announce: {file: a.wav}, music: a.wav, tones: true, max: 7}}]
          - name: listen
            do: [{conference: {name: team, listen_only: true}}]
        """,
    )
    (everything, refuse, meet, listen) = folder.provision().dialplan.rules
    prompt = str(root / "prompts/a.wav")
    (PhoneTarget("1001"), TrunkTarget("carrier"), TrunkTarget("backup"))
    assert everything.route.actions == (
        Record(enabled=False),
        Ring(1.5),
        Play((prompt,), early=True),
        Dial(
            (PhoneTarget("1001"), TrunkTarget("carrier"), TrunkTarget("backup")),
            "parallel",
            60.0,
            True,
            Rewrite(1, "00"),
        ),
        Dial((PhoneTarget("1002"),), ring_for=45.0),
        Answer(),
        Play((prompt,), repeat=True),
        Echo(5.0),
        Echo(),
        Hangup(21),
    )
    assert (everything.route.line, refuse.route.line) == (2, 15)
    assert refuse.route.actions == (Reject(486),)
    assert meet.route.actions == (Conference("team", "0815", (prompt,), (prompt,), tones=True, most=7),)
    assert listen.route.actions == (Conference("team", speaks=False),)
    assert "0815" not in repr(meet.route)


def test_every_condition(root: Path) -> None:
    folder = ConfigFolder.make(
        root,
        TRUNK_AND_PHONES,
        r"""
        numbering: {country_code: 49, national_prefix: 0}
        timezone: Asia/Kolkata
        routes:
          - name: a
            when:
              from: [phones, trunk:carrier]
              called: {exact: [0301, 1001, "*43"], prefix: 0900, regex: '\d{3}', local: true}
              caller: 0892
              time: {days: [mon-wed, sat], from: 22:00, to: 6:30}
            do: [echo]
          - {name: b, when: {time: {timezone: Europe/Berlin}}, do: [echo]}
        """,
    )
    first, second = folder.provision().dialplan.rules
    assert first.source is not None
    assert (first.source.kinds, first.source.names) == ({"phone"}, {"trunk:carrier"})
    assert first.called is not None
    assert first.called.exact == {"+49301", "1001", "*43"}
    assert (first.called.prefixes, first.called.local) == (("+49900",), True)
    assert [pattern.pattern for pattern in first.called.patterns] == [r"\d{3}"]
    assert first.caller is not None
    assert first.caller.exact == {"+49892"}
    assert first.time is not None
    assert (first.time.days, first.time.start, first.time.end) == ({0, 1, 2, 5}, 1320, 390)
    assert first.time.zone.key == "Asia/Kolkata"
    assert second.time is not None
    assert second.time.zone.key == "Europe/Berlin"
    assert (second.source, second.called, second.caller) == (None, None, None)


GUESTS = """
    routes:
      - {name: everybody else, when: {from: [trunks, phones]}, do: [echo]}
      - {name: guests, when: {from: guests, called: support, caller: "+49891234567"}, do: [echo]}
    tests:
      - {from: guests, to: support, caller: "+49891234567", expect: guests}
      - {from: guests, to: support, caller: Anna, expect: no route}
      - {from: phone:1001, to: support, expect: everybody else}
"""


def test_guests_of_call_links_have_rules_of_their_own(root: Path) -> None:
    plan = ConfigFolder.make(root, TRUNK_AND_PHONES, GUESTS).provision().dialplan

    decision = decide(plan, CallFacts("guest:a1b2", "support", "+49891234567"), datetime(2026, 1, 5, tzinfo=UTC))

    assert decision.route is not None
    assert decision.route.name == "guests"


def test_days_may_run_over_the_weekend(root: Path) -> None:
    folder = ConfigFolder.make(root, "", "routes: [{name: a, when: {time: {days: fri-mon}}, do: [echo]}]")
    time = folder.provision().dialplan.rules[0].time
    assert time is not None
    assert time.days == {4, 5, 6, 0}


def test_the_ring_time_of_the_node_is_the_default(root: Path) -> None:
    dialplan = "routes: [{name: a, do: [{dial: {phone: 1}}]}]"
    config = "limits: {ring_for: 7s}\nphones: {allow_from: 127.0.0.1, users: {1: {password: x}}}"
    action = ConfigFolder.make(root, config, dialplan).provision().dialplan.rules[0].route.actions[0]
    assert isinstance(action, Dial)
    assert action.ring_for == 7.0


def test_a_regex_sees_ascii_digits_only(root: Path) -> None:
    folder = ConfigFolder.make(root, "", r"routes: [{name: a, when: {called: {regex: '\d+'}}, do: [echo]}]")
    plan = folder.provision().dialplan
    assert decide(plan, CallFacts("phone:1", "12"), NOON).route is not None
    assert decide(plan, CallFacts("phone:1", "١٢"), NOON).route is None


ROUTES = """
routes:
  - name: office
    when: {from: trunks, time: {days: mon-fri, from: 08:00, to: 18:00}}
    do: [echo]
  - name: phones
    when: {from: phones, caller: 1001}
    do: [{dial: {trunk: carrier}}]
"""


def expecting(*lines: str) -> str:
    return ROUTES + "tests:\n" + "".join(f"  - {line}\n" for line in lines)


def test_tests_that_pass(root: Path) -> None:
    dialplan = expecting(
        "{from: trunk:carrier, to: 1, expect: office}",
        "{from: trunk:carrier, to: 1, expect: echo}",
        "{from: trunk:carrier, to: 1, at: 2026-01-05T20:00, expect: no route}",
        "{from: trunk:carrier, to: 1, at: 2026-01-05T20:00, expect: reject 404 No Route}",
        "{from: phone:1001, to: 5, expect: dial trunk:carrier 5}",
        "{from: phone:1001, to: 5, caller: 7, expect: no route}",
    )
    assert ConfigFolder.make(root, TRUNK_AND_PHONES, dialplan).problems() == []


def test_tests_that_fail_say_what_happened(root: Path) -> None:
    dialplan = expecting(
        "{from: trunk:carrier, to: 1, at: 2026-01-10T12:00, expect: office}",
        "{from: phone:1002, to: 5, expect: offce}",
        "{from: phone:1001, to: 5, expect: dial trunk:carrier 6}",
        "{from: phones, to: 5, expect: phones}",
        "{from: phone:1001, to: 5, at: noon, expect: phones}",
    )
    assert ConfigFolder.make(root, TRUNK_AND_PHONES, dialplan).problems() == [
        "dialplan.yaml:9:64 tests[0].expect: expected 'office', got 'no route' (reject 404 No Route)",
        (
            "dialplan.yaml:10:39 tests[1].expect: expected 'offce', got 'no route' (reject 404 No Route), "
            "did you mean 'office'?"
        ),
        "dialplan.yaml:11:39 tests[2].expect: expected 'dial trunk:carrier 6', got 'phones' (dial trunk:carrier 5)",
        "dialplan.yaml:12:12 tests[3].from: expected trunk:<name> or phone:<user>, got 'phones'",
        "dialplan.yaml:13:35 tests[4].at: expected a moment such as \"2026-12-24T18:05 Europe/Berlin\", got 'noon'",
    ]


def test_a_test_without_a_time_does_not_depend_on_when_it_runs() -> None:
    assert (NOON.weekday(), NOON.hour) == (0, 12)
    assert NOON.year < datetime.now().year + 1  # noqa: DTZ005


def test_rules_that_are_never_reached_are_warned_of(root: Path) -> None:
    dialplan = """
numbering: {country_code: 49}
routes:
  - {name: all phones, when: {from: phones}, do: [echo]}
  - {name: one phone, when: {from: phone:1001, called: 1}, do: [echo]}
  - {name: rest, do: [echo]}
"""
    found = ConfigFolder.make(root, TRUNK_AND_PHONES, dialplan).provision()
    assert [str(warning) for warning in found.warnings] == [
        "dialplan.yaml:4:5 routes[1]: never reached: 'all phones' on line 3 takes every call it would"
    ]


def test_secrets_are_made_after_the_tests_passed(root: Path) -> None:
    folder = ConfigFolder.make(root, "", expecting("{from: phone:1, to: 1, expect: x}"))
    assert folder.problems()
    assert not (root / "var").exists()
    folder.write("dialplan.yaml", "routes: []\n")
    token = folder.provision(create_secrets=True).settings.admin.token
    assert Path(token.reference).read_text().strip() == token.reveal()


def test_everything_that_can_be_heard(root: Path) -> None:
    (root / "prompts").mkdir()
    for name in ("a.wav", "b.wav"):
        (root / "prompts" / name).write_bytes(WAV)
    folder = ConfigFolder.make(
        root,
        TRUNK_AND_PHONES
        + """
    hold: {file: a.wav, announce: {say: {text: One moment.}}, every: 20s}
    speech: {language: de}
    """,
        """
        routes:
          - name: all
            do:
              - play: {file: [a.wav, b.wav], repeat: true, every: 3s}
              - play: {say: {text: Hello, language: en-gb, voice: female, rate: 1.5}}
              - music: {file: a.wav, announce: {say: {text: Hallo}}, every: 15s, for: 2m, early: true}
              - music: {file: [b.wav, a.wav], announce: {file: b.wav}}
              - dial: {phone: 1001, ringback: tone, early_media: false}
              - dial: {phone: 1001, ringback: {music: b.wav}}
              - dial: {phone: 1001, ringback: pass}
        """,
    )
    provision = folder.provision()
    a, b = str(root / "prompts/a.wav"), str(root / "prompts/b.wav")
    play, speak, music, plain, *dials = provision.dialplan.rules[0].route.actions
    assert play == Play((a, b), repeat=True, every=3.0)
    assert speak == Play((Say("Hello", "en-gb", "female", 1.5, "espeak-ng"),))
    assert music == Music((a,), (Say("Hallo", "de", "", 1.0, "espeak-ng"),), 15.0, 120.0, early=True)
    assert plain == Music((b, a), (b,), 10.0, None)
    assert [dial.ringback for dial in dials if isinstance(dial, Dial)] == [
        Ringback("tone", (), early_media=False),
        Ringback("music", (b,)),
        Ringback("pass"),
    ]
    hold = hold_music(provision.settings)
    expected = HoldMusic((a,), (Say("One moment.", "de", "", 1.0, "espeak-ng"),), 20.0)
    assert hold == {"": expected, "phones": expected}
    assert assembly.prompt_files(provision.dialplan, hold.values()) == [a, b]
    assert [say.text for say in assembly.texts(provision.dialplan, hold.values())] == ["Hello", "Hallo", "One moment."]


def test_sounds_that_cannot_be_heard(root: Path) -> None:
    (root / "prompts").mkdir()
    (root / "prompts/a.wav").write_bytes(b"OggS and so on")
    (root / "prompts/b.wav").write_bytes(WAV)
    folder = ConfigFolder.make(
        root,
        TRUNK_AND_PHONES + "\n    hold: {file: a.wav}\n",
        """
        routes:
          - name: all
            do:
              - play: {file: a.wav}
              - play: {say: {text: Hello, engine: espeak}}
              - music: {file: b.wav, announce: {say: {text: Hello, engine: piper, language: it}}}
              - dial: {phone: 1001, ringback: {music: a.wav}}
        """,
    )
    with pytest.raises(ConfigError) as refused:
        folder.provision()
    told = sorted(problem.message for problem in refused.value.problems)
    assert told == [
        "a.wav is named .wav but holds an Ogg file; each file must hold what its name says",
        "a.wav is named .wav but holds an Ogg file; each file must hold what its name says",
        "a.wav is named .wav but holds an Ogg file; each file must hold what its name says",
        "piper has no voice for 'it': give speech.piper.voices a file for it",
        "unknown speech engine 'espeak', did you mean 'espeak-ng'?",
    ]


def test_mistakes_in_hold_music_conferences_and_speech_are_told_with_their_line(root: Path) -> None:
    (root / "prompts").mkdir()
    (root / "prompts/a.wav").write_bytes(b"OggS and so on")
    folder = ConfigFolder.make(
        root,
        TRUNK_AND_PHONES
        + """
    hold: {file: a.wav}
    speech:
      engine: espeek-ng
      piper:
        voices: {de: gone.onnx}
    """,
        """
        routes:
          - name: all
            do:
              - conference: {name: x, music: a.wav, announce: {say: {text: Hello, engine: espeak}}}
        """,
    )
    with pytest.raises(ConfigError) as refused:
        folder.provision()
    told = sorted((problem.place.file.name, problem.path) for problem in refused.value.problems if problem.place.line)
    assert told == [
        ("all.yaml", "hold"),
        ("all.yaml", "speech.engine"),
        ("all.yaml", "speech.piper.voices.de"),
        ("dialplan.yaml", "routes[0].do[0].conference"),
        ("dialplan.yaml", "routes[0].do[0].conference"),
    ]


def test_a_place_in_the_queue_where_there_is_none(root: Path) -> None:
    folder = ConfigFolder.make(
        root,
        TRUNK_AND_PHONES,
        """
        routes:
          - name: all
            do: [{play: {say: {text: "You are {{QUEUE_POSITION_ORDINAL}}."}}}]
        """,
    )
    assert "nobody waits in a queue here" in " ".join(problem.message for problem in folder.provision().warnings)


def test_transfers_from_the_yaml_to_the_route_and_the_sounds(root: Path) -> None:
    (root / "prompts").mkdir()
    (root / "prompts/a.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    folder = ConfigFolder.make(
        root,
        TRUNK_AND_PHONES
        + """
    transfer: {audio: {file: a.wav, announce: {say: {text: One moment.}}, every: 20s}}
    """,
        """
        routes:
          - name: hand over
            when: {called: "8"}
            do: {transfer: {to: "2"}}
          - name: all
            do:
              - dial: {phone: 1001, failed_transfer: END}
        tests:
          - {from: "phone:1001", to: "8", expect: transfer 2}
        """,
    )
    provision = folder.provision()
    hand_over, dial = (rule.route.actions[0] for rule in provision.dialplan.rules)
    assert hand_over == Transfer("2")
    assert isinstance(dial, Dial)
    assert dial.failed_transfer == "end"
    assert dial.resolve("7").failed_transfer == "end"
    audio = transfer_audio(provision.settings)
    assert audio is not None
    assert (audio.every, audio.files) == (20.0, (str(root / "prompts/a.wav"),))
    assert [say.text for say in assembly.texts(provision.dialplan, [audio])] == ["One moment."]


def test_mistakes_in_transfers_are_told_with_their_place(root: Path) -> None:
    folder = ConfigFolder.make(
        root,
        """
        transfer: {on_failure: retry, audio: {file: gone.wav}}
        trunks:
          carrier: {sources: [192.0.2.1], transfer: {refer: yes, refer-out: true}}
        """,
        "routes: [{name: all, do: {transfer: {to: ''}}}]",
    )
    with pytest.raises(ConfigError) as refused:
        folder.provision()
    paths = {problem.path for problem in refused.value.problems}
    assert {"transfer.on_failure", "trunks.carrier.transfer.refer", "trunks.carrier.transfer.refer-out"} <= paths
