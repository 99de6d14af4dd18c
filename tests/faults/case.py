"""One line of the table: a fault, how it is played, what is allowed, and how it is run and measured."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.measures import Allowed, Measured, breaches
from tests.faults.rig import Rig, Signs

LONGEST_S = 600.0
NO_SIGNS = Signs()


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    play: Callable[[Rig], Awaitable[None]]
    allowed: Allowed
    signs: Signs = NO_SIGNS
    short: bool = False
    """Part of the short form that every change has to pass."""
    needs: Callable[[], str | None] = lambda: None
    """What this machine lacks to play it; None when it lacks nothing."""


@dataclass(frozen=True, slots=True)
class Result:
    case: Case
    measured: Measured
    kept_in: Path | None = None
    """Where the daemon's log and database are, when something was breached."""

    @property
    def breaches(self) -> tuple[str, ...]:
        return breaches(self.case.allowed, self.measured)


async def run_case(case: Case, starting: asyncio.Semaphore) -> Result:
    """Plays `case` in a directory of its own. Whatever goes wrong is its result, and no other case's."""
    directory = Path(tempfile.mkdtemp(prefix="liqalert-fault-"))
    if (lack := case.needs()) is not None:
        result = Result(case, Measured(error=f"this machine lacks {lack}"))
    else:
        result = Result(case, await _measured(case, directory, starting), directory)
    if result.breaches:
        return result
    shutil.rmtree(directory, ignore_errors=True)
    return Result(case, result.measured)


async def _measured(case: Case, directory: Path, starting: asyncio.Semaphore) -> Measured:
    try:
        async with asyncio.timeout(LONGEST_S), Rig(directory, case.signs, starting) as rig:
            await case.play(rig)
            return await rig.measured()
    except Exception as exc:  # noqa: BLE001 - one case that cannot be played must not end the others
        (directory / "case.log").write_text(traceback.format_exc())
        return Measured(error=f"{type(exc).__name__}: {exc}"[:300])
