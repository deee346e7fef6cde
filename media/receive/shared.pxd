"""A worker's shared socket: a batch of datagrams in, what becomes of them out again in one call (media.net.steer)."""

from media.leg cimport Leg
from media.mix.bridge cimport send_queued
from media.net.batch cimport BATCH, batch_data, batch_length, batch_port, batch_receive, batch_source
from media.receive.intake cimport rtp_datagram
from media.receive.playout_state cimport prefetch_playout
from media.worker cimport Worker

cdef extern from * nogil:
    void prefetch "__builtin_prefetch"(const void* at)


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
            prefetch(&leg.voice)
    w.batching = 1
    for i in range(n):
        if i + 4 < n and legs[i + 4] != NULL and legs[i + 4].voice != NULL:
            prefetch(&legs[i + 4].voice.playout)
            prefetch(&legs[i + 4].voice.decoder_of)
        if i + 2 < n and legs[i + 2] != NULL and legs[i + 2].voice != NULL and legs[i + 2].voice.playout != NULL:
            prefetch_playout(legs[i + 2].voice.playout)
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
    send_queued(w)
    return n
