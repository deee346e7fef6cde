"""Symmetric RTP with source locking: whom a leg listens to, and whom it may send to (RFC 4961; RTP bleed).

The address SDP named locks at once, at any time. Another source (the far end behind a NAT) may win only while the
window is open, and only if the SDP source stays silent for the grace period while the candidate keeps sending one
SSRC; should the SDP source speak up inside the window after all, it takes the lock back. After that nothing moves the
lock but a new SDP address. A source that was locked before a re-INVITE is still
heard while the window for its successor is open, so that nothing is lost on the way over.

While SDP names no address (RFC 2543's hold, `c=0.0.0.0`) nothing is sent, but who was heard is still heard: the music
of the holder. Nobody else can win meanwhile.

Times are microseconds of one monotonic clock.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from media.net.udp cimport Address, address_clear, address_known, address_same

cdef enum:
    CANDIDATE_PACKETS = 3

cdef enum Admission:
    STRANGER
    ACCEPTED
    LOCKED_NOW


cdef struct Latch:
    Address source         # whom we listen to, once locked
    uint8_t locked
    uint8_t candidate_packets
    uint32_t candidate_ssrc
    Address signalled      # what SDP named
    Address former         # locked before the re-INVITE
    Address candidate
    int64_t window_end
    int64_t candidate_since
    Address held           # what SDP named before it named nothing


cdef inline void latch_open(Latch* latch, int64_t now, int64_t window) noexcept nogil:
    """Open the window, unless a source is locked already."""
    if not latch.locked:
        latch.window_end = now + window
        latch.candidate_packets = 0


cdef inline void latch_signal(Latch* latch, const Address* signalled, int64_t now, int64_t window) noexcept nogil:
    """SDP named an address. The one it named before, or the one already locked, changes nothing."""
    cdef bint was_known = address_known(&latch.signalled)
    if not address_known(signalled):
        if was_known:
            latch.held = latch.signalled
            address_clear(&latch.signalled)
        return
    if address_same(&latch.signalled, signalled):
        return
    latch.signalled = signalled[0]
    address_clear(&latch.held)
    if latch.locked and address_same(&latch.source, signalled):
        return
    address_clear(&latch.former)
    if latch.locked and was_known:
        latch.former = latch.source
    latch.locked = 0
    address_clear(&latch.candidate)
    latch_open(latch, now, window)


cdef inline Admission _lock(Latch* latch, const Address* source) noexcept nogil:
    latch.source = source[0]
    latch.locked = 1
    address_clear(&latch.former)
    return LOCKED_NOW


cdef inline Admission latch_learn(
    Latch* latch, const Address* source, uint32_t ssrc, int64_t now, int64_t grace
) noexcept nogil:
    """Admit or refuse a valid RTP packet while nothing is locked."""
    if not address_known(&latch.signalled):
        if address_same(source, &latch.held):
            return _lock(latch, source)
        return ACCEPTED if address_same(source, &latch.former) else STRANGER
    if address_same(source, &latch.signalled):
        return _lock(latch, source)
    if now >= latch.window_end:
        return STRANGER
    if address_known(&latch.former) and address_same(source, &latch.former):
        return ACCEPTED
    if latch.candidate_packets == 0 or not address_same(source, &latch.candidate):
        # The first candidate keeps its place: a second stranger must not reset the clock of the first.
        if latch.candidate_packets == 0 or now - latch.candidate_since > 4 * grace:
            latch.candidate = source[0]
            latch.candidate_ssrc = ssrc
            latch.candidate_packets = 1
            latch.candidate_since = now
        return STRANGER
    if ssrc != latch.candidate_ssrc:
        latch.candidate_packets = 0
        return STRANGER
    if latch.candidate_packets < CANDIDATE_PACKETS:
        latch.candidate_packets += 1
    if latch.candidate_packets == CANDIDATE_PACKETS and now - latch.candidate_since >= grace:
        return _lock(latch, source)
    return STRANGER


cdef inline Admission latch_admit(
    Latch* latch, const Address* source, uint32_t ssrc, int64_t now, int64_t grace
) noexcept nogil:
    """Admit or refuse a valid RTP packet."""
    if not latch.locked:
        return latch_learn(latch, source, ssrc, now, grace)
    if address_same(source, &latch.source):
        return ACCEPTED
    # The source SDP named may still take its place back from a candidate that was merely quicker.
    if now < latch.window_end and address_same(source, &latch.signalled):
        return _lock(latch, source)
    return STRANGER


cdef inline bint latch_refuses(const Latch* latch, const Address* source, int64_t now) noexcept nogil:
    """Whether a source is a stranger whatever it says: known before anything is decrypted for it, learning nothing."""
    return latch.locked and not address_same(source, &latch.source) and not (
        now < latch.window_end and address_same(source, &latch.signalled)
    )


cdef inline bint latch_settled(const Latch* latch, int64_t now) noexcept nogil:
    """Whether nothing but a new SDP address can move the lock any more."""
    return latch.locked and (now >= latch.window_end or address_same(&latch.source, &latch.signalled))


cdef inline const Address* latch_destination(const Latch* latch) noexcept nogil:
    """Where we may send: the locked source, else what SDP named; nowhere when it names nothing."""
    return &latch.source if latch.locked and address_known(&latch.signalled) else &latch.signalled
