"""What a datagram is, from its first two bytes (RFC 7983, RFC 5761 section 4)."""

from libc.stdint cimport uint8_t

cdef enum Kind:
    NOT_MEDIA
    RTP
    RTCP
    HANDSHAKE                # STUN or DTLS


cdef inline Kind datagram_kind(const uint8_t* data, ssize_t length) noexcept nogil:
    """First byte 128-191 is RTP or RTCP (version 2); the rest is STUN, DTLS, TURN or rubbish."""
    if length < 2 or data[0] & 0xC0 != 0x80:
        return NOT_MEDIA
    return RTCP if 192 <= data[1] <= 223 else RTP


cdef inline Kind browser_datagram_kind(const uint8_t* data, ssize_t length) noexcept nogil:
    """The same where STUN (0-3) and DTLS (20-63) have their place; ZRTP, TURN channels and QUIC do not."""
    if length >= 1 and (data[0] <= 3 or 20 <= data[0] <= 63):
        return HANDSHAKE
    return datagram_kind(data, length)
