"""The RTP fixed header, read and written (RFC 3550 section 5.1)."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

cdef enum:
    RTP_HEADER = 12


cdef struct RtpPacket:
    uint8_t payload_type
    uint8_t marker
    uint16_t sequence
    uint32_t timestamp
    uint32_t ssrc
    uint8_t* payload
    int payload_length


cdef inline uint16_t read16(const uint8_t* at) noexcept nogil:
    return (<uint16_t> at[0] << 8) | at[1]


cdef inline uint32_t read32(const uint8_t* at) noexcept nogil:
    return (<uint32_t> at[0] << 24) | (<uint32_t> at[1] << 16) | (<uint32_t> at[2] << 8) | at[3]


cdef inline void write16(uint8_t* at, uint16_t value) noexcept nogil:
    at[0] = value >> 8
    at[1] = value & 0xFF


cdef inline void write32(uint8_t* at, uint32_t value) noexcept nogil:
    at[0] = value >> 24
    at[1] = (value >> 16) & 0xFF
    at[2] = (value >> 8) & 0xFF
    at[3] = value & 0xFF


cdef inline bint rtp_parse(uint8_t* data, int length, RtpPacket* packet) noexcept nogil:
    """False unless every length the packet claims lies inside it (RFC 3550 A.1). Extension and padding are left out."""
    cdef int offset = RTP_HEADER
    cdef int padding = 0
    if length < RTP_HEADER or data[0] & 0xC0 != 0x80:
        return False
    offset += 4 * (data[0] & 0x0F)
    if data[0] & 0x10:
        if length < offset + 4:
            return False
        offset += 4 + 4 * read16(data + offset + 2)
    if length < offset:
        return False
    if data[0] & 0x20:
        padding = data[length - 1]
        if padding == 0 or padding > length - offset:
            return False
    packet.payload_type = data[1] & 0x7F
    packet.marker = data[1] >> 7
    packet.sequence = read16(data + 2)
    packet.timestamp = read32(data + 4)
    packet.ssrc = read32(data + 8)
    packet.payload = data + offset
    packet.payload_length = length - offset - padding
    return True


cdef inline void rtp_write_header(
    uint8_t* at, uint8_t payload_type, bint marker, uint16_t sequence, uint32_t timestamp, uint32_t ssrc
) noexcept nogil:
    at[0] = 0x80
    at[1] = payload_type | (0x80 if marker else 0)
    write16(at + 2, sequence)
    write32(at + 4, timestamp)
    write32(at + 8, ssrc)
