"""A skipped test proves nothing: where CI is set, a skip fails the run."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# Durations vary on a busy machine; a slow example is no failure.
settings.register_profile("liqalert", deadline=None, max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "60")))
settings.load_profile("liqalert")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
