"""All cases, in the order of the table."""

from __future__ import annotations

from tests.faults import disk_faults, line_faults, process_faults, refusals, stream_faults, telegram_faults
from tests.faults.case import Case

CASES: tuple[Case, ...] = (
    *line_faults.CASES,
    *stream_faults.CASES,
    *refusals.CASES,
    *telegram_faults.CASES,
    *process_faults.CASES,
    *disk_faults.CASES,
)
