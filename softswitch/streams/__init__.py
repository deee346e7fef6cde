"""Media streams: a WebSocket as one more party of a call (a transcriber, a voice bot)."""
