"""ITU-T G.711 (11/88). Linear audio is 16 bit, native byte order, left justified as in ITU-T G.191."""

from typing_extensions import Buffer

def alaw_to_linear(data: Buffer) -> bytes:
    """Decode A-law; two bytes out for each byte in."""

def ulaw_to_linear(data: Buffer) -> bytes:
    """Decode mu-law; two bytes out for each byte in."""

def linear_to_alaw(pcm: Buffer) -> bytes:
    """Encode to A-law, one byte a sample. Raises ValueError when the buffer holds half a sample."""

def linear_to_ulaw(pcm: Buffer) -> bytes:
    """Encode to mu-law, one byte a sample. Raises ValueError when the buffer holds half a sample."""

def alaw_to_ulaw(data: Buffer) -> bytes:
    """A-law to mu-law by table 4/G.711."""

def ulaw_to_alaw(data: Buffer) -> bytes:
    """Mu-law to A-law by table 3/G.711."""
