"""Opinion scores that know their scale: MOS-CQE, MOS-CQEW and MOS-CQEF are three scales, not three precisions.

Clean G.711 is 4.41 as MOS-CQE and would be 3.70 as MOS-CQEW, so that a mean, a minimum or a comparison across scales
says nothing (ITU-T P.800.1 names the scales apart for that reason). A score is a float for everything that writes it
down; comparing it with a score of another scale, adding or subtracting the two, raises TypeError. Scores of one scale,
and plain numbers such as a threshold, mix freely.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, NoReturn, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

ScaleName = Literal["MOS-CQE", "MOS-CQEW", "MOS-CQEF"]


class Opinion(float):
    """A mean opinion score, 1 to 4.5, of one of the three scales. Made by `Scale.opinion`, never of this class itself.

    Listening scores (MOS-LQE...) share the type of the conversational score of their scale: the two differ by what
    they leave out, not by what a point is worth.
    """

    __slots__ = ()
    scale: ClassVar[ScaleName]

    def __lt__(self, other: float, /) -> bool:
        return float.__lt__(self, self._alike(other))

    def __le__(self, other: float, /) -> bool:
        return float.__le__(self, self._alike(other))

    def __gt__(self, other: float, /) -> bool:
        return float.__gt__(self, self._alike(other))

    def __ge__(self, other: float, /) -> bool:
        return float.__ge__(self, self._alike(other))

    def __eq__(self, other: object, /) -> bool:
        """Scores of two scales are never equal; asking is no mistake, for values are kept in sets."""
        if isinstance(other, Opinion) and type(other) is not type(self):
            return False
        return float.__eq__(self, other)

    __hash__ = float.__hash__

    def __add__(self, other: float, /) -> Self:
        """A sum stays of its scale, so that no mean can be taken across two."""
        return type(self)(float.__add__(self, self._alike(other)))

    __radd__ = __add__

    def __sub__(self, other: float, /) -> float:
        """Points between two scores of one scale."""
        return float.__sub__(self, self._alike(other))

    def __rsub__(self, other: float, /) -> float:
        return float.__rsub__(self, self._alike(other))

    def __mul__(self, weight: float, /) -> Self:
        return type(self)(float.__mul__(self, weight))

    __rmul__ = __mul__

    def __truediv__(self, weight: float, /) -> Self:
        return type(self)(float.__truediv__(self, weight))

    def _alike(self, other: float) -> float:
        if isinstance(other, Opinion) and type(other) is not type(self):
            self._refuse(other)
        return other

    def _refuse(self, other: Opinion) -> NoReturn:
        raise TypeError(
            f"{self.scale} {float(self):.2f} and {other.scale} {float(other):.2f} are scores of different scales: "
            "neither their order nor their mean says anything; keep them apart (media.quality.opinion.lowest)"
        )


class MosCqe(Opinion):
    """MOS-CQE: narrowband, ITU-T G.107."""

    __slots__ = ()
    scale: ClassVar[ScaleName] = "MOS-CQE"


class MosCqew(Opinion):
    """MOS-CQEW: wideband, ITU-T G.107.1."""

    __slots__ = ()
    scale: ClassVar[ScaleName] = "MOS-CQEW"


class MosCqef(Opinion):
    """MOS-CQEF: fullband, ITU-T G.107.2."""

    __slots__ = ()
    scale: ClassVar[ScaleName] = "MOS-CQEF"


OPINIONS: dict[ScaleName, type[Opinion]] = {each.scale: each for each in (MosCqe, MosCqew, MosCqef)}
"""The classes by the names of their scales."""

AnyOpinion = TypeVar("AnyOpinion", bound=Opinion)


def lowest(scores: Iterable[Opinion | None], of: type[AnyOpinion]) -> AnyOpinion | None:
    """The lowest score of one scale among scores of any; None when there is none of it."""
    return min((score for score in scores if isinstance(score, of)), default=None)
