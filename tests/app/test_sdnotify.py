from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from liqalert.app.sdnotify import notify, watchdog_interval_s


@pytest.fixture
def systemd() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(2)
        yield listening


def test_message_arrives_at_a_socket_in_the_file_system(systemd: socket.socket, tmp_path: Path) -> None:
    address = str(tmp_path / "notify.sock")
    systemd.bind(address)

    notify("READY=1\nSTATUS=watching", {"NOTIFY_SOCKET": address})

    assert systemd.recv(4096) == b"READY=1\nSTATUS=watching"


def test_message_arrives_at_an_abstract_socket(systemd: socket.socket) -> None:
    name = f"liqalert-test-{os.getpid()}"
    systemd.bind(f"\0{name}")

    notify("WATCHDOG=1", {"NOTIFY_SOCKET": f"@{name}"})

    assert systemd.recv(4096) == b"WATCHDOG=1"


def test_without_systemd_nothing_is_sent_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    notify("READY=1", {})

    assert caplog.records == []


def test_socket_that_is_gone_is_logged_and_not_raised(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        notify("WATCHDOG=1", {"NOTIFY_SOCKET": str(tmp_path / "gone.sock")})

    assert [record.getMessage() for record in caplog.records] == ["systemd could not be told"]


def test_full_queue_returns_at_once_instead_of_stopping_the_loop(systemd: socket.socket, tmp_path: Path) -> None:
    address = str(tmp_path / "notify.sock")
    systemd.bind(address)

    for _ in range(5_000):
        notify("WATCHDOG=1", {"NOTIFY_SOCKET": address})

    assert systemd.recv(4096) == b"WATCHDOG=1"


def test_watchdog_is_fed_twice_within_its_limit() -> None:
    assert watchdog_interval_s({"WATCHDOG_USEC": "30000000"}) == 15.0


@pytest.mark.parametrize(
    "environ",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}],
)
def test_no_watchdog_waits_for_this_process(environ: dict[str, str]) -> None:
    assert watchdog_interval_s(environ) is None
