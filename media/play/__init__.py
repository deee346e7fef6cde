"""Sounds to send: prompts and tones, encoded once and shared by every leg that plays them."""
