"""Which RTP ports may be handed out: even/odd pairs, a random start, and rest before reuse (RFC 3550 section 11)."""

from __future__ import annotations

from collections import deque


class PortsExhausted(Exception):
    """Every pair of the range is in use, draining, or occupied by another process."""


class PortPairs:
    """The even ports of [first, last] whose odd neighbour is in the range too.

    A released pair rests for `drain` seconds: late packets of the old call must not reach a new one. Free pairs are
    taken longest-rested first; the starting point is the caller's dice: a restart must not give the same ports again.
    Time is an argument (monotonic seconds).
    """

    def __init__(self, first: int, last: int, *, drain: float, start: int) -> None:
        first += first & 1
        pairs = [port for port in range(first, last, 2) if port + 1 <= last]
        if not pairs or first < 1 or last > 65535:
            raise ValueError(
                f"RTP port range {first}-{last} holds no even/odd pair within 1-65535: give at least two ports"
            )
        turn = start % len(pairs)
        self._free: deque[int] = deque(pairs[turn:] + pairs[:turn])
        self._draining: deque[tuple[float, int]] = deque()
        self._drain = drain
        self.total = len(pairs)

    def take(self, now: float) -> int:
        """The next even port. Raises PortsExhausted."""
        self._recover(now)
        if not self._free:
            raise PortsExhausted(
                f"all {self.total} RTP port pairs are in use or draining: widen the port range or lower the call limit"
            )
        return self._free.popleft()

    def put_back(self, port: int, now: float) -> None:
        """A pair that served a leg: it rests first."""
        self._draining.append((now + self._drain, port))

    def skip(self, port: int, now: float) -> None:
        """A pair another process holds: tried again after the rest, like a used one."""
        self.put_back(port, now)

    def free(self, now: float) -> int:
        """Pairs that could be taken now."""
        self._recover(now)
        return len(self._free)

    def _recover(self, now: float) -> None:
        draining = self._draining
        while draining and draining[0][0] <= now:
            self._free.append(draining.popleft()[1])
