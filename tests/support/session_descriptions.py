"""Session descriptions for tests: an audio section by its parts, and whole bodies."""

from __future__ import annotations

AUDIO_FORMATS = ("0 PCMU/8000", "8 PCMA/8000", "101 telephone-event/8000")


def section(
    *formats: str,
    port: int = 4000,
    protocol: str = "RTP/AVP",
    media: str = "audio",
    lines: tuple[str, ...] = (),
    extra: tuple[str, ...] = (),
) -> str:
    """One media section. A format is `number` or `number name/rate`; `lines` follow; `extra` are bare numbers in m=."""
    formats = formats or AUDIO_FORMATS
    numbers = " ".join([*(text.partition(" ")[0] for text in formats), *extra])
    maps = [f"a=rtpmap:{text}" for text in formats if " " in text]
    return "".join(f"{line}\r\n" for line in (f"m={media} {port} {protocol} {numbers}", *maps, *lines))


def body(
    *sections: str,
    address: str = "192.0.2.10",
    version: int = 1,
    timing: str = "0 0",
    lines: tuple[str, ...] = (),
    connection: bool = True,
) -> bytes:
    """A whole description with session-level `lines` after t=."""
    family = "IP6" if ":" in address else "IP4"
    head = ["v=0", f"o=phone 77 {version} IN {family} {address}", "s=call"]
    if connection:
        head.append(f"c=IN {family} {address}")
    head += [f"t={timing}", *lines]
    return ("".join(f"{line}\r\n" for line in head) + "".join(sections or (section(),))).encode()
