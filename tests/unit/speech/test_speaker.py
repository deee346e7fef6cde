"""Speech through real engines, where there are any, and through programs that misbehave in every way one can."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import wave
from pathlib import Path

import pytest

from softswitch.speech.engine import NoSuchVoiceError, SpeechError, run
from softswitch.speech.espeak import Espeak
from softswitch.speech.piper import Piper
from softswitch.speech.speaker import KEPT, Speaker, prepare_folder
from softswitch.speech.utterance import Utterance

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def program(folder: Path, text: str) -> str:
    """A shell script in place of an engine."""
    path = folder / "engine"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def seconds(file: Path) -> float:
    with wave.open(str(file)) as sound:
        return float(sound.getnframes() / sound.getframerate())


class Shelf:
    """Where sounds go, with their numbers."""

    def __init__(self) -> None:
        self.files: list[Path] = []
        self.forgotten: list[int] = []

    async def load(self, file: Path) -> int:
        if not file.read_bytes().startswith(b"RIFF"):  # noqa: ASYNC240
            raise ValueError("no sound")
        self.files.append(file)
        return len(self.files)


class Writer:
    """An engine that writes down what it was asked, as a WAV file."""

    def __init__(self) -> None:
        self.asked: list[Utterance] = []

    def identity(self, utterance: Utterance) -> str:
        return "writer"

    async def synthesise(self, utterance: Utterance, into: Path) -> None:
        self.asked.append(utterance)
        into.write_bytes(b"RIFF" + utterance.text.encode())  # noqa: ASYNC240


def speaker(shelf: Shelf, folder: Path, engine: object, timeout: float = 5.0) -> Speaker:
    prepare_folder(folder)
    return Speaker(
        {"it": engine},  # type: ignore[dict-item]
        default="it",
        timeout=timeout,
        folder=folder,
        load=shelf.load,
        forget=shelf.forgotten.append,
    )


@needs_espeak
async def test_espeak_speaks_faster_and_slower(tmp_path: Path) -> None:
    engine, lengths = Espeak(), {}
    for rate in (0.5, 1.0, 2.0):
        for voice in ("", "female", "m3"):
            file = tmp_path / f"{rate}{voice}.wav"
            await engine.synthesise(Utterance("You are the third caller in the queue.", "en", voice, rate), file)
            lengths[rate, voice] = seconds(file)
    assert 1.4 < lengths[0.5, ""] / lengths[1.0, ""] < 2.2
    assert 1.4 < lengths[1.0, ""] / lengths[2.0, ""] < 2.2


@needs_espeak
async def test_espeak_takes_text_for_text(tmp_path: Path) -> None:
    engine = Espeak()
    await engine.synthesise(Utterance("-w /tmp/elsewhere <break time='60s'/> $(touch x)", "de"), tmp_path / "a.wav")
    assert 0.5 < seconds(tmp_path / "a.wav") < 20


@needs_espeak
@pytest.mark.parametrize(
    ("language", "voice", "words"),
    [
        ("xx-nowhere", "", r"no language 'xx-nowhere'; it speaks af, .*\bde, .*\bvi"),
        ("xx-nowhere", "female", r"no language 'xx-nowhere'; it speaks af, .*\bde, .*\bvi"),
        ("de", "nobody", r"no voice 'nobody'; it speaks af, .*\bde, .*\bvi"),
        ("de", "f77", r"no voice 'f77'; it has female, male, f1, f2, .*m1"),
    ],
)
async def test_espeak_says_what_it_has_when_asked_for_what_it_has_not(
    tmp_path: Path, language: str, voice: str, words: str
) -> None:
    with pytest.raises(NoSuchVoiceError, match=words):
        await Espeak().synthesise(Utterance("hello", language, voice), tmp_path / "b.wav")


@pytest.mark.parametrize("does", ["echo 'no memory' >&2; exit 1", "exit 3"])
async def test_espeak_that_fails_is_not_a_voice_that_is_not_there(tmp_path: Path, does: str) -> None:
    with pytest.raises(SpeechError, match="ended with status") as failed:
        await Espeak(program(tmp_path, does)).synthesise(Utterance("hello", "de", "female"), tmp_path / "b.wav")
    assert not isinstance(failed.value, NoSuchVoiceError)


@pytest.mark.parametrize(
    ("voice", "told", "words"),
    [
        ("7", '{"num_speakers": 3}', "has no speaker '7', only 0 to 2"),
        ("anna", '{"num_speakers": 3}', "has no speaker 'anna', only 0 to 2"),
        ("anna", "[]", "has no speaker 'anna', only those of the file"),
    ],
)
async def test_piper_says_which_speakers_a_file_has(tmp_path: Path, voice: str, told: str, words: str) -> None:
    model = tmp_path / "de.onnx"
    model.write_bytes(b"model")
    model.with_name("de.onnx.json").write_text(told)
    with pytest.raises(NoSuchVoiceError, match=words):
        await Piper({"de": model}, program(tmp_path, "exit 0")).synthesise(
            Utterance("hallo", "de", voice), tmp_path / "a"
        )


def test_engines_that_are_not_there_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="not installed; install it: apt install espeak-ng"):
        Espeak("no-such-espeak").identity(Utterance("hello"))
    with pytest.raises(SpeechError, match=r"not installed; install it: pip install 'softswitch\[tts\]'"):
        Piper({}, "no-such-piper").identity(Utterance("hello"))
    here = program(tmp_path, "exit 0")
    with pytest.raises(SpeechError, match="no voice for 'en', only de"):
        Piper({"DE": tmp_path / "de.onnx"}, here).identity(Utterance("hello"))
    with pytest.raises(SpeechError, match=r"de\.onnx: No such file"):
        Piper({"de": tmp_path / "de.onnx"}, here).identity(Utterance("hallo", "de-at"))


async def test_piper_gets_its_voice_rate_speaker_and_text(tmp_path: Path) -> None:
    model = tmp_path / "de.onnx"
    model.write_bytes(b"model")
    engine = Piper({"de": model}, program(tmp_path, f'echo "$@" > {tmp_path}/asked; cat > {tmp_path}/text'))
    utterance = Utterance("Sie sind\nder dritte.", "de", "4", 2.0)
    assert engine.identity(utterance).startswith("piper de.onnx 5 ")
    await engine.synthesise(utterance, tmp_path / "out.wav")
    asked = (tmp_path / "asked").read_text()
    assert asked == f"--model {model} --output_file {tmp_path}/out.wav --length_scale 0.500 --speaker 4\n"
    assert (tmp_path / "text").read_text() == "Sie sind der dritte.\n"


async def test_the_same_words_are_made_once(tmp_path: Path) -> None:
    shelf, engine = Shelf(), Writer()
    first = speaker(shelf, tmp_path / "cache", engine)
    hello, slow = Utterance("hello"), Utterance("hello", rate=0.5)
    assert await asyncio.gather(*(first.say(hello) for _ in range(20))) == [1] * 20
    assert await first.say(slow) == 2
    assert [each.rate for each in engine.asked] == [1.0, 0.5]
    second = speaker(shelf, tmp_path / "cache", engine)
    assert await second.say(hello) == 3
    assert len(engine.asked) == 2  # it lay on disk
    assert shelf.files[0] == shelf.files[2]


async def test_what_is_ready_comes_without_waiting(tmp_path: Path) -> None:
    shelf = Shelf()
    one = speaker(shelf, tmp_path, Writer())
    hello = Utterance("hello")
    assert one.ready(hello) is None
    number = await one.say(hello)
    assert one.ready(hello) == number
    assert one.ready(Utterance("hello", engine="nobody")) is None


async def test_memory_holds_so_many_sounds(tmp_path: Path) -> None:
    shelf = Shelf()
    one = speaker(shelf, tmp_path, Writer())
    for number in range(KEPT + 2):
        await one.say(Utterance(str(number)))
    assert shelf.forgotten == [1, 2]


async def test_an_engine_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    shelf = Shelf()
    hanging = Piper({"en": tmp_path}, program(tmp_path, f"sleep 600 & echo $! > {pid}; wait"))
    one = speaker(shelf, tmp_path / "cache", hanging, timeout=1.0)
    with pytest.raises(SpeechError, match="did not speak within 1 s"):
        await one.say(Utterance("hello"))
    await one.stop()
    child = int(pid.read_text())
    async with asyncio.timeout(60):
        while _lives(child):  # noqa: ASYNC110  another process tells nobody
            await asyncio.sleep(0.01)
    assert not list((tmp_path / "cache").iterdir())


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("echo no memory left >&2; exit 3", "status 3: no memory left"),
        ("exit 1", "status 1: it did not say why"),
        ("exit 0", "left no sound"),
        ('while [ "$1" != --output_file ]; do shift; done; echo rubbish > "$2"', "cannot be played: no sound"),
    ],
)
async def test_engines_that_fail_say_why_and_leave_nothing(tmp_path: Path, text: str, complaint: str) -> None:
    one = speaker(Shelf(), tmp_path / "cache", Piper({"en": tmp_path}, program(tmp_path, text)))
    with pytest.raises(SpeechError, match=complaint):
        await one.say(Utterance("hello"))
    assert not list((tmp_path / "cache").iterdir())


async def test_a_program_that_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="cannot be started: No such file or directory; get one"):
        await run([str(tmp_path / "absent")], "hello", install="get one")


def test_the_folder_is_cleared_of_what_was_left_unfinished(tmp_path: Path) -> None:
    (tmp_path / "abc.wav").write_bytes(b"RIFF")
    (tmp_path / "abc.77.part.wav").write_bytes(b"RI")
    prepare_folder(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["abc.wav"]
    assert os.access(tmp_path, os.W_OK)
