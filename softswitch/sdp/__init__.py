"""SDP (RFC 4566, RFC 8866) and the offer/answer model (RFC 3264), without any input or output of its own."""
