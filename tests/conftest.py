"""What all tests share: the option that rewrites golden files."""

from __future__ import annotations

import resource

import pytest
from hypothesis import HealthCheck, settings

from tests.support.golden import Golden
from tests.support.real_time import run_until_judged

# How long an example or its making takes tells of the machine: a busy one is no finding.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def pytest_configure() -> None:
    """Use as many descriptors as the daemon does: shells give 1,024, and some tests open hundreds of legs."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` writes tests/transcripts anew."""
    parser.addoption("--update-golden", action="store_true", help="write golden ladders instead of comparing them")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Tests marked `real_time` get other chances, and more of them when the machine was busy elsewhere."""
    if item.get_closest_marker("real_time") is None:
        return None
    run_until_judged(item, nextitem)
    return True


@pytest.fixture(scope="session")
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares ladders with tests/transcripts."""
    return Golden(update=bool(request.config.getoption("--update-golden")))
