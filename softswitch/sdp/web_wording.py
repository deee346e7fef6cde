"""What we say to a browser of ICE (RFC 8839), DTLS (RFC 8842) and BUNDLE (RFC 9143), and of its feedback.

All sections say the same of the one transport, as browsers do themselves; its candidates stand in the first alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from softswitch.sdp.browser import BROWSER_PROFILE
from softswitch.sdp.codec import RED
from softswitch.sdp.local_description import Wording
from softswitch.sdp.video import write_video

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from softswitch.sdp.browser import LocalTransport, Setup
    from softswitch.sdp.codec import Format
    from softswitch.sdp.local_description import Layout
    from softswitch.sdp.video import VideoOffer

_AUDIO_STREAM: Final = "a=msid:switch audio\r\n"
"""A stream of its own (RFC 8830): sound and picture of one stream are delayed until they fit, by clocks that ours and
the far browser's are not."""
_REDUCED: Final = "a=rtcp-rsize\r\n"


class VideoWords(NamedTuple):
    """A video section to write."""

    video: VideoOffer
    position: int
    reduced: bool
    """RTCP may come in reduced size there (RFC 5506)."""


def web_wording(
    layout: Layout,
    formats: Sequence[Format],
    local: LocalTransport,
    setup: Setup,
    *,
    where: tuple[str, int],
    group: Sequence[str],
    nack: Collection[int],
    reduced: bool,
    video: VideoWords | None,
) -> Wording:
    """`where`: address and port if no candidate gives them. `group`: the mids bundled, () without BUNDLE.

    `nack`: payload types of audio of which lost packets may be asked for again.
    """
    if local.candidates:
        where = (local.candidates[0].address, local.candidates[0].port)
    transport = _transport(local, setup)
    mid = layout.slots[layout.position].mid
    lines = [f"a={candidate.line}\r\n" for candidate in local.candidates]
    lines += ["a=end-of-candidates\r\n", transport]
    if mid:
        lines.append(f"a=mid:{mid}\r\n")
    lines.append(_AUDIO_STREAM)
    lines.extend(_format_lines(formats, nack))
    if reduced:
        lines.append(_REDUCED)
    others: dict[int, str] = {}
    if video is not None:
        further = f"{transport}a=mid:{layout.slots[video.position].mid}\r\n{_REDUCED if video.reduced else ''}"
        others[video.position] = write_video(video.video, where[1], BROWSER_PROFILE, further)
    session = [f"a=group:BUNDLE {' '.join(group)}\r\n"] if group else []
    if local.lite:
        session.append("a=ice-lite\r\n")
    session.append("a=msid-semantic:WMS *\r\n")
    return Wording("".join(lines), "".join(session), others, where)


def _transport(local: LocalTransport, setup: Setup) -> str:
    trickle = "a=ice-options:trickle\r\n" if local.trickle else ""
    return (
        f"a=ice-ufrag:{local.credentials.fragment}\r\na=ice-pwd:{local.credentials.password}\r\n{trickle}"
        f"a={local.fingerprint.line}\r\na=setup:{setup.value}\r\n"
    )


def _format_lines(formats: Sequence[Format], nack: Collection[int]) -> list[str]:
    lines = [f"a=rtcp-fb:{each.payload_type} nack\r\n" for each in formats if each.payload_type in nack]
    for each in formats:
        if each.codec.key == RED.key:
            carried = next(other.payload_type for other in formats if other.codec.clock_rate == each.codec.clock_rate)
            lines.append(f"a=fmtp:{each.payload_type} {carried}/{carried}\r\n")
    return lines
