"""A browser's description, read: which sections are bundled, which are alive, and what transport stands behind them.

Several m= lines share one transport (RFC 9143 BUNDLE). What belongs to the transport is said in the section that is
named first in the group, the tagged one, and often repeated in all of them; fingerprints and credentials may also
stand once for the whole session.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from softswitch.sdp.address import AddressKind, address_kind
from softswitch.sdp.browser import (
    BROWSER_PROFILE,
    STRONG_HASHES,
    Fingerprint,
    IceCandidate,
    RemoteTransport,
    Setup,
    read_credentials,
)
from softswitch.sdp.errors import INCOMPATIBLE_TRANSPORT, SdpError, at_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from softswitch.sdp.description import SessionDescription
    from softswitch.sdp.media import MediaDescription

_MOST_CANDIDATES: Final = 32
"""More than a machine with many interfaces has; each costs checks (RFC 8445 6.1.2.5)."""
_MID = re.compile(r"[!#-'*+\-.0-9A-Z^-~]{1,64}")  # token (RFC 8866 9)

Attributes = dict[str, list[tuple[int, str]]]
"""The a= lines of a section, or of the session, by name: line numbers and values."""


def attributes_of(lines: Iterable[str], first: int) -> Attributes:
    """Sort the a= lines; `first` is the number of the first line."""
    found: Attributes = {}
    for number, line in enumerate(lines, first):
        if line[0] == "a":
            name, _, value = line[2:].partition(":")
            found.setdefault(name, []).append((number, value))
    return found


class WebSection(NamedTuple):
    """One m= line with what is below it."""

    position: int
    media: MediaDescription
    attributes: Attributes
    mid: str
    """ "": none."""
    bundled: bool
    """It is a member of the group that is looked at."""
    live: bool
    """Neither refused nor removed: port 0 means something else where `a=bundle-only` stands (RFC 9143 6)."""

    @property
    def line(self) -> int:
        """Of its m=."""
        return self.media.line_number

    @property
    def is_browser_media(self) -> bool:
        """Whether it has the profile of browsers."""
        return self.media.protocol.upper() == BROWSER_PROFILE


class WebDescription:
    """All sections of a browser's description. Raises SdpError for mids and groups that cannot be."""

    __slots__ = ("attributes", "group", "sections")

    def __init__(self, description: SessionDescription) -> None:
        self.attributes = attributes_of(description.lines, 1)
        read = [
            (media, attributes_of(media.lines, media.line_number + 1), media.line_number) for media in description.media
        ]
        mids = [_mid(attributes) for _, attributes, _ in read]
        for position, mid in enumerate(mids):
            if mid and mid in mids[:position]:
                raise SdpError(
                    "one mid for two sections", expected="a mid for each (RFC 5888 6)", line=read[position][2]
                )
        self.group = _bundle(self.attributes, mids)
        """The mids of the first group, in its order: the tagged one first."""
        self.sections = tuple(
            WebSection(
                position,
                media,
                attributes,
                mid,
                mid in self.group,
                bool(media.port) or ("bundle-only" in attributes and mid in self.group[1:]),
            )
            for position, ((media, attributes, _), mid) in enumerate(zip(read, mids, strict=True))
        )

    def tagged(self, taken: Sequence[WebSection]) -> WebSection:
        """The section that stands for the transport of those taken up: the first of the group among them."""
        for mid in self.group:
            for section in taken:
                if section.mid == mid and section.mid:
                    return section
        return taken[0]

    def transport(self, taken: Sequence[WebSection], own: tuple[str, int]) -> RemoteTransport:
        """What they say of the transport of the sections taken up. `own`: our address, never taken for theirs.

        Raises SdpError: 488 for what is missing, 400 for what cannot be read.
        """
        section = self.tagged(taken)
        if "ice-ufrag" not in section.attributes and section.bundled:
            # A bundle-only section says nothing of it (RFC 9143 7.1.3): the group's first one does.
            section = next((each for each in self.sections if each.mid == self.group[0]), section)
        here = (section.attributes, self.attributes)
        line = section.line
        fragment, password = _first("ice-ufrag", here), _first("ice-pwd", here)
        if fragment is None or password is None:
            raise _missing("ICE: no ice-ufrag and ice-pwd", "both of them (RFC 8839 5.4)", line)
        with at_line(fragment[0]):
            credentials = read_credentials(fragment[1].strip(), password[1].strip())
        trickle = any("trickle" in value.split() for level in here for _, value in level.get("ice-options", ()))
        ended = any("end-of-candidates" in level for level in here)
        return RemoteTransport(
            credentials=credentials,
            candidates=_candidates(section.attributes, own),
            lite="ice-lite" in self.attributes,
            trickle=trickle,
            complete=ended or not trickle,
            fingerprints=_fingerprints(here, line),
            setup=_setup(here, line),
        )


