"""Video between two browsers: relayed without decoding, and what they tell each other of it (RTCP)."""
