"""A callback that is slow, raises, or is a coroutine harms nothing else."""

from __future__ import annotations

import asyncio
import warnings
from threading import Event

import pytest

from liqalert.library import callbacks
from liqalert.library.callbacks import Callbacks


def test_when_too_many_calls_wait_the_oldest_are_left_out_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "WAITING_AT_MOST", 3)
    called: list[int] = []
    held, going = Event(), Event()
    several = Callbacks()

    def hold() -> None:
        going.set()
        held.wait(30)

    several.put(hold)
    several.begin()
    going.wait(30)
    for number in range(5):
        several.put(lambda number=number: called.append(number))  # type: ignore[misc]
    held.set()
    several.end()

    assert called == [2, 3, 4]
    assert several.notes == ("2 calls of callbacks were left out: they take too long",)


def test_calls_that_wait_at_the_end_are_still_made_and_it_can_begin_again() -> None:
    called: list[str] = []
    several = Callbacks()
    for name in ("first", "second"):
        several.begin()
        several.put(lambda name=name: called.append(name))  # type: ignore[misc]
        several.end()

    assert called == ["first", "second"]


async def test_in_a_loop_what_raises_is_counted_and_the_next_is_called() -> None:
    called: list[str] = []
    several = Callbacks()

    async def fail() -> None:
        raise KeyError("x")

    several.put(fail)
    several.put(lambda: called.append("next"))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        calling = asyncio.create_task(several.call_from_loop(look_s=0.01))
        async with asyncio.timeout(30):
            while not called:
                await asyncio.sleep(0.01)
        calling.cancel()

    assert several.notes == ("a callback raised KeyError 1 times",)
    assert [each.category for each in warned] == [RuntimeWarning]


def test_where_warnings_are_errors_the_next_is_called_all_the_same() -> None:
    called: list[str] = []
    several = Callbacks()
    several.put(lambda: 1 / 0)
    several.put(lambda: called.append("next"))
    several.begin()
    several.end()

    assert called == ["next"]
    assert several.notes == ("a callback raised ZeroDivisionError 1 times",)
