"""What all tests share: the option that rewrites golden files."""

from __future__ import annotations

import pytest

from tests.support.golden import Golden


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` writes tests/transcripts anew."""
    parser.addoption("--update-golden", action="store_true", help="write golden ladders instead of comparing them")


@pytest.fixture(scope="session")
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares ladders with tests/transcripts."""
    return Golden(update=bool(request.config.getoption("--update-golden")))
