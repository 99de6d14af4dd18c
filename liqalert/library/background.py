"""An event loop in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from threading import Event, Lock, Thread, current_thread

STOPS_WITHIN_S = 5.0
"""Closing a connection takes a second at most; who does not stop in time is left to end with the process."""


class Background:
    """Runs one coroutine until it is told to stop. Any thread may call."""

    def __init__(self, work: Callable[[], Coroutine[None, None, None]], failed: Callable[[Exception], None]) -> None:
        """`work` is called in the thread: what it imports costs the caller of `start` nothing. `failed`: likewise."""
        self._work = work
        self._failed = failed
        self._lock = Lock()
        self._stopping = Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread = Thread(target=self._run, name="liqalert stream", daemon=True)

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when it has ended, after some seconds at most."""
        with self._lock:
            self._stopping.set()
            if self._loop is not None and self._task is not None:
                self._loop.call_soon_threadsafe(self._task.cancel)
        if self._thread is not current_thread():
            self._thread.join(STOPS_WITHIN_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._until_stopped(self._work()))
        except asyncio.CancelledError:
            pass  # that is how it is stopped
        except Exception as exc:  # noqa: BLE001 - told to whoever asks the heatmap anything
            self._failed(exc)

    async def _until_stopped(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        with self._lock:
            self._loop, self._task = asyncio.get_running_loop(), task
            if self._stopping.is_set():
                task.cancel()
        try:
            await task
        finally:
            with self._lock:
                self._loop = self._task = None
