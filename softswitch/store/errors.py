"""What can be wrong with the place where state is kept, said so that an operator knows what to do."""

from __future__ import annotations


class StoreError(Exception):
    """The state directory or the database cannot be used; the message says why and what to do."""


class StateLockedError(StoreError):
    """Another process works on the same state directory."""


class DatabaseError(StoreError):
    """The database cannot be opened, is locked, or has a schema this version does not know."""
