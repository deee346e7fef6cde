"""STIR/SHAKEN from configuration: what calls are signed and verified with, and whether the files can be used at all.

The library for certificates is only imported where there are any.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from config.load import Settings
    from config.problem import Problem
    from softswitch.b2bua.attestation import Attestor
    from softswitch.callflow.verification import Verification
    from softswitch.stir.certificates import CertificateStore


def attestor(settings: Settings) -> Attestor | None:
    """What signs our calls; None where there is no key. Raises ValueError for a key that is none."""
    section = settings.stir_shaken
    if section.key is None or section.certificate is None:
        return None
    from softswitch.b2bua.attestation import Attestor
    from softswitch.stir.certificates import SigningKey
    from softswitch.stir.sign import Signer

    key = SigningKey(section.key.reveal().encode())
    return Attestor(Signer(key, x5u=section.certificate, origid=section.origid or str(uuid.uuid4())))


def verification(settings: Settings) -> Verification | None:
    """What judges callers; None where nobody is to be judged. Raises OSError or ValueError for unusable files."""
    if all(trunk.stir_shaken.verify == "ignore" for trunk in settings.trunks.values()):
        return None
    from softswitch.callflow.verification import Verification
    from softswitch.stir.verify import Verifier

    return Verification(Verifier(_store(settings), fresh_for=settings.stir_shaken.fresh_for))


def _store(settings: Settings) -> CertificateStore:
    from softswitch.stir.certificates import CertificateStore

    section = settings.stir_shaken
    assert section.anchors is not None
    chains = {url: file.read_bytes() for url, file in section.certificates.items()}
    return CertificateStore(chains, section.anchors.read_bytes())


def problems(settings: Settings) -> list[Problem]:
    """Keys and certificates that cannot be used, all of them."""
    section = settings.stir_shaken
    found = [
        settings.positions.problem(("stir_shaken", *path), f"{file} cannot be read: {fault}")
        for path, file in [
            *((("certificates", url), file) for url, file in section.certificates.items()),
            *([(("anchors",), section.anchors)] if section.anchors is not None else []),
        ]
        if (fault := _unreadable(file)) is not None
    ]
    try:
        attestor(settings)
    except ValueError as error:
        return [*found, settings.positions.problem(("stir_shaken", "key"), str(error))]
    if found or section.anchors is None:
        return found
    try:
        faults = _store(settings).faults()
    except ValueError:
        message = f"{section.anchors}: expected certificates in PEM"
        return [settings.positions.problem(("stir_shaken", "anchors"), message)]
    for url, fault in faults.items():
        message = f"{section.certificates[url]}: {fault}"
        found.append(settings.positions.problem(("stir_shaken", "certificates", url), message))
    own = section.certificates.get(section.certificate or "")
    if section.key is not None and own is not None and not found:
        from softswitch.stir.certificates import SigningKey

        if not SigningKey(section.key.reveal().encode()).belongs_to(own.read_bytes()):
            found.append(settings.positions.problem(("stir_shaken", "key"), f"it is not the key of {own}"))
    return found


def _unreadable(file: Path) -> str | None:
    try:
        with file.open("rb"):
            return None
    except OSError as error:
        return error.strerror
