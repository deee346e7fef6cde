"""Recordings of calls: which legs go into which files. The engine's writer does the writing."""
