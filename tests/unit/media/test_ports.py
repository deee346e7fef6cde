"""Port pairs on an injected clock."""

from __future__ import annotations

import pytest

from media.ports import PortPairs, PortsExhausted


def test_pairs_begin_at_the_dice_and_go_round() -> None:
    ports = PortPairs(10000, 10007, drain=2.0, start=3)
    assert [ports.take(0.0) for _ in range(4)] == [10006, 10000, 10002, 10004]
    with pytest.raises(PortsExhausted):
        ports.take(0.0)


def test_a_used_pair_rests_and_comes_last() -> None:
    ports = PortPairs(10000, 10007, drain=2.0, start=0)
    first = ports.take(0.0)
    ports.put_back(first, 10.0)
    assert ports.free(11.9) == 3
    assert ports.free(12.0) == 4
    assert [ports.take(12.0) for _ in range(4)][-1] == first


@pytest.mark.parametrize(("first", "last", "pairs"), [(10001, 10004, 1), (10000, 10002, 1), (10000, 10001, 1)])
def test_only_whole_pairs_count(first: int, last: int, pairs: int) -> None:
    assert PortPairs(first, last, drain=0.0, start=7).total == pairs


@pytest.mark.parametrize(("first", "last"), [(10001, 10002), (10000, 10000), (20000, 10000), (0, 100), (65534, 65537)])
def test_a_range_without_a_pair_is_refused(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="port range"):
        PortPairs(first, last, drain=0.0, start=0)
