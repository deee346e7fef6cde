"""What is due now and then: every leg is looked at ten times a second, a few legs at a time."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from media.leg cimport Leg
from media.net.udp cimport Address
from media.net.wiring cimport wire_under_load
from media.rtp.rtcp cimport RTCP_ROOM
from media.send.keys cimport keys_lost_end
from media.send.rtcp_send cimport rtcp_destination, send_rtcp
from media.send.sender_report cimport report_write
from media.srtp.session cimport SRTP_TRAILER
from media.worker cimport Worker, roll, tell_gone, tell_started, tell_timeout

cdef enum:
    SWEEP = 100000           # microseconds for one round over all legs
    SWEEP_LEGS = 64          # at most so many at once


cdef inline void send_report(Worker* w, Leg* leg, bint bye) noexcept nogil:
    """One RTCP compound to the far end, if there is anything to say and somewhere to say it."""
    cdef uint8_t data[RTCP_ROOM + SRTP_TRAILER]
    cdef const Address* to = rtcp_destination(leg)
    cdef int length
    if to == NULL or not leg.sent.packets and not leg.received.started:
        return
    length = report_write(data, &leg.reports, &leg.sent, &leg.received, w.now, w.ntp_start, bye, leg.ptime or 20)
    send_rtcp(w, leg, data, length, to)


cdef inline int64_t report_interval(Worker* w) noexcept nogil:
    """Half to one and a half of the interval, so that reports of many legs do not march in step (RFC 3550 6.2)."""
    return w.rtcp_interval // 2 + <int64_t> (roll(w) >> 1) % w.rtcp_interval


cdef inline void _look(Worker* w, Leg* leg) noexcept nogil:
    keys_lost_end(w, leg)
    if leg.start_untold:
        tell_started(w, leg)
    wire_under_load(w, leg)
    if w.now >= leg.reports.next_at:
        leg.reports.next_at = w.now + report_interval(w)
        send_report(w, leg, False)
    if leg.receive_expected and leg.media_timeout and not leg.timeout_told and w.now - leg.heard_at >= leg.media_timeout:
        # In the middle of comfort noise the far end may rightly be quiet for long; its reports prove that it lives.
        if not leg.quiet_codec or w.now - leg.reports.heard_at >= leg.media_timeout:
            leg.timeout_told = 1
            tell_timeout(w, leg, w.now - leg.heard_at)


cdef inline void sweep(Worker* w) noexcept nogil:
    """Look at the next few legs, so that a round takes SWEEP however many there are."""
    cdef uint32_t steps, legs
    cdef Leg* leg
    while w.untold != NULL:
        leg = w.untold
        w.untold = leg.untold_next
        tell_gone(w, leg)
        if w.untold == leg:
            break
    if w.now < w.sweep_due:
        return
    if not w.active_count:
        w.sweep_due = w.now + SWEEP
        return
    steps = (w.active_count + SWEEP_LEGS - 1) // SWEEP_LEGS
    legs = (w.active_count + steps - 1) // steps
    w.sweep_due = max(w.sweep_due + SWEEP // steps, w.now)
    while legs:
        legs -= 1
        if w.sweep_at >= w.active_count:
            w.sweep_at = 0
        _look(w, w.active[w.sweep_at])
        w.sweep_at += 1
