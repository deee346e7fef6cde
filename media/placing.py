"""Which worker has which legs: those of one group are together, and groups go where the fewest legs are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from media.legs import LegRecord


class Groups:
    """The groups that have members now, and the worker of each."""

    def __init__(self, legs: dict[int, LegRecord], workers: int) -> None:
        self._legs = legs
        self._workers = workers
        self._groups: dict[str, tuple[int, int]] = {}

    def place(self, group: str) -> int:
        """The worker of a leg's group; a new group, or a leg without one, goes to the worker with the fewest legs."""
        known = self._groups.get(group) if group else None
        if known is not None:
            return known[0]
        if self._workers == 1:
            return 0
        load = [0] * self._workers
        for record in self._legs.values():
            load[record.worker] += 1
        return load.index(min(load))

    def enter(self, group: str) -> int:
        """The worker of a group, kept until `leave`: for what has no leg there yet."""
        worker = self.place(group)
        self.join(group, worker)
        return worker

    def join(self, group: str, worker: int) -> None:
        """One member more."""
        if group:
            self._groups[group] = (worker, self._groups.get(group, (worker, 0))[1] + 1)

    def leave(self, group: str) -> None:
        """One member less; with the last, the group may go elsewhere."""
        if not group:
            return
        worker, members = self._groups[group]
        if members == 1:
            del self._groups[group]
        else:
            self._groups[group] = (worker, members - 1)
