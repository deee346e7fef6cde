"""Redundant audio (RFC 2198): payloads of earlier packets in front of the payload of this one."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from media.rtp.packet cimport write16

cdef enum:
    RED_HEADER = 4           # octets in front of the payloads, for each but the last, ...
    RED_LAST = 1             # ... and for that
    RED_BLOCKS = 8           # that are read at most
    RED_FARTHEST = 0x3FFF    # timestamp units back
    RED_LONGEST = 0x3FF      # octets of a payload that is said again


cdef struct RedBlock:
    uint8_t payload_type
    uint32_t back            # timestamp units before the packet's own
    int length
    uint8_t* payload


cdef inline int red_parse(uint8_t* payload, int length, RedBlock* blocks) noexcept nogil:
    """How many blocks there are, the packet's own last; 0: malformed, or more than RED_BLOCKS."""
    cdef int at = 0, count = 0, i
    while True:
        if count == RED_BLOCKS or at >= length:
            return 0
        blocks[count].payload_type = payload[at] & 0x7F
        if not payload[at] & 0x80:
            break
        if at + RED_HEADER > length:
            return 0
        blocks[count].back = <uint32_t> payload[at + 1] << 6 | payload[at + 2] >> 2
        blocks[count].length = (payload[at + 2] & 3) << 8 | payload[at + 3]
        at += RED_HEADER
        count += 1
    at += RED_LAST
    for i in range(count):
        if blocks[i].length > length - at:
            return 0
        blocks[i].payload = payload + at
        at += blocks[i].length
    blocks[count].back = 0
    blocks[count].length = length - at
    blocks[count].payload = payload + at
    return count + 1


cdef inline void red_write_header(uint8_t* at, uint8_t payload_type, uint32_t back, int length) noexcept nogil:
    """RED_HEADER octets."""
    at[0] = 0x80 | payload_type
    write16(at + 1, <uint16_t> (back << 2 | <uint32_t> length >> 8))
    at[3] = length & 0xFF
