"""What happens to a call, told as straight-line scripts: one task per call, one story per file.

Nothing here catches cancellation: the caller hanging up cancels the script, and the `Call` scope releases the legs.
"""
