"""Prompts by HTTP: what is uploaded is checked, played from the next call on, heard, listed and deleted."""

from __future__ import annotations

import math
import wave
from array import array
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession, FormData
from jsonschema import Draft202012Validator

from media.play.prompt import ACCEPTED, MAX_BYTES
from softswitch.admin.openapi import document
from softswitch.admin.ports import AdminParts
from softswitch.admin.routes import operations
from softswitch.admin.server import AdminSettings, start_admin
from softswitch.callflow.prompts import Prompts
from softswitch.telemetry.metrics import Metrics
from softswitch.telemetry.recent import RecentCalls
from tests.support.prompt_shelf import Shelf, Voice

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TOKEN = "a token for tests, long enough"


def tone(seconds: float = 0.5, rate: int = 8000) -> bytes:
    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        samples = (round(9000 * math.sin(2 * math.pi * 440 * n / rate)) for n in range(round(seconds * rate)))
        file.writeframes(array("h", samples).tobytes())
    return out.getvalue()


class Site:
    """An admin endpoint over a folder of prompts, one of which the dialplan plays."""

    def __init__(self, prompts: Prompts, shelf: Shelf, folder: Path, client: ClientSession) -> None:
        self.prompts = prompts
        self.shelf = shelf
        self.folder = folder
        self._client = client

    async def ask(self, method: str, path: str, **how: Any) -> tuple[int, Any]:
        async with self._client.request(method, path, headers={"Authorization": f"Bearer {TOKEN}"}, **how) as response:
            json = response.content_type == "application/json"
            return response.status, await response.json() if json else await response.read()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    (tmp_path / "welcome.wav").write_bytes(tone(1.0))
    shelf = Shelf()
    prompts = Prompts(tmp_path, shelf)
    await prompts.load([str(tmp_path / "welcome.wav")])
    nothing: Any = None
    parts = AdminParts(
        source=nothing,
        commands=nothing,
        recent=RecentCalls(),
        history=nothing,
        metrics=Metrics(),
        prompts=prompts,
        speech=Voice(),
        version="1",
    )
    server = await start_admin(parts, AdminSettings(port=0, token=TOKEN))
    try:
        async with ClientSession(server.url) as client:
            yield Site(prompts, shelf, tmp_path, client)
    finally:
        await server.stop()


def valid(body: Any, schema: str) -> Any:
    components = document(operations(), "1")["components"]
    Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": components}).validate(body)
    return body


async def test_an_upload_is_there_at_once(site: Site) -> None:
    status, file = await site.ask("POST", "/api/prompts", params={"name": "new.wav"}, data=tone(0.5))
    assert (status, valid(file, "Prompt")["seconds"], file["in_use"]) == (201, 0.5, False)
    form = FormData()
    form.add_field("note", "not a file")
    form.add_field("file", tone(0.25), filename="form.wav")
    status, file = await site.ask("POST", "/api/prompts", data=form)
    assert (status, file["name"], file["seconds"]) == (201, "form.wav", 0.25)
    _, listed = await site.ask("GET", "/api/prompts")
    found = {each["name"]: (each["in_use"], each["seconds"]) for each in valid(listed, "PromptList")["prompts"]}
    assert found == {"form.wav": (False, None), "new.wav": (False, None), "welcome.wav": (True, 1.0)}
    assert listed["accepted"] == list(ACCEPTED)
    assert sorted(path.name for path in site.folder.iterdir()) == sorted(found)


async def test_what_the_dialplan_plays_is_replaced_for_later_calls(site: Site) -> None:
    path = str(site.folder / "welcome.wav")
    before = site.prompts[path]
    status, file = await site.ask("POST", "/api/prompts", params={"name": "welcome.wav"}, data=tone(2.0))
    assert (status, file["in_use"], file["seconds"]) == (201, True, 2.0)
    assert site.prompts[path] != before
    assert site.shelf.seconds(site.prompts[path]) == 2.0
    assert dict(site.prompts) == {path: site.prompts[path]}
    assert len(site.prompts) == 1


