"""What the media keys of a trunk, or of the phones, say together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.media_schema import MediaTerms
    from config.messages import KeyPath, Positions
    from config.problem import Problem
    from config.schema import Sections

OPUS_TIMES = (10, 20, 40, 60)
"""Milliseconds that Opus packs (RFC 6716 2.1.4), of those a packet here may have."""
HEARD_IN = {"PCMA", "PCMU"}
"""Codecs that tones are found in: the others change them too much."""


def _users(sections: Sections) -> Iterator[tuple[KeyPath, tuple[str, ...], MediaTerms]]:
    for name, trunk in sections.trunks.items():
        yield ("trunks", name), trunk.codecs, trunk
    yield ("phones",), sections.phones.codecs, sections.phones


def repeated(places: Positions, sections: Sections) -> Iterator[Problem]:
    """A codec that stands in a list twice."""
    for path, codecs, _ in _users(sections):
        for index, codec in enumerate(codecs):
            if codec in codecs[:index]:
                yield places.problem((*path, "codecs", index), f"{codec} is already in the list")


def unheard(places: Positions, sections: Sections) -> Iterator[Problem]:
    """Keys that say more than will happen."""
    for path, codecs, terms in _users(sections):
        if terms.dtmf == "inband" and not HEARD_IN.intersection(codecs):
            yield places.problem((*path, "dtmf"), "tones are heard in PCMA and PCMU, and neither is among the codecs")
        elif terms.dtmf == "inband" and (deaf := [codec for codec in codecs if codec not in HEARD_IN]):
            message = (
                f"tones are heard in PCMA and PCMU alone: no digits from calls in {', '.join(deaf)}; take them out"
            )
            yield places.problem((*path, "dtmf"), message)
        ms = None if terms.ptime is None else round(terms.ptime * 1000)
        if ms is not None and "opus" in codecs and ms not in OPUS_TIMES:
            sent = max(time for time in OPUS_TIMES if time < ms)
            yield places.problem((*path, "ptime"), f"opus has no packets of {ms}ms: it is sent in {sent}ms")
