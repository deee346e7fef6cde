"""Legs whose far end is a browser: one port for STUN, DTLS and media, and media only where ICE has settled."""
