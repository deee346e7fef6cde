"""The ladder of a call: its SIP messages as aligned plain text, with times relative to the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.telemetry.story import Message, Story


def label(data: bytes) -> str:
    """What a SIP message is called on the ladder: `INVITE`, or `200 (INVITE)` for a response. Never raises.

    Reads raw bytes, so that tracing needs no parsed message. Costs about a microsecond.
    """
    first, _, rest = data.partition(b" ")
    if not first.upper().startswith(b"SIP/"):
        return first[:32].decode("ascii", "replace") if first.isalpha() else "?"
    status = rest[:3].decode("ascii", "replace")
    at = data.find(b"\nCSeq:")
    if at < 0:
        at = data.lower().find(b"\ncseq")
        if at < 0:
            return status or "?"
    fields = data[at + 1 : at + 200].partition(b"\n")[0].partition(b":")[2].split()
    return f"{status} ({fields[1].decode('ascii', 'replace')})" if len(fields) > 1 else status


def render_ladder(story: Story) -> str:
    """The messages of a story, one a line: time, path, label, note. "" when there are none."""
    return render_messages(story.messages)


def render_messages(messages: Sequence[Message]) -> str:
    """As `render_ladder`, for messages that outlived their story."""
    if not messages:
        return ""
    start = messages[0].time
    ends = [message.path.partition(" -> ") for message in messages]
    left = max(len(sender) for sender, _, _ in ends)
    right = max(len(receiver) for _, _, receiver in ends)
    widest = max(len(message.label) for message in messages)
    rows = []
    for message, (sender, _, receiver) in zip(messages, ends, strict=True):
        row = f"{_elapsed(message.time - start)}  {sender:<{left}} -> {receiver:<{right}}  {message.label:<{widest}}"
        rows.append(f"{row}  {message.note}".rstrip())
    return "\n".join(rows) + "\n"


def _elapsed(seconds: float) -> str:
    return f"{f'+{max(0.0, seconds):.3f}':>9}"
