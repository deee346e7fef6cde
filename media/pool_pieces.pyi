"""A pool of memory for tests; see pool_pieces.pyx."""

class Pieces:
    """Pieces of `size` octets. All must have been given back before this goes."""

    stride: int
    """Octets from one piece to the next."""

    def __init__(self, size: int) -> None: ...
    def take(self) -> int:
        """The address of a piece of zeros."""
    def give(self, piece: int) -> None: ...
    def soil(self, piece: int, value: int) -> None:
        """Fill it."""
    def holds(self, piece: int) -> bytes: ...
