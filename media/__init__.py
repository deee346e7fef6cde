"""The media plane. Read the packages left to right: that is the path of a packet."""
