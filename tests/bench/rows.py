"""What the bench says: rows with a name, a value and, where one is set, the bar it is held against."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass

COMPARE = {">=": operator.ge, "<=": operator.le}


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `bar` is ">= 1900" or "<= 2.5" in the row's unit, or None when the figure is only told."""

    name: str
    value: float
    unit: str
    bar: str | None
    how: str

    @property
    def holds(self) -> bool | None:
        """Whether the bar holds; None without one."""
        if self.bar is None:
            return None
        sign, limit = self.bar.split()
        return bool(COMPARE[sign](self.value, float(limit)))

    def as_json(self) -> dict[str, str | float | bool | None]:
        """Return the row as it is written to build/bench.json."""
        return {
            "name": self.name,
            "value": round(self.value, 4) if math.isfinite(self.value) else None,
            "unit": self.unit,
            "bar": self.bar,
            "holds": self.holds,
            "how": self.how,
        }


def table(rows: list[Row]) -> str:
    """Return the rows as an aligned text table."""
    verdicts = {True: "holds", False: "FAILS", None: ""}
    cells = [("row", "value", "unit", "bar", "")]
    cells += [(row.name, f"{row.value:.4g}", row.unit, row.bar or "", verdicts[row.holds]) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    lines = [
        f"{name:{widths[0]}}  {value:>{widths[1]}}  {unit:{widths[2]}}  {bar:{widths[3]}}  {verdict}".rstrip()
        for name, value, unit, bar, verdict in cells
    ]
    return "\n".join(lines)
