"""Values of signalling are made as those of the media plane are; see there what it saves."""

from __future__ import annotations

from media.value import value_class

__all__ = ["value_class"]
