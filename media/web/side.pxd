"""What the engine keeps of a leg's browser, beside what every leg has. Python's memory, freed with the leg."""

from libc.stdint cimport int64_t, uint8_t

from media.net.udp cimport Address
from media.web.repair_state cimport Repair

cdef enum:
    BOUND = 8                   # addresses of one browser: its candidates, and those of its NATs


cdef struct BrowserSide:
    Address path                # the one address ICE has settled on; unknown: closed
    int64_t path_handshakes     # when as many handshake datagrams as came from there would be due (media.web.handshakes)
    int64_t other_handshakes    # the same, from anywhere else
    uint8_t shares_port         # with all browser legs of its worker, which are told apart by address ...
    uint8_t bound_count
    Repair* repair              # NULL: nothing was agreed on about packets that are lost
    Repair* repair_memory       # Python's: what `repair` is, was or will be
    Address bound[BOUND]        # ... these (media.web.bindings)
