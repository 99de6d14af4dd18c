"""Calls a script's functions apart from the stream: one that is slow, or raises, harms only the other callbacks."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from threading import Condition, Thread, current_thread
from typing import NoReturn, TypeAlias

from liqalert.library.clusters import Clusters, Side
from liqalert.library.errors import warn

log = logging.getLogger(__name__)

WAITING_AT_MOST = 10_000
"""Calls. When more wait, the oldest are left out."""
ENDS_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLiquidation:
    """One liquidation, as it came in."""

    symbol: str
    side: Side
    """Whose position was liquidated. Binance's SELL order closes a long."""
    price: float
    """The average fill."""
    quantity: float
    """Base units."""
    notional_usd: float
    time: datetime
    """When the exchange executed it. UTC."""

    def to_dict(self) -> dict[str, object]:
        """Ready for JSON, and for `LiquidationHunter.identify_clusters`."""
        return {
            "symbol": self.symbol,
            "side": self.side,
            "price": self.price,
            "quantity": self.quantity,
            "notional_usd": self.notional_usd,
            "time": self.time.isoformat(),
        }


OnLiquidation: TypeAlias = Callable[[LiveLiquidation], object]
OnClusters: TypeAlias = Callable[[str, Clusters], object]
Call: TypeAlias = Callable[[], object]


class Callbacks:
    """What is registered, and what waits to be called, in order. Any thread may put; one caller takes."""

    def __init__(self) -> None:
        self.on_liquidation: tuple[OnLiquidation, ...] = ()
        self.on_clusters: tuple[OnClusters, ...] = ()
        self._waiting: deque[Call] = deque()
        self._changed = Condition()
        self._failures: Counter[str] = Counter()
        self._left_out = 0
        self._thread: Thread | None = None
        self._ending = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What went wrong, in sentences."""
        failed = [f"a callback raised {name} {count} times" for name, count in sorted(self._failures.items())]
        slow = [f"{self._left_out} calls of callbacks were left out: they take too long"] if self._left_out else []
        return (*failed, *slow)

    def put(self, call: Call) -> None:
        with self._changed:
            if len(self._waiting) == WAITING_AT_MOST:
                self._waiting.popleft()
                self._left_out += 1
            self._waiting.append(call)
            self._changed.notify()

    def begin(self) -> None:
        """Calls from now on in a thread of their own, where a callback may take as long as it likes.

        The one that was told to end goes on where a call still holds it up: there are never two.
        """
        with self._changed:
            self._ending = False
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._call_from_thread, name="liqalert callbacks", daemon=True)
                self._thread.start()

    def end(self) -> None:
        """Ends the thread once what waits was called; one that takes longer is not waited for."""
        with self._changed:
            self._ending = True
            self._changed.notify()
            thread = self._thread
        if thread is not None and thread is not current_thread():
            thread.join(ENDS_WITHIN_S)

    async def call_from_loop(self, *, look_s: float = 0.05) -> NoReturn:
        """Calls in the running loop, and awaits what gives something to await. Ends only by cancellation."""
        while True:
            while self._waiting:
                await self._call_and_await(self._waiting.popleft())
            await asyncio.sleep(look_s)

    def _call_from_thread(self) -> None:
        while True:
            with self._changed:
                # No timeout: without a call there is nothing to do.
                self._changed.wait_for(lambda: self._waiting or self._ending)
                if not self._waiting:
                    # Under the lock: who begins again right now must not take this thread for one that goes on.
                    self._thread = None
                    return
                call = self._waiting.popleft()
            self._call(call)

    # The script's own code: whatever it raises is told, and ends neither the stream nor the other callbacks.

    def _call(self, call: Call) -> None:
        try:
            call()
        except BaseException as exc:  # sys.exit() as well: nobody else in this thread is told of it
            log.exception("callback failed")
            self._failed(exc)

    async def _call_and_await(self, call: Call) -> None:
        try:
            result = call()
            if inspect.isawaitable(result):
                await result
        except (Exception, SystemExit, asyncio.CancelledError) as exc:
            if isinstance(exc, asyncio.CancelledError) and _is_being_cancelled():
                raise
            log.exception("callback failed")
            self._failed(exc)

    def _failed(self, exc: BaseException) -> None:
        self._failures[type(exc).__name__] += 1
        if self._failures.total() > 1:
            return
        # Where warnings are errors, this one must not end the calling: it is logged and counted already.
        with suppress(RuntimeWarning):
            warn(f"a callback raised {exc!r}: it is called again all the same; see status().notes", RuntimeWarning)


def _is_being_cancelled() -> bool:
    """Whether the running task is, and not only one that it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
