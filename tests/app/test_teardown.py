"""Every stop runs, whatever the others do."""

from __future__ import annotations

import asyncio
import logging

import pytest

from liqalert.app.teardown import Teardown
from liqalert.ports import StorageError


class Parts:
    """Notes which of them were stopped, in order."""

    def __init__(self) -> None:
        self.stopped: list[str] = []
        self.teardown = Teardown()

    def add(self, name: str, error: Exception | None = None) -> None:
        async def stop() -> None:
            self.stopped.append(name)
            if error is not None:
                raise error

        self.teardown.add(name, stop)


async def test_parts_stop_in_the_reverse_order() -> None:
    parts = Parts()
    parts.add("first")
    parts.add("second")

    await parts.teardown.run(1.0)

    assert parts.stopped == ["second", "first"]


async def test_an_unexpected_error_keeps_no_other_part_from_stopping(caplog: pytest.LogCaptureFixture) -> None:
    parts = Parts()
    parts.add("checkpoint")
    parts.add("journal", ValueError("broken"))
    parts.add("bot", RuntimeError("still running"))
    parts.add("web")

    with pytest.raises(ExceptionGroup) as raised:
        await parts.teardown.run(1.0)

    assert parts.stopped == ["web", "bot", "journal", "checkpoint"]
    assert [str(error) for error in raised.value.exceptions] == ["still running", "broken"]
    logged = [(r.levelname, r.getMessage(), vars(r)["part"], r.exc_info is not None) for r in caplog.records]
    assert logged == [("ERROR", "not stopped", "bot", True), ("ERROR", "not stopped", "journal", True)]


async def test_what_can_be_expected_is_logged_and_not_raised(caplog: pytest.LogCaptureFixture) -> None:
    parts = Parts()
    parts.add("samples")
    parts.add("checkpoint", StorageError("disk full"))

    await parts.teardown.run(1.0)

    assert parts.stopped == ["checkpoint", "samples"]
    assert [(r.levelname, r.getMessage(), vars(r)["reason"]) for r in caplog.records] == [
        ("WARNING", "not stopped properly", "disk full")
    ]


async def test_a_shutdown_cut_short_names_what_was_not_stopped_and_raises_what_broke_before(
    caplog: pytest.LogCaptureFixture,
) -> None:
    parts = Parts()
    parts.add("journal")
    parts.teardown.add("bot", asyncio.Event().wait)
    parts.add("web", ValueError("broken"))

    with pytest.raises(ExceptionGroup), caplog.at_level(logging.ERROR):
        await parts.teardown.run(0.05)

    assert parts.stopped == ["web"]
    assert [vars(r)["not_stopped"] for r in caplog.records if r.getMessage() == "shutdown cut short"] == [
        ["bot", "journal"]
    ]
