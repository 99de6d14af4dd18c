"""A command line in a directory of its own, with nothing configured but what the test sets."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.telegram_server import TelegramServer, telegram_server


@pytest.fixture(autouse=True)
def empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("LIQALERT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("LIQALERT_WEB__PORT", str(_closed_port()))
    return tmp_path


@pytest.fixture
async def telegram(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TelegramServer]:
    async with telegram_server() as server:
        monkeypatch.setenv("LIQALERT_TELEGRAM__API_URL", server.api_url)
        yield server


@pytest.fixture
def logs_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process the log is pytest's; a process at a terminal of its own configures its own."""
    monkeypatch.setattr("liqalert.logs.configure", lambda *arguments: None)


def _closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