def require_browser_media(section: WebSection) -> None:
    """Raises SdpError 488 unless the section is what browsers are spoken to in: SAVPF and rtcp-mux."""
    if not section.is_browser_media:
        raise _missing(f"profile {section.media.protocol[:40]}", BROWSER_PROFILE, section.line)
    if "rtcp-mux" not in section.attributes:
        raise _missing("no rtcp-mux", "a=rtcp-mux (RFC 8834 4.5)", section.line)


def _missing(what: str, expected: str, line: int) -> SdpError:
    return SdpError(what, expected=expected, status=488, line=line, warning=INCOMPATIBLE_TRANSPORT)


def _mid(attributes: Attributes) -> str:
    stated = attributes.get("mid")
    if stated is None:
        return ""
    line, value = stated[0]
    value = value.strip()
    if _MID.fullmatch(value) is None:
        raise SdpError(f"mid {value[:40]!r}", expected="a token (RFC 5888 4)", line=line)
    return value


def _bundle(session: Attributes, mids: Sequence[str]) -> tuple[str, ...]:
    """The first BUNDLE group; mids that no section has are passed over."""
    for _, value in session.get("group", ()):
        semantics, *members = value.split()[:100] or [""]
        if semantics.upper() == "BUNDLE":
            return tuple(dict.fromkeys(mid for mid in members if mid in mids))
    return ()


def _first(name: str, levels: Iterable[Attributes]) -> tuple[int, str] | None:
    """The attribute of the section, else that of the session."""
    for level in levels:
        if name in level:
            return level[name][0]
    return None


def _candidates(attributes: Attributes, own: tuple[str, int]) -> tuple[IceCandidate, ...]:
    found: list[IceCandidate] = []
    for line, value in attributes.get("candidate", ()):
        with at_line(line):
            candidate = IceCandidate.parse("candidate:" + value)
        if usable(candidate, own) and len(found) < _MOST_CANDIDATES:
            found.append(candidate)
    return tuple(found)


def usable(candidate: IceCandidate, own: tuple[str, int]) -> bool:
    """Whether checks may be sent to a candidate: RTP over UDP, at a literal address that can be somebody else's."""
    return (
        candidate.transport == "udp"
        and candidate.component == 1
        and candidate.port > 0
        and address_kind(candidate.address) in (AddressKind.UNICAST, AddressKind.LOOPBACK)
        and (candidate.address, candidate.port) != own
    )


def _fingerprints(levels: tuple[Attributes, ...], line: int) -> tuple[Fingerprint, ...]:
    stated = next((level["fingerprint"] for level in levels if "fingerprint" in level), [])
    read: list[Fingerprint] = []
    for number, value in stated:
        with at_line(number):
            read.append(Fingerprint.parse(value))
    strong = tuple(each for each in read if each.algorithm in STRONG_HASHES)
    if not strong:
        weak = ", ".join(each.algorithm[:20] for each in read)
        raise _missing(
            f"no fingerprint but {weak}" if weak else "no fingerprint",
            f"a=fingerprint with one of {', '.join(sorted(STRONG_HASHES))} (RFC 8122 5)",
            line,
        )
    return strong


def _setup(levels: tuple[Attributes, ...], line: int) -> Setup:
    stated = _first("setup", levels)
    if stated is None:
        raise _missing("no setup", "a=setup (RFC 8842 5.1)", line)
    try:
        return Setup(stated[1].strip().lower())
    except ValueError:
        raise SdpError(
            f"setup {stated[1][:20]!r}", expected="actpass, active or passive", status=488, line=stated[0]
        ) from None
