"""Where a leg's packets are decrypted and encrypted, in the worker; and how its keys change while it talks."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uintptr_t
from libc.string cimport memcpy

from media.leg cimport DROP_MALFORMED, DROP_REPLAYED, DROP_SEND_FAILED, DROP_UNAUTHENTICATED, DropReason, Leg
from media.ring cimport Command
from media.srtp.session cimport (
    SRTP_MALFORMED, SRTP_REPLAYED, SrtpSession, srtp_session_open, srtp_session_seal,
)
from media.worker cimport DATAGRAM_ROOM, Worker, drop, tell_released

cdef enum:
    FORMER_TIME = 3000000        # microseconds packets under the key before are still taken: what was on its way, and a
                                 # far end that takes the new one only when it has our answer


cdef inline void _count(Worker* w, Leg* leg, int refused, DropReason otherwise) noexcept nogil:
    if refused == SRTP_REPLAYED:
        drop(w, leg, DROP_REPLAYED)
    elif refused == SRTP_MALFORMED:
        drop(w, leg, DROP_MALFORMED)
    else:
        drop(w, leg, otherwise)


cdef inline int _open_any(Worker* w, Leg* leg, uint8_t* data, int length, bint rtcp) noexcept nogil:
    """While it is not settled under which key, or which rollover counter, the far end sends: one after the other.

    GCM decrypts before it authenticates, so each gets the packet as it came.
    """
    cdef uint8_t came[DATAGRAM_ROOM]
    cdef SrtpSession* session = leg.opening
    cdef SrtpSession* twin = session.twin
    cdef void* unused
    cdef int opened, by_other
    memcpy(came, data, length)
    opened = srtp_session_open(session, data, length, rtcp)
    if opened >= 0:
        # An SRTCP packet carries its index whole: it says nothing about the rollover counter.
        if not rtcp:
            session.twin = NULL
        return opened
    if twin != NULL and not rtcp:
        memcpy(data, came, length)
        by_other = srtp_session_open(twin, data, length, rtcp)
        if by_other >= 0:
            unused = session.session
            session.session = twin.session
            twin.session = unused
            session.twin = NULL
            return by_other
    if leg.former != NULL:
        memcpy(data, came, length)
        by_other = srtp_session_open(leg.former, data, length, rtcp)
        if by_other >= 0:
            return by_other
    return opened


cdef inline int open_packet(Worker* w, Leg* leg, uint8_t* data, int length, bint rtcp) noexcept nogil:
    """Decrypt a received packet in place, `leg.opening` being set. Its plain length, or -1: dropped and counted."""
    cdef int opened
    if leg.former != NULL and w.now >= leg.former_until:
        leg.former = NULL
    if leg.former == NULL and leg.opening.twin == NULL:
        opened = srtp_session_open(leg.opening, data, length, rtcp)
    else:
        opened = _open_any(w, leg, data, length, rtcp)
    if opened >= 0:
        return opened
    _count(w, leg, opened, DROP_UNAUTHENTICATED)
    return -1


cdef inline int sealed_tag(const Leg* leg) noexcept nogil:
    """Octets an RTP packet of this leg is longer on the wire."""
    return 0 if leg.sealing == NULL else leg.sealing.tag


cdef inline int seal_packet(Worker* w, Leg* leg, uint8_t* data, int length, bint rtcp) noexcept nogil:
    """Encrypt a packet in place, SRTP_TRAILER octets of room behind it, `leg.sealing` being set.

    Its length on the wire, or -1: dropped and counted. A number that has been sent already is one of these: its second
    packet (a duplicate of the far end's) would reuse the key stream.
    """
    cdef int sealed = srtp_session_seal(leg.sealing, data, length, rtcp)
    if sealed < 0:
        _count(w, leg, sealed, DROP_SEND_FAILED)
        return -1
    return sealed


cdef inline void set_keys(Worker* w, Leg* leg, const Command* command) noexcept nogil:
    """Sessions to decrypt and encrypt with from now on, either NULL for plain packets; `number`: a new SSRC, or 0."""
    cdef SrtpSession* opening = <SrtpSession*> command.pointer
    if opening != leg.opening:
        # From plain to secure there is nothing to fall back on: that would let a forger in.
        leg.former = leg.opening if opening != NULL else NULL
        leg.former_until = w.now + FORMER_TIME
        leg.opening = opening
    leg.sealing = <SrtpSession*> command.other
    if command.number:
        leg.sent.ssrc = <uint32_t> command.number
        leg.sent.sequence &= 0x7FFF
        leg.sent.wraps = 0
        leg.sent.first_sequence = <uint32_t> leg.sent.sequence + 1
        leg.sent.source = 0
        leg.reports.told = 0
        leg.reports.told_expected = 0


cdef inline void retire_keys(Worker* w, Leg* leg, SrtpSession* session) noexcept nogil:
    """Let go of a session: the Python thread wants to free it."""
    if leg.former == session:
        leg.former = NULL
    if leg.opening == session or leg.sealing == session:
        return                       # it is in use again; it is freed with the leg
    tell_released(w, leg, <int64_t> <uintptr_t> session)
