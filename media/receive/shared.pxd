"""A worker's shared socket: a batch of datagrams in, what becomes of them out again in one call (media.net.steer)."""

from libc.stdint cimport uint8_t

from media.foresee cimport foresee_leg, foresee_put, foresee_reception, foresee_transit
from media.leg cimport Leg
from media.mix.bridge cimport send_queued
from media.net.batch cimport BATCH, batch_data, batch_length, batch_port, batch_receive, batch_source
from media.receive.intake cimport rtp_datagram
from media.rtp.packet cimport read16
from media.worker cimport Worker

cdef enum:
    NEXT = 3                 # packets that come before one whose playout is fetched,
    NEXT_BUT_ONE = 6         # and before one of which is fetched what leads there


cdef inline void _foresee(Worker* w, Leg** legs, int n, int first) noexcept nogil:
    """Fetch what the packets from `first` on will need, each a step further."""
    cdef const uint8_t* data
    if first + NEXT_BUT_ONE < n and legs[first + NEXT_BUT_ONE] != NULL:
        data = batch_data(w.batch, first + NEXT_BUT_ONE)
        foresee_reception(legs[first + NEXT_BUT_ONE], data[1])
    if 0 <= first + NEXT < n and legs[first + NEXT] != NULL:
        data = batch_data(w.batch, first + NEXT)
        foresee_put(legs[first + NEXT], read16(data + 2))
    if 0 <= first + 1 < n and legs[first + 1] != NULL:
        foresee_transit(legs[first + 1])


cdef inline int shared_batch(Worker* w) noexcept nogil:
    """Serve up to BATCH datagrams; gives how many there were."""
    cdef Leg* legs[BATCH]
    cdef Leg* leg
    cdef int i
    cdef int n = batch_receive(w.batch)
    for i in range(n):
        leg = legs[i] = w.by_port[batch_port(w.batch, i)]
        if leg != NULL:
            foresee_leg(leg)
    for i in range(-NEXT_BUT_ONE, 0):
        _foresee(w, legs, n, i)
    w.batching = 1
    for i in range(n):
        _foresee(w, legs, n, i)
        leg = legs[i]
        if leg == NULL:
            continue         # closed since it was queued
        w.packets_steered += 1
        rtp_datagram(w, leg, batch_data(w.batch, i), batch_length(w.batch, i), batch_source(w.batch, i))
    w.batching = 0
    send_queued(w)
    return n
