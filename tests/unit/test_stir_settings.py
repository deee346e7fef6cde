"""Keys and certificates from configuration: used as they are, refused with the reason when they cannot be."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from softswitch import parties, stir_settings
from softswitch.stir.verify import PASSED
from tests.support.config_files import ConfigFolder
from tests.support.stir import ORIGID, X5U, issue, tn_list

if TYPE_CHECKING:
    from pathlib import Path

ROOT = issue("anchor", ca=True)
CARRIER = issue("carrier", ROOT, authority=tn_list(providers=["1234"]))
CONFIG = f"""
    stir_shaken:
      key: {{file: stir.key}}
      certificate: {X5U}
      origid: {ORIGID}
      anchors: anchors.pem
      certificates: {{"{X5U}": carrier.pem}}
    trunks:
      a: {{sources: [192.0.2.1], stir_shaken: {{sign: true, verify: TAG}}}}
      b: {{sources: [192.0.2.2], stir_shaken: {{attest: A}}}}
      c: {{sources: [192.0.2.3]}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConfigFolder:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stir.key").write_bytes(CARRIER.key_pem)
    (tmp_path / "stir.key").chmod(0o600)
    (tmp_path / "carrier.pem").write_bytes(CARRIER.chain)
    (tmp_path / "anchors.pem").write_bytes(ROOT.pem)
    return ConfigFolder.make(tmp_path, CONFIG)


def test_trunks_sign_and_are_judged_as_they_say(folder: ConfigFolder) -> None:
    assert folder.problems() == []
    settings = folder.load()
    trunks = parties.trunks(settings)
    assert [trunk.outward.attestor is not None for trunk in trunks.values()] == [True, False, False]
    assert [trunk.identity.verify for trunk in trunks.values()] == ["tag", "ignore", "ignore"]
    assert [trunk.identity.standing for trunk in trunks.values()] == ["C", "A", "C"]
    attestor, verification = stir_settings.attestor(settings), stir_settings.verification(settings)
    assert attestor is not None
    assert verification is not None
    value = attestor._signer.sign("+12155551212", "+4930", "A", CARRIER.certificate.not_valid_before_utc.timestamp())
    assert value is not None
    at = CARRIER.certificate.not_valid_before_utc.timestamp()
    assert verification._verifier.verify([value], "+12155551212", ["+4930"], at).verstat == PASSED


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("certificate: https", "other: https", "stir_shaken.other: unknown key"),
        (f"      certificate: {X5U}\n", "", "stir_shaken.key: key without certificate"),
        ("      key: {file: stir.key}\n", "", "stir_shaken.certificate: certificate without key"),
        ("file: stir.key", "file: none.key", "stir_shaken.key: the file {here}/none.key cannot be read"),
        ("{file: stir.key}", "text", "stir_shaken.key: expected {{env: NAME}} or {{file: path}}"),
        ("file: stir.key", "file: carrier.pem", "stir_shaken.key: expected a private key in PEM"),
        ("      anchors: anchors.pem\n", "", "stir_shaken.certificates: nothing is trusted"),
        ("anchors: anchors.pem", "anchors: none.pem", "stir_shaken.anchors: {here}/none.pem cannot be read"),
        ("anchors: anchors.pem", "anchors: stir.key", "stir_shaken.anchors: {here}/stir.key: expected certificates"),
        ("anchors: anchors.pem", "anchors: carrier.pem", ""),
        (": carrier.pem", ": anchors.pem", "{here}/anchors.pem: Unsupported Credential: no TNAuthList"),
        (f"certificate: {X5U}", "certificate: file:///x", "stir_shaken.certificate: expected an https URL"),
        (f"origid: {ORIGID}", "origid: 5", "stir_shaken.origid: expected a UUID, got '5'"),
        ("verify: TAG", "verify: maybe", "trunks.a.stir_shaken.verify: expected ignore, tag or reject"),
        ("attest: A", "attest: D", "trunks.b.stir_shaken.attest: expected A, B or C"),
    ],
)
def test_mistakes(folder: ConfigFolder, old: str, new: str, told: str) -> None:
    assert old in CONFIG
    folder.write("config/all.yaml", CONFIG.replace(old, new))
    problems = folder.problems()
    if told:
        assert told.format(here=folder.root) in "\n".join(problems)
    else:
        assert problems == []


def test_a_key_of_another_certificate(folder: ConfigFolder) -> None:
    (folder.root / "stir.key").write_bytes(issue("other").key_pem)
    assert [problem.partition(" ")[2] for problem in folder.problems()] == [
        f"stir_shaken.key: it is not the key of {folder.root}/carrier.pem"
    ]


def test_every_mistake_is_told_at_once(folder: ConfigFolder) -> None:
    (folder.root / "carrier.pem").unlink()
    (folder.root / "anchors.pem").unlink()
    (folder.root / "stir.key").write_text("x")
    told = "\n".join(folder.problems())
    for words in (
        f"certificates.{X5U}",
        "carrier.pem cannot be read: No such file",
        "anchors.pem cannot",
        "key: expected",
    ):
        assert words in told


def test_signing_and_judging_need_what_they_need(folder: ConfigFolder) -> None:
    folder.write("config/all.yaml", "trunks: {a: {sources: [192.0.2.1], stir_shaken: {sign: true, verify: tag}}}")
    told = "\n".join(folder.problems())
    assert "trunks.a.stir_shaken.sign: nothing to sign with" in told
    assert "trunks.a.stir_shaken.verify: nothing is trusted" in told


def test_the_key_shows_nowhere(folder: ConfigFolder) -> None:
    secret = CARRIER.key_pem.decode().splitlines()[1]
    settings = folder.load()
    for text in (repr(settings), str(settings), settings.stir_shaken.model_dump_json(), repr(parties.trunks(settings))):
        assert secret not in text
    (folder.root / "stir.key").chmod(0o644)
    assert "others can read" in "\n".join(map(str, folder.provision().warnings))


def test_nothing_of_it_is_loaded_where_nothing_asks_for_it() -> None:
    """Certificates are the costly part: a node without them does not import what reads them."""
    code = "import sys; import softswitch.node; sys.exit('softswitch.stir.certificates' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, env={"PYTHONPATH": ".:codecs"}).returncode == 0
