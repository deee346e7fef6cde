"""Where a browser leg's media may come from and go to: the one address ICE has settled on, and only with keys.

Until both are known, and again when consent is lost, the leg's latch names no address. So nothing is sent, whoever makes
the packet, and nothing is taken. It never learns an address: SDP's means nothing here, and what authenticates counts
only from where connectivity was checked (RFC 8445 12.2, RFC 7675 5.1).
"""

from media.leg cimport Leg
from media.net.udp cimport Address, address_clear, address_same
from media.net.wiring cimport wire_release
from media.worker cimport Worker


cdef inline void path_settle(Worker* w, Leg* leg) noexcept nogil:
    """After the path or the keys have changed."""
    cdef Address to
    address_clear(&to)
    if leg.opening != NULL and leg.sealing != NULL:
        to = leg.browser.path
    if address_same(&to, &leg.latch.signalled):
        return
    wire_release(w, leg)
    leg.latch.locked = 0
    leg.latch.signalled = to
