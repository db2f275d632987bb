"""Shared fixtures. With POPBRIDGE_CI set, a skipped test counts as a failure."""

import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.leftovers import ended

# How long an example takes tells of the machine; what reading costs, tests/effort.py tells.
settings.register_profile(
    "steady",
    settings(),
    deadline=None,
    suppress_health_check=[*settings().suppress_health_check, HealthCheck.too_slow],
)
settings.load_profile("steady")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get("POPBRIDGE_CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def nothing_outlives_its_test() -> Iterator[None]:
    with ended():
        yield