@pytest.mark.parametrize(
    ("name", "content", "status", "words"),
    [
        ("song.ogg", b"OggS", 422, "accepted are .ircam .m4a"),
        ("song.mp3", tone(), 422, "named .mp3 but holds a WAV file"),
        ("song.wav", b"RIFF\x10\0\0\0WAVEfmt ", 422, "song.wav"),
        ("", tone(), 400, "name: expected"),
        ("../evil.wav", tone(), 422, "plain file name"),
        (".hidden.wav", tone(), 422, "plain file name"),
        ("a" * 130 + ".wav", tone(), 422, "128 characters"),
        ("new\nline.wav", tone(), 422, "control characters"),
        ("large.wav", bytes(MAX_BYTES + 1), 413, "4 MB"),
    ],
)
async def test_what_is_refused_says_why_and_leaves_nothing(
    site: Site, name: str, content: bytes, status: int, words: str
) -> None:
    got, body = await site.ask("POST", "/api/prompts", params={"name": name}, data=BytesIO(content))
    assert (got, words in body["error"]) == (status, True), body
    assert [path.name for path in site.folder.iterdir()] == ["welcome.wav"]


async def test_a_form_without_a_file(site: Site) -> None:
    form = FormData()
    form.add_field("file", "text", content_type="text/plain")
    form.add_field("other", "x", content_type="application/octet-stream")
    status, body = await site.ask("POST", "/api/prompts", data=form)
    assert (status, body) == (400, {"error": "expected a form with a file in it"})


async def test_a_prompt_can_be_heard(site: Site) -> None:
    await site.ask("POST", "/api/prompts", params={"name": "wide.wav"}, data=tone(0.5, 44100))
    for name, rate, seconds in (("welcome.wav", 8000, 1.0), ("wide.wav", 16000, 0.5)):
        status, sound = await site.ask("GET", f"/api/prompts/{name}")
        assert status == 200
        with wave.open(BytesIO(sound)) as file:
            assert (file.getframerate(), file.getnframes() / rate) == (rate, pytest.approx(seconds, abs=0.001))
    assert (await site.ask("GET", "/api/prompts/absent.wav"))[0] == 404
    assert (await site.ask("GET", "/api/prompts/text.txt"))[0] == 422


async def test_deleting(site: Site) -> None:
    await site.ask("POST", "/api/prompts", params={"name": "old.wav"}, data=tone())
    assert await site.ask("DELETE", "/api/prompts/old.wav") == (200, {"deleted": "old.wav"})
    assert (await site.ask("DELETE", "/api/prompts/old.wav"))[0] == 404
    status, body = await site.ask("DELETE", "/api/prompts/welcome.wav")
    assert (status, "played by the dialplan" in body["error"]) == (409, True)
    assert (site.folder / "welcome.wav").exists()
    assert (await site.ask("DELETE", "/api/prompts/..wav"))[0] == 422


async def test_a_folder_that_cannot_be_written_to(site: Site) -> None:
    (site.folder / "welcome.wav").unlink()
    site.folder.rmdir()
    site.folder.write_text("a file now")
    status, body = await site.ask("POST", "/api/prompts", params={"name": "a.wav"}, data=tone())
    assert (status, "cannot be stored" in body["error"]) == (507, True)
    assert await site.ask("GET", "/api/prompts") == (200, {"prompts": [], "accepted": list(ACCEPTED)})


async def test_words_can_be_heard(site: Site) -> None:
    asked = {"text": "hello", "language": "de", "voice": "female", "rate": 1.5}
    assert await site.ask("POST", "/api/speech", json=asked) == (200, b"de female 1.5 hello")


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ({"text": "hello", "engine": "nobody"}, 422, "nobody"),
        ({"text": "hello", "engine": "hung"}, 503, "did not speak"),
        ({"text": "hello", "rate": 3}, 400, "as fast"),
        ({"text": 5}, 400, "strings"),
        ({"words": "hello"}, 400, "expected an object with text"),
        ({}, 400, "text"),
        ([], 400, "expected an object"),
    ],
)
async def test_words_that_cannot_be_heard(site: Site, asked: Any, status: int, words: str) -> None:
    got, body = await site.ask("POST", "/api/speech", json=asked)
    assert (got, words in body["error"]) == (status, True), body
