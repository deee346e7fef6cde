"""/api/prompts: upload, list, preview and delete prompt files; /api/speech: hear words before they stand in a rule."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiohttp import BodyPartReader, web

from media.play.prompt import ACCEPTED, MAX_BYTES, PromptError
from softswitch.admin.answers import answer, error, long_answer
from softswitch.admin.operation import Operation, Parameter
from softswitch.admin.ports import PARTS
from softswitch.callflow.prompts import PromptInUseError
from softswitch.speech.engine import NoSuchVoiceError, SpeechError
from softswitch.speech.utterance import FASTEST, MOST_CHARACTERS, SLOWEST

if TYPE_CHECKING:
    from aiohttp import StreamReader

    from softswitch.admin.operation import Json
    from softswitch.callflow.prompts import PromptFile

_log = logging.getLogger(__name__)

UPLOAD_SECONDS = 60.0
CHUNK = 64 * 1024
_TYPES = " ".join(ACCEPTED)


class _TooLargeError(Exception):
    """More than a prompt may have."""


async def get_all(request: web.Request) -> web.StreamResponse:
    """Every file in the prompts folder."""
    files = await asyncio.to_thread(request.app[PARTS].prompts.listing)
    return await long_answer({"prompts": [_rendered(file) for file in files], "accepted": list(ACCEPTED)})


async def post(request: web.Request) -> web.StreamResponse:
    """A file as a form (its part has a file name), or as the body itself with its name in the query."""
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            name, content = await _upload(request)
    except TimeoutError:
        return error(408, f"the file did not come within {UPLOAD_SECONDS:.0f} s")
    except _TooLargeError:
        return error(413, f"at most {MAX_BYTES} bytes (4 MB) are accepted")
    except ValueError as wrong:
        return error(400, str(wrong))
    try:
        file = await request.app[PARTS].prompts.add(name, content)
    except PromptError as refused:
        return error(422, str(refused))
    except OSError as failed:
        _log.warning("admin: prompt %s not stored: %s", name, failed.strerror)
        return error(507, f"prompt {name} cannot be stored: {failed.strerror}")
    _log.info("admin: prompt %s uploaded, %d bytes", name, len(content))
    return answer(_rendered(file), status=201)


async def get(request: web.Request) -> web.StreamResponse:
    """A prompt as callers hear it."""
    name = request.match_info["name"]
    try:
        found = await request.app[PARTS].prompts.preview(name)
    except PromptError as refused:
        return error(422, str(refused))
    return error(404, f"no prompt {name[:128]}") if found is None else _sound(found)


async def delete(request: web.Request) -> web.StreamResponse:
    """One that no rule plays."""
    name = request.match_info["name"]
    try:
        gone = await request.app[PARTS].prompts.remove(name)
    except PromptInUseError as used:
        return error(409, str(used))
    except PromptError as refused:
        return error(422, str(refused))
    if gone:
        _log.info("admin: prompt %s deleted", name)
    return answer({"deleted": name}) if gone else error(404, f"no prompt {name[:128]}")


async def speak(request: web.Request) -> web.StreamResponse:
    """Say words as a call would hear them."""
    try:
        wanted = json.loads(await request.read())
        if not isinstance(wanted, dict) or wanted.keys() - {"text", "language", "voice", "rate", "engine"}:
            raise ValueError("expected an object with text, and language, voice, rate, engine if they matter")
        if not all(isinstance(value, (int, float) if key == "rate" else str) for key, value in wanted.items()):
            raise ValueError("text, language, voice and engine are strings, rate is a number")
        sound = await request.app[PARTS].speech.preview(**wanted)
    except (ValueError, TypeError) as wrong:
        return error(400, str(wrong))
    except NoSuchVoiceError as unknown:
        return error(422, str(unknown))
    except SpeechError as failed:
        return error(503, str(failed))
    return _sound(sound)


async def _upload(request: web.Request) -> tuple[str, bytes]:
    """(name, content). Raises ValueError when there is none, _TooLargeError."""
    if not request.content_type.startswith("multipart/"):
        name = request.query.get("name", "")
        if not name:
            raise ValueError("name: expected the file's name, as in POST /api/prompts?name=welcome.wav")
        return name, await _all_of(request.content)
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.filename:
            return part.filename, await _all_of(part)
    raise ValueError("expected a form with a file in it")


async def _all_of(source: StreamReader | BodyPartReader) -> bytes:
    found = bytearray()
    while True:
        chunk = await (source.read_chunk(CHUNK) if isinstance(source, BodyPartReader) else source.read(CHUNK))
        if not chunk:
            return bytes(found)
        found += chunk
        if len(found) > MAX_BYTES:
            raise _TooLargeError


def _sound(wav: bytes) -> web.Response:
    return web.Response(body=wav, content_type="audio/wav")


def _rendered(file: PromptFile) -> Json:
    return {
        "name": file.name,
        "bytes": file.size,
        "modified": datetime.fromtimestamp(file.modified, UTC).isoformat(timespec="seconds"),
        "in_use": file.in_use,
        "seconds": None if file.seconds is None else round(file.seconds, 2),
    }


_NAME = Parameter("name", "path", "The file's name.", {"type": "string"})
_REFUSED = ("It is not accepted; the reason, and what is.", "Error")

OPERATIONS = (
    Operation(
        method="GET",
        path="/api/prompts",
        name="listPrompts",
        summary="The prompt files, and which of them the dialplan plays.",
        handler=get_all,
        responses={200: ("The files.", "PromptList")},
    ),
    Operation(
        method="POST",
        path="/api/prompts",
        name="uploadPrompt",
        summary=f"Upload a prompt ({_TYPES}, at most 4 MB) as a form or as the body; it replaces one of that name.",
        handler=post,
        parameters=(Parameter("name", "query", "The file's name, unless a form has it.", {"type": "string"}),),
        responses={
            201: ("The file, for calls from now on.", "Prompt"),
            400: ("There is no file, or no name.", "Error"),
            408: ("The file did not come in time.", "Error"),
            413: ("It is too large.", "Error"),
            422: _REFUSED,
            507: ("It cannot be stored.", "Error"),
        },
    ),
    Operation(
        method="GET",
        path="/api/prompts/{name}",
        name="previewPrompt",
        summary="A prompt as callers hear it, as WAV.",
        handler=get,
        parameters=(_NAME,),
        responses={
            200: ("The sound.", None),
            404: ("There is no such file.", "Error"),
            422: _REFUSED,
        },
        media_type="audio/wav",
    ),
    Operation(
        method="DELETE",
        path="/api/prompts/{name}",
        name="deletePrompt",
        summary="Delete a prompt that is not played by any rule.",
        handler=delete,
        parameters=(_NAME,),
        responses={
            200: ("It is gone.", "DeletedPrompt"),
            404: ("There is no such file.", "Error"),
            409: ("The dialplan plays it.", "Error"),
            422: _REFUSED,
        },
    ),
    Operation(
        method="POST",
        path="/api/speech",
        name="previewSpeech",
        summary=f"Hear words before a rule says them: text (at most {MOST_CHARACTERS} characters), language, voice, "
        f"rate ({SLOWEST} to {FASTEST}), engine.",
        handler=speak,
        responses={
            200: ("The sound.", None),
            400: ("It cannot be asked for.", "Error"),
            422: ("There is no such engine, language or voice; what there is.", "Error"),
            503: ("The engine is not there, or fails.", "Error"),
        },
        media_type="audio/wav",
    ),
)
