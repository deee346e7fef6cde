"""Browsers as legs: the way to them (ICE), the keys of their media (DTLS), one transport for each leg."""
