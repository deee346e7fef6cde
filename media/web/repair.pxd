"""What a browser's leg does about packets that are lost on the way to the browser.

Where redundancy was agreed on (RFC 2198), each packet says the payload of the one or two before it again, as long as
the browser reports losses. Where it may ask (RFC 4585 6.2.1), packets are kept as they were sent, sealed, and the same
octets go out once more: to seal them anew would use their number twice (RFC 3711 9.1).
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memmove

from media.rtp.packet cimport RTP_HEADER, read16, read32
from media.web.red cimport RED_FARTHEST, RED_HEADER, RED_LAST, red_write_header
from media.web.repair_state cimport KEPT, KEPT_ROOM, NO_RED, SAID, SAID_ROOM, Kept, Repair

cdef enum:
    SOME_LOSS = 2            # percent from which on one payload is said again ...
    MUCH_LOSS = 10           # ... and two
    OFTEN = 2                # times a packet is sent again at most


cdef inline bint repair_repeats(const Repair* repair, const uint8_t* packet) noexcept nogil:
    """Whether this packet is to carry what went before it."""
    return repair.redundancy > 0 and repair.red_out != NO_RED and packet[1] & 0x7F == repair.red_of


cdef inline int repair_redundant(Repair* repair, const uint8_t* packet, int length, uint8_t* out, int room) noexcept nogil:
    """Write a packet to `out` with what went before it, and keep its payload for the next ones. Gives the length there."""
    cdef uint32_t timestamp = read32(packet + 4)
    cdef int payload = length - RTP_HEADER
    cdef int at = RTP_HEADER, count = 0, octets = 0, i
    cdef uint32_t back
    # Without a gap from the newest on: an older one beyond what can be said is left out with all before it.
    while count < repair.said_count and count < repair.redundancy:
        back = timestamp - repair.said[count].timestamp
        if back == 0 or back > RED_FARTHEST:
            break
        octets += RED_HEADER + repair.said[count].length
        count += 1
    if length + octets + RED_LAST > room:
        count = 0
    memcpy(out, packet, RTP_HEADER)
    out[1] = packet[1] & 0x80 | repair.red_out
    for i in range(count - 1, -1, -1):
        red_write_header(out + at, repair.red_of, timestamp - repair.said[i].timestamp, repair.said[i].length)
        at += RED_HEADER
    out[at] = repair.red_of
    at += RED_LAST
    for i in range(count - 1, -1, -1):
        memcpy(out + at, repair.said[i].payload, repair.said[i].length)
        at += repair.said[i].length
    memcpy(out + at, packet + RTP_HEADER, payload)
    if payload > SAID_ROOM:
        repair.said_count = 0
        return at + payload
    memmove(&repair.said[1], &repair.said[0], (SAID - 1) * sizeof(repair.said[0]))
    repair.said[0].timestamp = timestamp
    repair.said[0].length = <uint16_t> payload
    memcpy(repair.said[0].payload, packet + RTP_HEADER, payload)
    repair.said_count = min(repair.said_count + 1, <int> SAID)
    return at + payload


cdef inline void repair_keep(Repair* repair, const uint8_t* sealed, int length) noexcept nogil:
    """A packet goes out so."""
    cdef uint16_t sequence = read16(sealed + 2)
    cdef Kept* kept = &repair.kept[sequence % KEPT]
    if not repair.asks:
        return
    kept.sequence = sequence
    kept.again = 0
    kept.length = <uint16_t> length if length <= KEPT_ROOM else 0
    memcpy(kept.data, sealed, kept.length)


cdef inline Kept* repair_again(Repair* repair, uint16_t sequence) noexcept nogil:
    """The packet they ask for, if it may go again; NULL otherwise."""
    cdef Kept* kept = &repair.kept[sequence % KEPT]
    if not repair.asks or kept.length == 0 or kept.sequence != sequence or kept.again >= OFTEN:
        return NULL
    kept.again += 1
    return kept


cdef inline void repair_reported(Repair* repair, uint32_t expected, uint32_t lost) noexcept nogil:
    """The browser has reported on what we send, since its beginning."""
    cdef int64_t since = <int64_t> expected - repair.loss_expected
    cdef int64_t missing = <int64_t> lost - repair.loss_lost
    cdef uint8_t percent
    if since < 0:                # another stream of ours, from its beginning (a new key)
        repair.loss_expected = repair.loss_lost = 0
    if since <= 0:
        return
    repair.loss_expected = expected
    repair.loss_lost = lost
    percent = <uint8_t> (min(max(missing, <int64_t> 0), since) * 100 // since)
    # Up at once, down slowly: losses come in groups.
    repair.loss = percent if percent >= repair.loss else <uint8_t> ((3 * repair.loss + percent) // 4)
    repair.redundancy = 2 if repair.loss >= MUCH_LOSS else 1 if repair.loss >= SOME_LOSS else 0
    if not repair.redundancy:
        repair.said_count = 0
