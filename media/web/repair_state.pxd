"""What is kept to make up for packets that are lost on a browser's way: Python's memory, freed with the leg.

Only where it was agreed on: redundancy (RFC 2198), or asking again (generic NACK, RFC 4585 6.2.1).
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

cdef enum:
    NO_RED = 255             # instead of a payload type
    SAID = 2                 # payloads that are said again in the next packets
    SAID_ROOM = 340          # octets of the longest of them: 60 ms of Opus at 45 kbit/s, 40 ms of G.711
    KEPT = 64                # packets that can be asked for again: more than a second
    KEPT_ROOM = 420          # octets of the longest of them, as it was sent


cdef struct Said:
    uint32_t timestamp
    uint16_t length
    uint8_t payload[SAID_ROOM]


cdef struct Kept:
    uint16_t sequence
    uint16_t length          # 0: none, or too long
    uint8_t again            # how often it was sent again
    uint8_t data[KEPT_ROOM]


cdef struct Repair:
    uint8_t red_in           # payload type of redundant packets they send; NO_RED: none
    uint8_t red_out          # and of those we send, ...
    uint8_t red_of           # ... whose blocks have this one
    uint8_t asks             # lost packets are asked for again, and sent again when they ask
    uint8_t redundancy       # payloads said again in each packet just now
    uint8_t said_count
    uint8_t loss             # percent of our packets they lose, smoothed
    uint32_t loss_expected   # of their reports, when that was made up
    uint32_t loss_lost
    uint32_t timestamp       # of their newest packet, whose number is the stream's highest
    Said said[SAID]          # the newest first
    Kept kept[KEPT]          # by sequence number
