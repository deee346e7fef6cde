"""Secrets: read from where they are, never shown anywhere."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import stat
from typing import TYPE_CHECKING

import pytest

from config.problem import ConfigError
from config.secrets import Secret, SecretReader
from tests.support.config_files import ConfigFolder

if TYPE_CHECKING:
    from pathlib import Path

HIDDEN_WORDS = ("hunter", "swordfish", "correct horse")

CONFIG = """
    trunks:
      carrier:
        destinations: [192.0.2.10]
        username: me
        password: hunter2
    phones:
      allow_from: [127.0.0.0/8]
      users:
        1001: {password: {env: PHONE_PASSWORD}}
        1002: {password: {file: pw}}
        1003: {password: 00815, display_name: x}
    admin: {token: swordfish}
"""


def reader(root: Path, *, create: bool = False) -> SecretReader:
    return SecretReader(root, {"NAME": "value"}, create)


def test_every_form(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("from file\n")
    read = reader(tmp_path).read
    found = [read({"env": "NAME"}), read({"file": "pw"}), read("plain")]
    assert [secret.reveal() for secret in found] == ["value", "from file", "plain"]
    assert [secret.origin for secret in found] == ["env", "file", "plain"]


@pytest.mark.parametrize(
    "written",
    [None, "", 5, [], ["hunter2"], {}, {"env": "NAME", "file": "x"}, {"env": ["hunter2"]}, {"nev": "hunter2"}],
)
def test_other_forms_are_refused_without_being_shown(tmp_path: Path, written: object) -> None:
    with pytest.raises(ValueError, match=r"expected \{env: NAME\}") as caught:
        reader(tmp_path).read(written)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"  \n", b"one\ntwo\n", b"x" * 5000, b"\xff\xfe"])
def test_a_file_must_hold_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pw").write_bytes(content)
    with pytest.raises(ValueError, match="must hold one line of text"):
        reader(tmp_path).read({"file": "pw"})


def test_missing_sources_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the environment variable 'OTHER' is not set or empty"):
        reader(tmp_path).read({"env": "OTHER"})
    with pytest.raises(ValueError, match="does not exist; make it, or add `create: true`"):
        reader(tmp_path).read({"file": "pw"})
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        reader(tmp_path).read({"file": "folder"})


def test_created_once_for_the_owner_alone_and_kept(tmp_path: Path) -> None:
    written = {"file": "var/secrets/x", "create": True}
    assert reader(tmp_path).read(written).origin == "created"
    assert not (tmp_path / "var").exists()
    made = reader(tmp_path, create=True).read(written)
    assert stat.S_IMODE((tmp_path / "var/secrets/x").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "var/secrets").stat().st_mode) == 0o700
    assert len(made.reveal()) >= 32
    assert reader(tmp_path, create=True).read(written) == made


def test_a_loaded_configuration_shows_no_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = ConfigFolder.make(tmp_path, CONFIG)
    (tmp_path / "pw").write_text("hunter3\n")
    settings = folder.load()
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("t").info("%s %r", settings, settings.trunks["carrier"])
    shown = [repr(settings), str(settings.trunks), caplog.text, *map(str, settings.warnings)]
    shown += [repr(settings.phones.model_dump()), settings.admin.model_dump_json(), settings.phones.model_dump_json()]
    shown += [f"{settings.admin.token}", f"{settings.admin.token!r:>30}", "%s" % settings.admin.token]  # noqa: UP031
    assert not [text for text in shown for word in (*HIDDEN_WORDS, "00815") if word in text]
    assert settings.trunks["carrier"].password is not None
    assert settings.trunks["carrier"].password.reveal() == "hunter2"
    assert settings.phones.users["1003"].password.reveal() == "00815"


def test_no_mistake_shows_a_secret(tmp_path: Path) -> None:
    folder = ConfigFolder.make(
        tmp_path,
        """
        trunks:
          a: {destinations: ["user:hunter2@192.0.2.1"], password: [hunter2]}
          b: {passwort: hunter2, password: {plain: hunter2}}
        phones:
          users:
            1001: hunter2
            1002: {password: "hunter2", caller_id: {x: hunter2}}
        admin: {token: {env: X, value: hunter2}}
        database: {url: "postgresql://me:hunter2@db/x"}
        """,
    )
    with pytest.raises(ConfigError) as caught:
        folder.load()
    assert len(caught.value.problems) >= 8
    assert "hunter2" not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"


def test_a_secret_does_not_travel() -> None:
    secret = Secret("hunter2", "plain")
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    assert "hunter2" not in json.dumps(secret, default=str)


def test_secrets_compare_by_value() -> None:
    assert Secret("ä", "plain") == Secret("ä", "env", "X")
    assert Secret("a", "plain") != Secret("b", "plain")
    assert Secret("a", "plain") != "a"
    assert len({Secret("a", "plain"), Secret("a", "env")}) == 1
