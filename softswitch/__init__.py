"""softswitch: a SIP/RTP softswitch core. Read the packages downwards: that is the path of a call."""
