"""The faults that every change has to pass. All of them, at length: `make faults`."""

from __future__ import annotations

import pytest

from tests.faults.__main__ import run_cases
from tests.faults.cases import CASES
from tests.faults.report import table


@pytest.mark.timeout(400)
async def test_nothing_is_lost_or_repeated_beyond_what_is_allowed() -> None:
    # The one that takes longest first: it starts two daemons.
    cases = [case for case in reversed(CASES) if case.short]

    results = await run_cases(cases, jobs=len(cases))

    assert [result.case.name for result in results if result.breaches] == [], table(results)
