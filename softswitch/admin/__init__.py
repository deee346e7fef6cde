"""The operators' door: snapshots out, commands in, over HTTP on loopback with a token. One resource per file."""
