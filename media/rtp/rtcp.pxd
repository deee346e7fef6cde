"""RTCP compound packets, read with suspicion and written (RFC 3550 section 6; extended reports: see rtcp_xr).

Nothing a report says is believed because it was said: the caller checks source, SSRC and plausibility.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from media.rtp.packet cimport read16, read32, write16, write32
from media.rtp.rtcp_xr cimport RTCP_XR, XR_MOST, XrCompound, xr_parse

cdef enum:
    RTCP_SR = 200
    RTCP_RR = 201
    RTCP_SDES = 202
    RTCP_BYE = 203
    RTCP_ROOM = 160 + XR_MOST   # more than any compound packet we write
    CNAME_ROOM = 24


cdef struct ReportBlock:
    uint32_t ssrc
    uint8_t fraction_lost
    int32_t cumulative_lost      # signed 24 bit on the wire
    uint32_t highest_sequence
    uint32_t jitter
    uint32_t last_sr
    uint32_t delay_since_last_sr


cdef struct RtcpCompound:
    uint32_t sender_ssrc
    bint has_sender_info
    uint32_t ntp_middle          # the middle 32 bits of the NTP timestamp, to be sent back as LSR
    bint has_block               # a report block about the SSRC we asked for
    ReportBlock block
    bint bye
    XrCompound extended


cdef inline void _read_block(const uint8_t* at, ReportBlock* block) noexcept nogil:
    cdef uint32_t lost = read32(at + 4) & 0xFFFFFF
    block.ssrc = read32(at)
    block.fraction_lost = at[4]
    block.cumulative_lost = <int32_t> lost - (0x1000000 if lost & 0x800000 else 0)
    block.highest_sequence = read32(at + 8)
    block.jitter = read32(at + 12)
    block.last_sr = read32(at + 16)
    block.delay_since_last_sr = read32(at + 20)


cdef inline bint rtcp_parse(
    const uint8_t* data, int length, uint32_t our_ssrc, bint reduced, RtcpCompound* out
) noexcept nogil:
    """False unless the whole compound is well formed (RFC 3550 A.2): version 2 throughout, SR or RR first, padding only
    on the last packet, lengths that add up, report counts that fit, extended blocks that fill their packet.

    `reduced`: any packet may come first (RFC 5506), as it may where that was agreed on.
    """
    cdef int at = 0
    cdef int size, blocks, offset, i
    cdef uint8_t kind
    memset(out, 0, sizeof(RtcpCompound))
    if length < 8 or length & 3 or data[0] & 0x20 and read16(data + 2) * 4 + 4 < length:
        return False
    if not reduced and data[1] not in (RTCP_SR, RTCP_RR):
        return False
    out.sender_ssrc = read32(data + 4)
    while at < length:
        if length - at < 4 or data[at] & 0xC0 != 0x80:
            return False
        size = 4 + 4 * read16(data + at + 2)
        if size > length - at:
            return False
        if data[at] & 0x20 and (at + size < length or data[at + size - 1] == 0 or data[at + size - 1] > size - 4):
            return False
        kind = data[at + 1]
        blocks = data[at] & 0x1F
        if kind == RTCP_SR or kind == RTCP_RR:
            offset = 28 if kind == RTCP_SR else 8
            if size < offset + 24 * blocks:
                return False
            if kind == RTCP_SR and read32(data + at + 4) == out.sender_ssrc:
                out.has_sender_info = True
                out.ntp_middle = read32(data + at + 10)
            for i in range(blocks):
                if read32(data + at + offset + 24 * i) == our_ssrc:
                    out.has_block = True
                    _read_block(data + at + offset + 24 * i, &out.block)
        elif kind == RTCP_BYE:
            if size < 4 + 4 * blocks:
                return False
            out.bye = True
        elif kind == RTCP_XR:
            if not xr_parse(
                data + at, size - data[at + size - 1] if data[at] & 0x20 else size, our_ssrc, &out.extended
            ):
                return False
        at += size
    return True


cdef inline int rtcp_write_block(uint8_t* at, const ReportBlock* block) noexcept nogil:
    """24 bytes."""
    write32(at, block.ssrc)
    write32(at + 4, (<uint32_t> block.fraction_lost << 24) | (<uint32_t> block.cumulative_lost & 0xFFFFFF))
    write32(at + 8, block.highest_sequence)
    write32(at + 12, block.jitter)
    write32(at + 16, block.last_sr)
    write32(at + 20, block.delay_since_last_sr)
    return 24


cdef inline int rtcp_write_report(
    uint8_t* at, uint32_t ssrc, bint sender, uint64_t ntp, uint32_t timestamp, uint32_t packets, uint32_t octets,
    const ReportBlock* block
) noexcept nogil:
    """SR when we have sent, else RR (6.4.1, 6.4.2); `block` may be NULL. Gives the bytes written."""
    cdef int size = 28 if sender else 8
    write32(at + 4, ssrc)
    if sender:
        write32(at + 8, <uint32_t> (ntp >> 32))
        write32(at + 12, <uint32_t> ntp)
        write32(at + 16, timestamp)
        write32(at + 20, packets)
        write32(at + 24, octets)
    if block != NULL:
        size += rtcp_write_block(at + size, block)
    at[0] = 0x81 if block != NULL else 0x80
    at[1] = RTCP_SR if sender else RTCP_RR
    write16(at + 2, size // 4 - 1)
    return size


cdef inline int rtcp_write_cname(uint8_t* at, uint32_t ssrc, const uint8_t* cname, int length) noexcept nogil:
    """SDES with CNAME alone (6.5.1). Gives the bytes written."""
    cdef int size = 4 + 4 + 2 + length + 1       # header, SSRC, item, end of list
    size = (size + 3) & ~3
    memset(at, 0, size)
    at[0] = 0x81
    at[1] = RTCP_SDES
    write16(at + 2, size // 4 - 1)
    write32(at + 4, ssrc)
    at[8] = 1
    at[9] = length
    memcpy(at + 10, cname, length)
    return size


cdef inline int rtcp_write_bye(uint8_t* at, uint32_t ssrc) noexcept nogil:
    """BYE without a reason (6.6). Gives the bytes written."""
    at[0] = 0x81
    at[1] = RTCP_BYE
    write16(at + 2, 1)
    write32(at + 4, ssrc)
    return 8
