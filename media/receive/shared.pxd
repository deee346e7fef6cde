"""A worker's shared sockets: a batch of datagrams in, what becomes of them out again in one call.

One brings the packets of settled legs where the kernel steers them there (media.net.steer), known by the port they were
sent to; the other is the port all browser legs have, known by the address they come from (media.web.bindings).
"""

from libc.stdint cimport uint8_t, uint32_t

from media.foresee cimport foresee_leg, foresee_put, foresee_reception, foresee_transit
from media.leg cimport WIRE_OPEN, WIRE_SHARED, Leg
from media.mix.bridge cimport send_queued
from media.net.batch cimport BATCH, batch_data, batch_host, batch_length, batch_port, batch_receive, batch_source
from media.receive.intake cimport rtp_datagram
from media.net.udp cimport Address, address_same, udp_receive
from media.rtp.packet cimport read16
from media.web.bindings cimport binding_foresee, binding_of
from media.web.intake cimport browser_unbound
from media.worker cimport DATAGRAM_ROOM, Worker

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


cdef inline void _batch(Worker* w, Leg** legs, int n) noexcept nogil:
    """Serve a batch; NULL: nobody's."""
    cdef Leg* leg
    cdef int i
    for i in range(n):
        if legs[i] != NULL:
            foresee_leg(legs[i])
    for i in range(-NEXT_BUT_ONE, 0):
        _foresee(w, legs, n, i)
    w.batching = 1
    for i in range(n):
        _foresee(w, legs, n, i)
        leg = legs[i]
        if leg != NULL:
            rtp_datagram(w, leg, batch_data(w.batch, i), batch_length(w.batch, i), batch_source(w.batch, i))
    w.batching = 0
    send_queued(w)


cdef inline int shared_batch(Worker* w) noexcept nogil:
    """Serve up to BATCH datagrams that were steered here; gives how many there were."""
    cdef Leg* legs[BATCH]
    cdef int i
    cdef int n = batch_receive(w.batch, w.batch.in_fd)
    for i in range(n):
        legs[i] = w.by_port[batch_port(w.batch, i)]
        if legs[i] != NULL:      # not closed since it was queued
            w.packets_steered += 1
    _batch(w, legs, n)
    return n


cdef inline void _take_wire(Worker* w, Leg* leg, int i) noexcept nogil:
    """What goes to this leg can leave in batches, from the address its far end sends to."""
    cdef uint32_t host = batch_host(w.batch, i)
    if host and leg.latch.locked and address_same(batch_source(w.batch, i), &leg.latch.source):
        leg.local_host = host
        leg.wire = WIRE_SHARED


cdef inline int browser_batch(Worker* w) noexcept nogil:
    """Serve up to BATCH datagrams of the port browser legs share; gives how many there were."""
    cdef Leg* legs[BATCH]
    cdef Address source
    cdef ssize_t length
    cdef Leg* leg
    cdef int i, n = 0
    if w.batch == NULL:
        while n < BATCH:
            length = udp_receive(w.browser_fd, w.buffer, DATAGRAM_ROOM, &source)
            if length < 0:
                break
            leg = binding_of(w.bindings, &source)
            if leg != NULL:
                rtp_datagram(w, leg, w.buffer, length, &source)
            else:
                browser_unbound(w, w.buffer, length, &source)
            n += 1
        return n
    n = batch_receive(w.batch, w.browser_fd)
    for i in range(n):
        binding_foresee(w.bindings, batch_source(w.batch, i))
    for i in range(n):
        leg = legs[i] = binding_of(w.bindings, batch_source(w.batch, i))
        if leg == NULL:
            browser_unbound(w, batch_data(w.batch, i), batch_length(w.batch, i), batch_source(w.batch, i))
        elif leg.wire == WIRE_OPEN:
            _take_wire(w, leg, i)
    _batch(w, legs, n)
    return n
