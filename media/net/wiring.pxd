"""A locked leg under load: the short way where the kernel has it (media.net.steer), else a connected socket.

With a connected one the kernel keeps the route, and strangers out; a tenth less work. A connected socket only hears what is sent to one local address. So the address the far end really sends to is asked
for first, with one packet, and a leg whose route would answer from another address stays unconnected; it
does not take the short way either, lest its packets change their source. At light load nothing is connected or steered:
there it gains nothing, and strangers are counted.
"""

from media.leg cimport WIRE_CONNECTED, WIRE_KEPT_OPEN, WIRE_LEARNING, WIRE_OPEN, WIRE_SHARED, Leg
from media.net.latch cimport latch_settled
from media.net.steer cimport steer_clear, steer_set
from media.net.udp cimport (
    Address, address_family, address_known, address_same, udp_connect, udp_disconnect, udp_receive, udp_receive_local, udp_tell_local,
)
from media.worker cimport DATAGRAM_ROOM, Worker


cdef inline void wire_under_load(Worker* w, Leg* leg) noexcept nogil:
    """Begin to connect a leg whose lock can no longer move."""
    if leg.is_browser and (w.batch == NULL or leg.browser.shares_port):
        return                   # connected, it would hear no check of another pair (media.web.path)
    if leg.wire == WIRE_OPEN and w.gathering and latch_settled(&leg.latch, w.now):
        leg.wire = WIRE_LEARNING
        udp_tell_local(leg.fd, address_family(&leg.latch.source), 1)


cdef inline void wire_release(Worker* w, Leg* leg) noexcept nogil:
    """The far end may move: hear everybody again."""
    if leg.wire == WIRE_CONNECTED:
        udp_disconnect(leg.fd)
    elif leg.wire == WIRE_SHARED:
        steer_clear(&w.steer[leg.port])
    elif leg.wire == WIRE_LEARNING:
        udp_tell_local(leg.fd, address_family(&leg.latch.source), 0)
    leg.wire = WIRE_OPEN


cdef inline void wire_close(Worker* w, Leg* leg) noexcept nogil:
    """What still waits in the shared socket finds nobody."""
    wire_release(w, leg)
    if w.batch != NULL:
        w.by_port[leg.port] = NULL


cdef inline void _share(Worker* w, Leg* leg, const Address* local) noexcept nogil:
    """The kernel prefers a connected socket to the program, so the leg's own must not stay one."""
    udp_disconnect(leg.fd)
    w.by_port[leg.port] = leg
    steer_set(&w.steer[leg.port], w.number, &leg.latch.source, local)
    leg.local_host = w.steer[leg.port].local_host
    leg.wire = WIRE_SHARED


cdef inline ssize_t _learn(Worker* w, Leg* leg, Address* source) noexcept nogil:
    cdef Address local
    cdef ssize_t length = udp_receive_local(leg.fd, w.buffer, DATAGRAM_ROOM, source, &local)
    if length >= 0 and address_known(&local) and address_same(source, &leg.latch.source):
        udp_tell_local(leg.fd, address_family(&leg.latch.source), 0)
        if not udp_connect(leg.fd, &leg.latch.source, &local):
            leg.wire = WIRE_KEPT_OPEN
        elif w.batch != NULL:
            _share(w, leg, &local)
        else:
            leg.wire = WIRE_CONNECTED
    return length


cdef inline ssize_t wire_receive(Worker* w, Leg* leg, Address* source) noexcept nogil:
    """One datagram into the worker's buffer, or -1. The source still has to be checked: what a stranger sent before
    the socket was connected may be waiting in it."""
    if leg.wire == WIRE_LEARNING:
        return _learn(w, leg, source)
    return udp_receive(leg.fd, w.buffer, DATAGRAM_ROOM, source)
