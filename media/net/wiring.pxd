"""Connecting a locked leg's socket under load: the kernel then keeps the route, and strangers out; a tenth less work.

A connected socket only hears what is sent to one local address. So the address the far end really sends to is asked
for first, with one packet, and a leg whose route would answer from another address stays unconnected. At light load
nothing is connected: there it gains nothing, and strangers are counted.
"""

from media.leg cimport WIRE_CONNECTED, WIRE_KEPT_OPEN, WIRE_LEARNING, WIRE_OPEN, Leg
from media.net.latch cimport latch_settled
from media.net.udp cimport (
    Address, address_family, address_known, udp_connect, udp_disconnect, udp_receive, udp_receive_local, udp_tell_local,
)
from media.worker cimport DATAGRAM_ROOM, Worker


cdef inline void wire_under_load(Worker* w, Leg* leg) noexcept nogil:
    """Begin to connect a leg whose lock can no longer move."""
    if leg.wire == WIRE_OPEN and w.gathering and latch_settled(&leg.latch, w.now):
        leg.wire = WIRE_LEARNING
        udp_tell_local(leg.fd, address_family(&leg.latch.source), 1)


cdef inline void wire_release(Leg* leg) noexcept nogil:
    """The far end may move: hear everybody again."""
    if leg.wire == WIRE_CONNECTED:
        udp_disconnect(leg.fd)
    elif leg.wire == WIRE_LEARNING:
        udp_tell_local(leg.fd, address_family(&leg.latch.source), 0)
    leg.wire = WIRE_OPEN


cdef inline ssize_t _learn(Worker* w, Leg* leg, Address* source) noexcept nogil:
    cdef Address local
    cdef ssize_t length = udp_receive_local(leg.fd, w.buffer, DATAGRAM_ROOM, source, &local)
    if length >= 0 and address_known(&local):
        udp_tell_local(leg.fd, address_family(&leg.latch.source), 0)
        leg.wire = WIRE_CONNECTED if udp_connect(leg.fd, &leg.latch.source, &local) else WIRE_KEPT_OPEN
    return length


cdef inline ssize_t wire_receive(Worker* w, Leg* leg, Address* source) noexcept nogil:
    """One datagram into the worker's buffer, or -1. The source still has to be checked: what a stranger sent before
    the socket was connected may be waiting in it."""
    if leg.wire == WIRE_LEARNING:
        return _learn(w, leg, source)
    return udp_receive(leg.fd, w.buffer, DATAGRAM_ROOM, source)
