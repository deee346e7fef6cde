"""Text to speech: engines behind one interface, each in a process of its own, and a cache by content before them."""
