"""Which RTP ports may be handed out: even/odd pairs, a random start, and rest before reuse (RFC 3550 section 11).

Browsers need one port each, since everything of theirs is multiplexed on it; or all share one.
"""

from __future__ import annotations

from collections import deque


class PortsExhausted(Exception):
    """Every pair of the range is in use, draining, or occupied by another process."""


class PortPairs:
    """The even ports of [first, last] whose odd neighbour is in the range too; `single`: every port, without neighbour.

    A released pair rests for `drain` seconds: late packets of the old call must not reach a new one. Free pairs are
    taken longest-rested first; the starting point is the caller's dice: a restart must not give the same ports again.
    Time is an argument (monotonic seconds).
    """

    def __init__(self, first: int, last: int, *, drain: float, start: int, single: bool = False) -> None:
        if not single:
            first += first & 1
        self.what = "browser ports" if single else "RTP port pairs"
        pairs = [*range(first, last + 1)] if single else [*range(first, last, 2)]
        if not pairs or first < 1 or last > 65535:
            raise ValueError(
                f"RTP port range {first}-{last} holds no {'port' if single else 'even/odd pair'} within 1-65535: "
                "give at least two ports"
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
                f"all {self.total} {self.what} are in use or draining: widen the port range or lower the call limit"
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


MOST_SHARING = 8192
"""Browser legs of one worker on the port they share."""


class LegPorts:
    """Which port a leg gets: of the pairs, of the browsers' own range, or 0 for the one that browsers share."""

    def __init__(self, pairs: PortPairs, browsers: PortPairs | None, *, sharing: int) -> None:
        """`sharing`: how many workers have a shared port."""
        self._pairs = pairs
        self._browsers = None if sharing else browsers or pairs
        self.most_legs = pairs.total + MOST_SHARING * sharing
        if browsers is not None:
            self.most_legs += browsers.total

    def take(self, now: float, *, browser: bool) -> int:
        """Raises PortsExhausted."""
        ports = self._browsers if browser else self._pairs
        return 0 if ports is None else ports.take(now)

    def put_back(self, port: int, now: float, *, browser: bool) -> None:
        """One that served a leg, or that another process holds."""
        ports = self._browsers if browser else self._pairs
        if ports is not None:
            ports.put_back(port, now)
