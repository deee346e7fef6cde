"""ICE (RFC 8445) without IO: datagrams, candidates and `now` in; datagrams, news and the next timer out."""
