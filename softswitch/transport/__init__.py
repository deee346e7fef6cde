"""The only sockets in signalling: bytes in, bytes out, and one timer. Protocol lives in `sip`."""
