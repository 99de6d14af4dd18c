"""Names are looked up as usual, but by threads that nobody waits for."""

from __future__ import annotations

import asyncio
import socket
from threading import Event
from threading import enumerate as threads

import pytest

from liqalert.library.resolving import DaemonResolver


async def test_a_name_becomes_addresses() -> None:
    [found, *_] = await DaemonResolver().resolve("localhost", 80)

    assert (found["host"], found["port"], found["family"]) == ("127.0.0.1", 80, socket.AF_INET)


async def test_a_name_that_does_not_exist_is_an_error_as_usual() -> None:
    with pytest.raises(OSError, match=r"."):
        await DaemonResolver().resolve("nothing.invalid", 80)


async def test_giving_up_leaves_only_a_daemon_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = Event()

    def wait(*_: object, **__: object) -> list[object]:
        silent.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", wait)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(DaemonResolver().resolve("localhost", 80), 0.05)
    left = [thread for thread in threads() if thread.name == "liqalert looks up localhost"]
    silent.set()

    assert [thread.daemon for thread in left] == [True]
