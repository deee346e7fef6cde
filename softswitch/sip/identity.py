"""Headers that say who calls, and for whom the call was meant before: P-Asserted-Identity and P-Preferred-Identity
(RFC 3325), Remote-Party-ID (draft-ietf-sip-privacy-04), Privacy (RFC 3323), Diversion (RFC 5806), History-Info
(RFC 7044, and RFC 7544 for how the two tell the same).

These headers are optional and informative: what cannot be read is passed over, never an error.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.grammar import is_token, parse_digits, split_list
from softswitch.sip.headers import NameAddr
from softswitch.sip.parameters import NO_PARAMETERS, Parameters
from softswitch.sip.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from softswitch.sip.header_map import Headers

PRIVACY_KNOWN = frozenset({"id", "header", "user", "session", "none", "critical", "history"})
"""RFC 3323 4.2, RFC 3325 9.3, RFC 7044 10.1."""
MOST_DIVERSIONS = 10
"""Entries of Diversion or History-Info that are read; more come only from a loop."""
ANONYMOUS = NameAddr("Anonymous", Uri("sip", "anonymous", "anonymous.invalid"))
"""RFC 3323 4.1.1.3."""

REASONS = ("unknown", "user-busy", "no-answer", "unavailable", "unconditional", "time-of-day", "do-not-disturb",
           "deflection", "follow-me", "out-of-service", "away")  # fmt: skip
"""RFC 5806 6.1."""
_CAUSES = {302: "unconditional", 486: "user-busy", 408: "no-answer", 480: "deflection", 487: "deflection",
           503: "unavailable", 404: "unknown"}  # fmt: skip
_CAUSE_OF = {reason: cause for cause, reason in reversed(_CAUSES.items())}
"""RFC 7544 3.3 and 4.4; reasons without a cause of their own are told as 404, unknown."""
_REASON_WITHIN = re.compile(r"(?:^|&)Reason=SIP%3B[^&]*?cause%3D([0-9]{3})", re.IGNORECASE).search
_INDEX = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4}){0,30}").fullmatch


class RemoteParty(NamedTuple):
    """A Remote-Party-ID of the calling party."""

    party: NameAddr
    withheld: bool
    """Whether it says that the number, or everything, is not to be shown."""


class DivertedBy(NamedTuple):
    """One party that a call was meant for and that sent it on."""

    party: NameAddr
    reason: str
    """One of REASONS."""
    withheld: bool = False


def privacy(headers: Headers) -> frozenset[str]:
    """The values of Privacy, lower case (RFC 3323 4.2 separates them with `;`, some send commas)."""
    lines = headers.lines("Privacy")
    if not lines:
        return frozenset()
    return frozenset(value.strip(" \t").lower() for line in lines for value in line.replace(",", ";").split(";"))


def identity(headers: Headers, name: str) -> NameAddr | None:
    """The first identity of P-Asserted-Identity or P-Preferred-Identity that has a user, a tel or SIP URI."""
    return next((party for party in _addresses(headers, name) if party.uri.user), None)


def remote_party(headers: Headers) -> RemoteParty | None:
    """The Remote-Party-ID of the calling party, which is the one that names no `party` or `party=calling`."""
    for party in _addresses(headers, "Remote-Party-ID"):
        if (party.parameters.get("party") or "calling").lower() == "calling" and party.uri.user:
            hidden = (party.parameters.text("privacy") or "off").lower()
            return RemoteParty(party, hidden in ("full", "uri"))
    return None


def diversions(headers: Headers) -> tuple[DivertedBy, ...]:
    """Who sent the call on, the latest first: from Diversion, or else from History-Info."""
    found = []
    for party in _addresses(headers, "Diversion"):
        reason = (party.parameters.text("reason") or "unknown").lower()
        withheld = (party.parameters.text("privacy") or "off").lower() in ("full", "uri")
        found.append(DivertedBy(party, reason if reason in REASONS else "unknown", withheld))
    return tuple(found[:MOST_DIVERSIONS]) or _from_history(headers)


def _from_history(headers: Headers) -> tuple[DivertedBy, ...]:
    """RFC 7544 4: the entry before one with a cause is a party that diverted, for that cause."""
    entries = [entry for entry in _addresses(headers, "History-Info") if _INDEX(entry.parameters.get("index") or "")]
    entries.sort(key=lambda entry: [int(part) for part in (entry.parameters.get("index") or "0").split(".")])
    found = []
    for before, after in pairwise(entries):
        cause = _cause(after)
        if cause in _CAUSES and before.uri.user:
            hidden = "history" in unquote(before.uri.headers).lower().partition("privacy=")[2]
            found.append(DivertedBy(before, _CAUSES[cause], hidden))
    return tuple(reversed(found[-MOST_DIVERSIONS:]))


def _cause(entry: NameAddr) -> int:
    """Why the call came to this entry: its `cause` (RFC 4458), or the Reason within its URI (RFC 4244); 0 if unsaid."""
    stated = _REASON_WITHIN(entry.uri.headers)
    return parse_digits(entry.uri.parameters.get("cause") or (stated[1] if stated else ""), 699) or 0


def _addresses(headers: Headers, name: str) -> Iterator[NameAddr]:
    for line in headers.lines(name):
        try:
            pieces = split_list(line)
        except RemoteProtocolError:
            continue
        for piece in pieces:
            try:
                yield NameAddr.parse(piece)
            except RemoteProtocolError:
                continue


def write_remote_party(party: NameAddr, *, withheld: bool) -> str:
    """A Remote-Party-ID of ours: screened, because we know who calls."""
    parameters = (("party", "calling"), ("privacy", "full" if withheld else "off"), ("screen", "yes"))
    return str(NameAddr(party.display_name, party.uri, Parameters(parameters)))


def write_diversions(diverted: Sequence[DivertedBy]) -> list[tuple[str, str]]:
    """Diversion headers, the latest on top (RFC 5806 6.2)."""
    return [
        (
            "Diversion",
            str(
                NameAddr(
                    by.party.display_name,
                    by.party.uri,
                    Parameters(
                        (("reason", by.reason), ("counter", "1"), ("privacy", "full" if by.withheld else "off"))
                    ),
                )
            ),
        )
        for by in diverted
    ]


def write_history(diverted: Sequence[DivertedBy], target: Uri) -> list[tuple[str, str]]:
    """History-Info headers: who diverted, the first party on top, and last the target (RFC 7044 5, RFC 7544 3.2)."""
    if not diverted:
        return []
    lines, index, cause = [], "1", ""
    for by in reversed(diverted):
        lines.append(_history_entry(by.party.uri, index, cause, withheld=by.withheld))
        cause, index = str(_CAUSE_OF.get(by.reason, 404)), f"{index}.1"
    lines.append(_history_entry(target, index, cause, withheld=False))
    return [("History-Info", line) for line in lines]


def _history_entry(uri: Uri, index: str, cause: str, *, withheld: bool) -> str:
    named = Parameters((("cause", cause),)) if cause else NO_PARAMETERS
    entry = Uri(uri.scheme, uri.user, uri.host, uri.port, named, "Privacy=history" if withheld else "")
    mapped = f";mp={index.rpartition('.')[0]}" if cause else ""
    return f"<{entry}>;index={index}{mapped}"


def is_anonymous(party: NameAddr) -> bool:
    """Whether a From says that its sender does not want to be known (RFC 3323 4.1.1.3)."""
    uri = party.uri
    return uri.host.lower() == "anonymous.invalid" or (uri.user or "").lower() in ("anonymous", "restricted")


def verstat(party: NameAddr) -> str:
    """The `verstat` parameter in a user part or a tel URI, "" without one (3GPP TS 24.229 7.2A.20)."""
    _, _, rest = (party.uri.user or "").partition(";")
    for piece in rest.split(";"):
        name, _, value = piece.partition("=")
        if name.lower() == "verstat" and is_token(value):
            return value
    value = party.uri.parameters.get("verstat") or ""
    return value if is_token(value) else ""
