"""STIR/SHAKEN: who may use a telephone number, signed and verified (RFC 8224, 8225, 8226, 8588; ATIS-1000074).

Pure: bytes, certificates and the time come in as arguments; nothing here fetches, reads or waits.
"""
