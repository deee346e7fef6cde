"""The stream a leg sends: one SSRC for its whole life, numbered without a break whatever feeds it.

A source (the bridged leg, a prompt, the leg's own echo) keeps its own numbering; it is shifted by an offset, so that
its losses, duplicates and order stay visible downstream (RFC 3550 section 7.1, translators). When the source changes,
or jumps, the offset is set anew: the next number, and as much timestamp as time has passed.

Times are microseconds of one monotonic clock.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from media.receive.statistics cimport MAX_DROPOUT, MAX_MISORDER


cdef struct SendStream:
    uint32_t ssrc
    uint32_t timestamp          # of the newest packet
    uint32_t rate               # its clock
    uint16_t sequence           # of the newest packet
    uint16_t sequence_offset
    uint32_t timestamp_offset
    uint32_t wraps              # 0x10000 for every wrap of the sequence number
    uint64_t source             # whose numbering the offsets fit, 0 before the first packet
    int64_t sent_at             # when the newest timestamp went
    uint32_t first_sequence
    uint8_t started
    uint8_t payload_type        # of the newest packet
    uint8_t first_octet         # of its payload
    uint64_t packets
    uint64_t octets             # of payload (RFC 3550 6.4.1)


cdef inline uint32_t _elapsed(const SendStream* s, uint32_t rate, int64_t now) noexcept nogil:
    """Timestamp units since the newest packet, 20 ms at least."""
    cdef int64_t units = (now - s.sent_at) * rate // 1000000
    if units < rate // 50:
        units = rate // 50
    return <uint32_t> units


cdef inline bint send_number(
    SendStream* s, uint64_t source, uint32_t rate, int64_t now, uint16_t* sequence, uint32_t* timestamp
) noexcept nogil:
    """Turn a source's sequence number and timestamp into ours, in place. True: this packet needs the marker bit."""
    cdef int16_t ahead
    cdef int32_t step
    cdef bint marker = False
    if source != s.source or rate != s.rate:
        if not s.started:
            s.started = 1
            s.first_sequence = <uint16_t> (s.sequence + 1)
            if s.first_sequence == 0:
                s.first_sequence = 0x10000
            s.sent_at = now
        s.source = source
        s.rate = rate
        s.sequence_offset = <uint16_t> (s.sequence + 1 - sequence[0])
        s.timestamp_offset = s.timestamp + _elapsed(s, rate, now) - timestamp[0]
        marker = True
    ahead = <int16_t> (sequence[0] + s.sequence_offset - s.sequence)
    if ahead >= MAX_DROPOUT or ahead < -MAX_MISORDER:
        s.sequence_offset = <uint16_t> (s.sequence + 1 - sequence[0])
        s.timestamp_offset = s.timestamp + _elapsed(s, rate, now) - timestamp[0]
        ahead = 1
        marker = True
    step = <int32_t> (timestamp[0] + s.timestamp_offset - s.timestamp)
    if not -<int32_t> rate <= step <= <int32_t> rate:
        # More than a second: silence that lasted (DTX) fits the clock on the wall, a timestamp that was reset does not.
        if not -3 * <int64_t> rate < step - (now - s.sent_at) * rate // 1000000 < 3 * <int64_t> rate:
            s.timestamp_offset = s.timestamp + _elapsed(s, rate, now) - timestamp[0]
            marker = True
    sequence[0] = <uint16_t> (sequence[0] + s.sequence_offset)
    timestamp[0] += s.timestamp_offset
    if ahead > 0:
        if sequence[0] < s.sequence:
            s.wraps += 0x10000
        s.sequence = sequence[0]
        # The packets of a telephone event share the timestamp of its beginning: what follows counts time from there.
        if marker or timestamp[0] != s.timestamp:
            s.timestamp = timestamp[0]
            s.sent_at = now
    return marker


cdef inline uint32_t send_skipped(const SendStream* s) noexcept nogil:
    """Sequence numbers passed over: what was lost before it came to us shows downstream as a gap."""
    cdef uint64_t numbers
    if not s.started:
        return 0
    numbers = s.wraps + s.sequence - s.first_sequence + 1
    return <uint32_t> (numbers - s.packets) if numbers > s.packets else 0


cdef inline uint32_t send_highest(const SendStream* s) noexcept nogil:
    """Extended highest sequence number sent."""
    return s.wraps + s.sequence
