"""A worker's shared socket: a batch of datagrams in, what becomes of them out again in one call (media.net.steer)."""

from media.leg cimport Leg
from media.mix.bridge cimport unsend_packet
from media.net.batch cimport (
    BATCH, batch_data, batch_length, batch_port, batch_queued, batch_receive, batch_send, batch_source,
)
from media.receive.intake cimport rtp_datagram
from media.rtp.packet cimport RTP_HEADER
from media.srtp.guard cimport sealed_tag
from media.worker cimport Worker

cdef extern from * nogil:
    void prefetch "__builtin_prefetch"(const void* at)


cdef inline void _send_queued(Worker* w) noexcept nogil:
    """A packet that is refused is counted against its leg, and those behind it still go."""
    cdef unsigned int done = 0
    cdef Leg* leg
    cdef int sent
    while done < w.batch.queued:
        sent = batch_send(w.batch, done)
        if sent > 0:
            done += sent
            continue
        leg = <Leg*> w.batch.out_leg[done]
        unsend_packet(w, leg, batch_queued(w.batch, done) - RTP_HEADER - sealed_tag(leg))
        done += 1
    w.batch.queued = 0


cdef inline int shared_batch(Worker* w) noexcept nogil:
    """Serve up to BATCH datagrams; gives how many there were."""
    cdef Leg* legs[BATCH]
    cdef Leg* leg
    cdef int i
    cdef int n = batch_receive(w.batch)
    for i in range(n):
        leg = legs[i] = w.by_port[batch_port(w.batch, i)]
        if leg != NULL:
            prefetch(leg)
            prefetch(&leg.latch)
            prefetch(&leg.received)
            prefetch(&leg.received.transit)
    w.batching = 1
    for i in range(n):
        if i + 2 < n and legs[i + 2] != NULL and legs[i + 2].peer != NULL:
            prefetch(legs[i + 2].peer)
            prefetch(&legs[i + 2].peer.latch)
            prefetch(&legs[i + 2].peer.sent)
        leg = legs[i]
        if leg == NULL:
            continue         # closed since it was queued
        w.packets_steered += 1
        rtp_datagram(w, leg, batch_data(w.batch, i), batch_length(w.batch, i), batch_source(w.batch, i))
    w.batching = 0
    _send_queued(w)
    return n
