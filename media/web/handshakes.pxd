"""Datagrams that are no media (STUN, DTLS), on their way from a browser leg's socket to Python.

Whoever knows the port can send them, so they are bounded three times: so many a second from the address of the media,
so many from all others together (their flood must not cost a leg its consent checks), and a ring that drops what
Python has not taken in time. Each that is dropped is counted.

The ring has one producer, the worker, and one consumer, the Python thread; it is worked like those of media.ring.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memcpy

from media.net.udp cimport Address
from media.ring cimport load_acquire, store_release

cdef enum:
    HANDSHAKES = 512             # in the ring
    HANDSHAKE_ROOM = 1500        # octets of one; no browser sends longer ones
    HANDSHAKE_PACE = 20000       # microseconds a datagram: 50 a second from one side ...
    HANDSHAKE_BURST = 100        # ... and so many at once: ICE begins with all pairs, DTLS with whole flights
    UNBOUND_PACE = 500           # the same of all who are bound to no leg yet: 2,000 a second ...
    UNBOUND_BURST = 400          # ... and so many at once, which the ring has room for


cdef struct Handshake:
    uint64_t leg
    Address source
    uint16_t length
    uint8_t data[HANDSHAKE_ROOM]


cdef struct HandshakeRing:
    uint64_t head
    uint64_t pad[7]
    uint64_t tail
    uint64_t pad_after[7]
    Handshake entries[HANDSHAKES]


cdef inline bint handshake_allowed(int64_t* due, int64_t now, int64_t pace, int64_t burst) noexcept nogil:
    """Whether one more is within `burst` at once and one a `pace`; `due`: when all that were taken would have come at
    that pace (a leaky bucket, ITU-T I.371)."""
    cdef int64_t at = max(due[0], now)
    if at - now >= pace * burst:
        return False
    due[0] = at + pace
    return True


cdef inline bint handshake_put(
    HandshakeRing* ring, uint64_t leg, const uint8_t* data, int length, const Address* source
) noexcept nogil:
    """Keep one for Python; False when the ring is full."""
    cdef Handshake* entry
    if ring.head - load_acquire(&ring.tail) >= HANDSHAKES:
        return False
    entry = &ring.entries[ring.head % HANDSHAKES]
    entry.leg = leg
    entry.source = source[0]
    entry.length = <uint16_t> length
    memcpy(entry.data, data, length)
    store_release(&ring.head, ring.head + 1)
    return True


cdef inline const Handshake* handshake_next(HandshakeRing* ring) noexcept nogil:
    """The oldest, or NULL."""
    if ring.tail == load_acquire(&ring.head):
        return NULL
    return &ring.entries[ring.tail % HANDSHAKES]


cdef inline void handshake_done(HandshakeRing* ring) noexcept nogil:
    store_release(&ring.tail, ring.tail + 1)
