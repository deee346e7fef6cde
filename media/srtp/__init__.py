"""SRTP and SRTCP (RFC 3711, RFC 7714) by libsrtp, with keys that signalling agreed on (SDES, RFC 4568)."""
