"""SIP (RFC 3261) without IO: messages and the time go in; messages, events and the next timer come out."""
