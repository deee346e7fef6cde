"""Pictures of a leg as a file: put together from RTP, never decoded, muxed with the leg's sound (WebM, Matroska)."""
