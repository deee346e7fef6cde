"""STIR/SHAKEN from configuration: what calls are signed and verified with, and whether the files can be used at all.

The library for certificates is only imported where there are any.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    """Keys and certificates that cannot be used."""
    section, found = settings.stir_shaken, []
    try:
        attestor(settings)
    except ValueError as error:
        return [settings.positions.problem(("stir_shaken", "key"), str(error))]
    if section.anchors is not None:
        try:
            for url, fault in _store(settings).faults().items():
                path = ("stir_shaken", "certificates", url)
                found.append(settings.positions.problem(path, f"{section.certificates[url]}: {fault}"))
        except OSError as error:
            message = f"{error.filename} cannot be read: {error.strerror}"
            return [settings.positions.problem(("stir_shaken", "anchors"), message)]
        except ValueError:
            message = f"{section.anchors}: expected certificates in PEM"
            return [settings.positions.problem(("stir_shaken", "anchors"), message)]
    file = section.certificates.get(section.certificate or "")
    if section.key is not None and file is not None and not found:
        from softswitch.stir.certificates import SigningKey

        if not SigningKey(section.key.reveal().encode()).belongs_to(file.read_bytes()):
            found.append(settings.positions.problem(("stir_shaken", "key"), f"it is not the key of {file}"))
    return found
