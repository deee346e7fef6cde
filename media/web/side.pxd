"""What the engine keeps of a leg's browser, beside what every leg has. Python's memory, freed with the leg."""

from libc.stdint cimport int64_t

from media.net.udp cimport Address


cdef struct BrowserSide:
    Address path                # the one address ICE has settled on; unknown: closed
    int64_t path_handshakes     # when as many handshake datagrams as came from there would be due (media.web.handshakes)
    int64_t other_handshakes    # the same, from anywhere else
