"""A callback that is slow, raises, or is a coroutine harms nothing else."""

from __future__ import annotations

import asyncio
import sys
import threading
import warnings
from threading import Event

import pytest

from liqalert.library import callbacks
from liqalert.library.callbacks import Callbacks


def held_up(several: Callbacks) -> Event:
    """Begun, and busy with a call until the event is set."""
    held, going = Event(), Event()

    def hold() -> None:
        going.set()
        held.wait(30)

    several.put(hold)
    several.begin()
    going.wait(30)
    return held


def test_when_too_many_calls_wait_the_oldest_are_left_out_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "WAITING_AT_MOST", 3)
    called: list[int] = []
    several = Callbacks()
    held = held_up(several)
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


def let_it_run_dry() -> None:
    """Where the calling would end once nothing waits, it has ended afterwards."""
    for thread in threading.enumerate():
        if thread.name == "liqalert callbacks":
            thread.join(0.2)


def test_it_begins_again_while_a_call_outlasts_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "ENDS_WITHIN_S", 0.01)
    called, several = Event(), Callbacks()
    held = held_up(several)
    several.end()
    several.begin()
    held.set()
    let_it_run_dry()
    several.put(called.set)

    assert called.wait(30)
    several.end()


def test_it_begins_again_when_a_call_ends_it_and_begins_it() -> None:
    called, restarted = Event(), Event()
    several = Callbacks()

    def restart() -> None:
        several.end()
        several.begin()
        restarted.set()

    several.put(restart)
    several.begin()
    restarted.wait(30)
    let_it_run_dry()
    several.put(called.set)

    assert called.wait(30)
    several.end()


@pytest.mark.filterwarnings("ignore:a callback raised")
def test_a_call_that_exits_ends_neither_the_program_nor_the_calling() -> None:
    called: list[str] = []
    several = Callbacks()
    several.put(lambda: sys.exit("no more orders"))
    several.put(lambda: called.append("next"))
    several.begin()
    several.end()

    assert called == ["next"]
    assert several.notes == ("a callback raised SystemExit 1 times",)


@pytest.mark.filterwarnings("ignore:a callback raised")
async def test_in_a_loop_a_call_that_exits_or_waits_for_what_was_cancelled_ends_nothing() -> None:
    called: list[str] = []
    several = Callbacks()

    async def wait_for_cancelled() -> None:
        order = asyncio.create_task(asyncio.sleep(30))
        order.cancel()
        await order

    several.put(wait_for_cancelled)
    several.put(lambda: sys.exit("no more orders"))
    several.put(lambda: called.append("next"))
    calling = asyncio.create_task(several.call_from_loop(look_s=0.01))
    async with asyncio.timeout(30):
        while not called and not calling.done():
            await asyncio.sleep(0.01)
    calling.cancel()

    assert called == ["next"]
    assert several.notes == ("a callback raised CancelledError 1 times", "a callback raised SystemExit 1 times")


async def test_in_a_loop_the_calling_is_cancelled_while_a_call_waits() -> None:
    going = asyncio.Event()
    several = Callbacks()

    async def wait() -> None:
        going.set()
        await asyncio.sleep(30)

    several.put(wait)
    calling = asyncio.create_task(several.call_from_loop(look_s=0.01))
    async with asyncio.timeout(30):
        await going.wait()
        calling.cancel()
        await asyncio.wait([calling])

    assert (calling.cancelled(), several.notes) == (True, ())


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
