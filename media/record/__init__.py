"""Recording: packets copied off the media worker, laid on one clock, written as WAV files that survive a crash."""
