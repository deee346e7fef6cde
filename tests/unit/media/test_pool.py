"""Memory of the packet path: pieces that never overlap, are clean, and go back to the kernel."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from media.pool_pieces import Pieces

LINE = 64
BLOCK = 2 << 20


def blocks(pieces: set[int]) -> set[int]:
    return {piece // BLOCK for piece in pieces}


def mapped(address: int) -> bool:
    """Whether this process has memory there."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        first, last = (int(each, 16) for each in line.split()[0].split("-"))
        if first <= address < last:
            return True
    return False


@pytest.mark.parametrize("size", [1, 64, 65, 128, 2168, 51_096, 400_000])
def test_pieces_stand_an_odd_number_of_cache_lines_apart(size: int) -> None:
    pool = Pieces(size)
    first, second = pool.take(), pool.take()
    assert first % LINE == second % LINE == 0
    assert second - first == pool.stride
    assert pool.stride >= size
    assert pool.stride // LINE % 2 == 1
    assert pool.stride < size + 2 * LINE
    pool.give(first)
    pool.give(second)


def test_pieces_never_overlap_and_are_clean_whatever_was_in_them() -> None:
    dice = random.Random(7)
    pool = Pieces(150_000)
    held: dict[int, int] = {}
    most: set[int] = set()
    for turn in range(3000):
        if held and dice.random() < (0.3 if turn % 1000 < 500 else 0.7):
            piece, value = held.popitem() if dice.random() < 0.5 else next(iter(held.items()))
            held.pop(piece, None)
            assert set(pool.holds(piece)) == {value}
            pool.give(piece)
        else:
            piece = pool.take()
            assert piece not in held
            assert not any(pool.holds(piece))
            held[piece] = turn % 255 + 1
            pool.soil(piece, held[piece])
        most = max(most, set(held), key=len)
    for piece in held:
        pool.give(piece)
    assert len(blocks(most)) > 5


def test_what_is_empty_goes_back_to_the_kernel() -> None:
    pool = Pieces(500_000)
    pieces = [pool.take() for _ in range(20)]
    assert len(blocks(set(pieces))) == 5
    for piece in pieces:
        pool.give(piece)
    kept = [piece for piece in pieces if mapped(piece)]
    assert len(blocks(set(kept))) == 1
    again = pool.take()
    assert again in kept
    pool.give(again)


def test_a_block_that_was_full_is_used_again() -> None:
    pool = Pieces(500_000)
    pieces = [pool.take() for _ in range(8)]
    pool.give(pieces[1])
    assert pool.take() == pieces[1]
    for piece in pieces:
        pool.give(piece)
