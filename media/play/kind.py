"""What a sound file really is, by its first octets: a name is only a claim.

.vox has no header to recognise (Dialogic ADPCM is nothing but samples), so it is what looks like nothing else.
"""

from __future__ import annotations

HEAD_BYTES = 4096
"""How much of a file `identify` wants to see."""

NAMES = {
    ".wav": "a WAV file",
    ".mp2": "MPEG audio layer II",
    ".mp3": "MPEG audio layer III",
    ".m4a": "MPEG-4 audio",
    ".m4r": "MPEG-4 audio",
    ".voc": "a Creative Voice file",
    ".ircam": "an IRCAM file",
}

_OTHERS = (
    (b"OggS", "an Ogg file"),
    (b"fLaC", "a FLAC file"),
    (b"FORM", "an AIFF file"),
    (b".snd", "a Sun audio file"),
    (b"#!AMR", "an AMR file"),
    (b"caff", "a Core Audio file"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM file"),
    (b"0&\xb2u\x8ef\xcf\x11", "a Windows Media file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)
_BRANDS_OF_VIDEO = (b"qt  ", b"avc1", b"M4V ", b"3gp", b"3g2", b"heic", b"avif")
_RIFF = (b"RIFF", b"RIFX", b"RF64")
_FRAME_HEADER = 4


def identify(head: bytes) -> tuple[str | None, str]:
    """The suffix a file with this beginning deserves, and what it is in words.

    None when it is of no accepted type, or of none that shows: then the words are empty, unless it is known what it is.
    """
    if head[:4] in _RIFF:
        return (".wav", NAMES[".wav"]) if head[8:12] == b"WAVE" else (None, "a RIFF file that is no WAVE")
    if head[:20] == b"Creative Voice File\x1a":
        return ".voc", NAMES[".voc"]
    if (head[:2] == b"\x64\xa3" and head[3:4] == b"\0") or (head[:1] == b"\0" and head[2:4] == b"\xa3\x64"):
        return ".ircam", NAMES[".ircam"]
    if head[4:8] == b"ftyp":
        video = head[8:12].startswith(_BRANDS_OF_VIDEO)
        return (None, "a video or image file") if video else (".m4a", NAMES[".m4a"])
    for magic, name in _OTHERS:
        if head.startswith(magic):
            return None, name
    layer = _mpeg_layer(head)
    if layer:
        return f".mp{layer}", NAMES[f".mp{layer}"]
    if head and all(octet >= 0x20 or octet in b"\t\r\n\f" for octet in head) and 0x7F not in head[:256]:
        try:
            head[: len(head) - 4].decode()
        except UnicodeDecodeError:
            return None, ""
        return None, "text"
    return None, ""


def _mpeg_layer(head: bytes) -> int:
    """2 or 3 when an MPEG audio frame comes first, behind an ID3v2 tag if there is one (ISO 11172-3 2.4.2.3)."""
    tagged = head[:3] == b"ID3"
    at = 0
    if tagged and len(head) >= 10:
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        at = 10 + size + (10 if head[5] & 0x10 else 0)
        if at + _FRAME_HEADER > len(head):
            return 3  # a picture lies before the sound: what is tagged like this is layer III
    while at + _FRAME_HEADER <= len(head) and head[at] == 0:
        at += 1  # padding
    frame = head[at : at + _FRAME_HEADER]
    if len(frame) < _FRAME_HEADER or frame[0] != 0xFF or frame[1] & 0xE0 != 0xE0:
        return 0
    layer = 4 - (frame[1] >> 1 & 3)
    is_valid = frame[1] & 0x18 != 0x08 and frame[2] >> 4 not in (0, 15) and frame[2] >> 2 & 3 != 3
    return layer if is_valid and layer in (2, 3) else 0


def mismatch(suffix: str, head: bytes) -> str | None:
    """Why a file named `suffix` is not what it says; None when it is, as far as its beginning shows."""
    kind, words = identify(head)
    if kind == (".m4a" if suffix == ".m4r" else suffix):
        return None
    if kind is not None:
        return f"is named {suffix} but holds {words}: name it {kind}"
    if suffix == ".vox" and not words:
        return None if head else "is empty"
    return f"is named {suffix} but holds {words or 'something else'}"
