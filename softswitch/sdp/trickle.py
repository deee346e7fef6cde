"""Candidates that come after the offer or answer: `application/trickle-ice-sdpfrag` bodies of INFO (RFC 8840 9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from softswitch.sdp.browser import BROWSER_PROFILE, IceCandidate, IceCredentials, read_credentials
from softswitch.sdp.errors import SdpError, at_line
from softswitch.value import value_class

CONTENT_TYPE: Final = "application/trickle-ice-sdpfrag"
_MOST_BYTES: Final = 16_384
_MOST_LINES: Final = 200


@value_class(frozen=True, slots=True)
class IceFragment:
    """What one INFO says of one bundled transport."""

    credentials: IceCredentials
    """Of the generation it belongs to: candidates of another one are late and mean nothing (RFC 8840 4.3)."""
    candidates: tuple[IceCandidate, ...]
    """With `fragment` set."""
    complete: bool
    """a=end-of-candidates: no more will come."""
    mid: str = ""
    """Of the section they were said of; "": none. With BUNDLE all are of the one transport."""


def read_fragment(body: bytes) -> IceFragment:
    """Read an INFO's body. Raises SdpError 400, with the line."""
    if len(body) > _MOST_BYTES:
        raise SdpError(f"{len(body)} bytes", expected=f"at most {_MOST_BYTES}")
    lines = body.decode("utf-8", "surrogateescape").replace("\r\n", "\n").rstrip("\n").split("\n")
    if len(lines) > _MOST_LINES:
        raise SdpError(f"{len(lines)} lines", expected=f"at most {_MOST_LINES}")
    said: dict[str, str] = {}
    found: list[IceCandidate] = []
    for number, line in enumerate(lines, 1):
        if line[1:2] != "=":
            raise SdpError("no type letter", expected="<letter>=<value>", line=number)
        name, _, value = line[2:].partition(":")
        if line[0] != "a":
            continue  # the pseudo m= line that a=mid follows (RFC 8840 9.1)
        if name == "candidate":
            with at_line(number):
                found.append(IceCandidate.parse(line))
        else:
            said.setdefault(name, value.strip())
    if "ice-ufrag" not in said or "ice-pwd" not in said:
        raise SdpError("no ice-ufrag and ice-pwd", expected="those the candidates belong to (RFC 8840 9.1)")
    credentials = read_credentials(said["ice-ufrag"], said["ice-pwd"])
    named = tuple(each if each.fragment else replace(each, fragment=credentials.fragment) for each in found)
    return IceFragment(credentials, named, "end-of-candidates" in said, said.get("mid", ""))


def write_fragment(fragment: IceFragment) -> bytes:
    """Write an INFO's body."""
    lines = [
        f"a=ice-ufrag:{fragment.credentials.fragment}",
        f"a=ice-pwd:{fragment.credentials.password}",
        f"m=audio 9 {BROWSER_PROFILE} 0",
        *([f"a=mid:{fragment.mid}"] if fragment.mid else ()),
        *[f"a={candidate.line}" for candidate in fragment.candidates],
        *(["a=end-of-candidates"] if fragment.complete else ()),
        "",
    ]
    return "\r\n".join(lines).encode()
