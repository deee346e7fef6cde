"""Whose datagrams come by the port all browser legs share: by the address they come from (a hash table, bounded).

Python binds an address to a leg when a connectivity check from there has named that leg and its password (RFC 8445
7.3); who is bound nowhere can send handshakes alone. Open addressing with linear probing: what is removed is filled
from behind, so that nothing is ever marked.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from media.foresee cimport foresee
from media.leg cimport Leg
from media.net.udp cimport Address, address_hash, address_same
from media.web.side cimport BOUND

cdef enum:
    BINDING_BITS = 15
    BINDINGS = 1 << BINDING_BITS         # places
    BINDINGS_MOST = BINDINGS // 4 * 3    # of them in use


cdef struct Binding:
    Address address
    Leg* leg                             # NULL: free


cdef struct Bindings:
    uint64_t seed                        # odd, drawn: nobody can choose addresses that meet in one place
    uint32_t count
    int64_t handshakes                   # of those who are bound nowhere (media.web.handshakes)
    Binding places[BINDINGS]


cdef inline uint32_t binding_home(const Bindings* b, const Address* address) noexcept nogil:
    return <uint32_t> (address_hash(address) * b.seed >> (64 - BINDING_BITS))


cdef inline uint32_t _place(const Bindings* b, const Address* address) noexcept nogil:
    """Where it is, or would be."""
    cdef uint32_t at = binding_home(b, address)
    while b.places[at].leg != NULL and not address_same(&b.places[at].address, address):
        at = (at + 1) % BINDINGS
    return at


cdef inline Leg* binding_of(const Bindings* b, const Address* address) noexcept nogil:
    """The leg, or NULL."""
    return b.places[_place(b, address)].leg


cdef inline void binding_foresee(const Bindings* b, const Address* address) noexcept nogil:
    foresee(&b.places[binding_home(b, address)])


cdef inline void _remove(Bindings* b, uint32_t at) noexcept nogil:
    """Every place behind it, up to the next free one, is nearer to its home, or there."""
    cdef uint32_t behind = at, home
    b.count -= 1
    while True:
        b.places[at].leg = NULL
        while True:
            behind = (behind + 1) % BINDINGS
            if b.places[behind].leg == NULL:
                return
            home = binding_home(b, &b.places[behind].address)
            if (behind - home) % BINDINGS >= (behind - at) % BINDINGS:
                break
        b.places[at] = b.places[behind]
        at = behind


cdef inline void _unbind(Bindings* b, const Leg* leg, const Address* address) noexcept nogil:
    """Unless another leg has it by now."""
    cdef uint32_t at = _place(b, address)
    if b.places[at].leg == leg:
        _remove(b, at)


cdef inline bint _is_bound(const Leg* leg, const Address* address) noexcept nogil:
    cdef int i
    for i in range(leg.browser.bound_count):
        if address_same(&leg.browser.bound[i], address):
            return True
    return False


cdef inline void binding_add(Bindings* b, Leg* leg, const Address* address) noexcept nogil:
    """From now on what comes from there is this leg's; of more than BOUND the oldest goes, but for the media's own."""
    cdef uint32_t at = _place(b, address)
    cdef int i, k
    if b.places[at].leg == NULL:
        if b.count >= BINDINGS_MOST:
            return
        b.count += 1
        b.places[at].address = address[0]
    b.places[at].leg = leg
    if _is_bound(leg, address):
        return
    if leg.browser.bound_count == BOUND:
        i = 1 if address_same(&leg.browser.bound[0], &leg.browser.path) else 0
        _unbind(b, leg, &leg.browser.bound[i])
        leg.browser.bound_count -= 1
        for k in range(i, leg.browser.bound_count):
            leg.browser.bound[k] = leg.browser.bound[k + 1]
    leg.browser.bound[leg.browser.bound_count] = address[0]
    leg.browser.bound_count += 1


cdef inline void binding_end(Bindings* b, Leg* leg) noexcept nogil:
    """The leg is closed."""
    cdef int i
    for i in range(leg.browser.bound_count):
        _unbind(b, leg, &leg.browser.bound[i])
    leg.browser.bound_count = 0
