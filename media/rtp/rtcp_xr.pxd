"""RTCP extended reports: the blocks we read and write, as they lie on the wire (RFC 3611 section 4).

Receiver Reference Time (4.4) and DLRR (4.5) give a side that only receives a round trip; VoIP Metrics (4.7) say how a
stream sounded where it was received. Other blocks are passed over, as 4 requires.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from media.rtp.packet cimport read16, read32, write16, write32

cdef enum:
    RTCP_XR = 207
    XR_REFERENCE_TIME = 4
    XR_DLRR = 5
    XR_VOIP_METRICS = 7
    XR_UNAVAILABLE = 127
    XR_MOST = 8 + 12 + 16 + 36   # octets of the most we write: header, one block of each


cdef struct VoipBlock:
    uint8_t loss_rate            # of 256, since the beginning; as are the three below
    uint8_t discard_rate
    uint8_t burst_density
    uint8_t gap_density
    uint16_t burst_duration      # milliseconds; as are the three below
    uint16_t gap_duration
    uint16_t round_trip
    uint16_t end_system
    uint8_t signal_level
    uint8_t noise_level
    uint8_t rerl
    uint8_t gmin
    uint8_t r
    uint8_t external_r
    uint8_t mos_lq               # times ten
    uint8_t mos_cq
    uint8_t config
    uint16_t jb_nominal          # milliseconds; as are the two below
    uint16_t jb_maximum
    uint16_t jb_absolute


cdef struct XrCompound:
    bint has_reference
    uint32_t reference           # the middle 32 bits of their NTP time
    bint has_dlrr                # about the SSRC we asked for
    uint32_t last_reference
    uint32_t delay_since
    bint has_voip                # about the SSRC we asked for
    VoipBlock voip


cdef inline void _read_voip(const uint8_t* at, VoipBlock* block) noexcept nogil:
    """From behind the block's SSRC."""
    block.loss_rate = at[0]
    block.discard_rate = at[1]
    block.burst_density = at[2]
    block.gap_density = at[3]
    block.burst_duration = read16(at + 4)
    block.gap_duration = read16(at + 6)
    block.round_trip = read16(at + 8)
    block.end_system = read16(at + 10)
    block.signal_level = at[12]
    block.noise_level = at[13]
    block.rerl = at[14]
    block.gmin = at[15]
    block.r = at[16]
    block.external_r = at[17]
    block.mos_lq = at[18]
    block.mos_cq = at[19]
    block.config = at[20]
    block.jb_nominal = read16(at + 22)
    block.jb_maximum = read16(at + 24)
    block.jb_absolute = read16(at + 26)


cdef inline bint xr_parse(const uint8_t* packet, int size, uint32_t our_ssrc, XrCompound* out) noexcept nogil:
    """Read one XR packet of `size` octets, padding taken off. False when its blocks do not add up to it.

    A block of a kind we read whose length is not that kind's is passed over like one of a kind we do not know.
    """
    cdef int at = 8
    cdef int length, i
    cdef uint8_t kind
    if size < 8:
        return False
    while at < size:
        if size - at < 4:
            return False
        kind = packet[at]
        length = 4 * read16(packet + at + 2)
        at += 4
        if length > size - at:
            return False
        if kind == XR_REFERENCE_TIME and length == 8:
            out.has_reference = True
            out.reference = read32(packet + at + 2)
        elif kind == XR_DLRR and length % 12 == 0:
            for i in range(0, length, 12):
                if read32(packet + at + i) == our_ssrc:
                    out.has_dlrr = True
                    out.last_reference = read32(packet + at + i + 4)
                    out.delay_since = read32(packet + at + i + 8)
        elif kind == XR_VOIP_METRICS and length == 32 and read32(packet + at) == our_ssrc:
            out.has_voip = True
            _read_voip(packet + at + 4, &out.voip)
        at += length
    return True


cdef inline int xr_begin(uint8_t* at, uint32_t ssrc) noexcept nogil:
    """The header of an XR packet (2): its length is set by `xr_end`. Gives the octets written."""
    at[0] = 0x80
    at[1] = RTCP_XR
    write32(at + 4, ssrc)
    return 8


cdef inline void xr_end(uint8_t* packet, int size) noexcept nogil:
    write16(packet + 2, size // 4 - 1)


cdef inline int _block(uint8_t* at, uint8_t kind, int words) noexcept nogil:
    at[0] = kind
    at[1] = 0
    write16(at + 2, words)
    return 4


cdef inline int xr_write_reference(uint8_t* at, uint64_t ntp) noexcept nogil:
    """Receiver Reference Time (4.4)."""
    _block(at, XR_REFERENCE_TIME, 2)
    write32(at + 4, <uint32_t> (ntp >> 32))
    write32(at + 8, <uint32_t> ntp)
    return 12


cdef inline int xr_write_dlrr(uint8_t* at, uint32_t ssrc, uint32_t last_reference, uint32_t delay) noexcept nogil:
    """DLRR (4.5) for one receiver, `delay` in 1/65536 s."""
    _block(at, XR_DLRR, 3)
    write32(at + 4, ssrc)
    write32(at + 8, last_reference)
    write32(at + 12, delay)
    return 16


cdef inline int xr_write_voip(uint8_t* at, uint32_t ssrc, const VoipBlock* block) noexcept nogil:
    """VoIP Metrics (4.7) about the stream of `ssrc`."""
    _block(at, XR_VOIP_METRICS, 8)
    write32(at + 4, ssrc)
    at[8] = block.loss_rate
    at[9] = block.discard_rate
    at[10] = block.burst_density
    at[11] = block.gap_density
    write16(at + 12, block.burst_duration)
    write16(at + 14, block.gap_duration)
    write16(at + 16, block.round_trip)
    write16(at + 18, block.end_system)
    at[20] = block.signal_level
    at[21] = block.noise_level
    at[22] = block.rerl
    at[23] = block.gmin
    at[24] = block.r
    at[25] = block.external_r
    at[26] = block.mos_lq
    at[27] = block.mos_cq
    at[28] = block.config
    at[29] = 0
    write16(at + 30, block.jb_nominal)
    write16(at + 32, block.jb_maximum)
    write16(at + 34, block.jb_absolute)
    return 36
