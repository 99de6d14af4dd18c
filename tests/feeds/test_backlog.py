"""When a connection is behind, by what waits in its socket."""

from __future__ import annotations

import socket

import pytest

from liqalert.feeds.backlog import Backlog, waiting_bytes

MUCH, LITTLE = 40_000, 10_000


@pytest.mark.parametrize(
    ("looks", "behind"),
    [
        ([(0.0, LITTLE), (9.0, LITTLE)], False),
        ([(0.0, MUCH), (1.9, MUCH)], False),
        ([(0.0, MUCH), (2.0, MUCH)], True),
        ([(0.0, MUCH), (1.0, LITTLE), (2.0, MUCH), (3.9, MUCH)], False),
        ([(0.0, MUCH), (2.0, MUCH), (2.1, LITTLE)], False),
        ([(0.0, MUCH), (2.0, MUCH), (2.1, LITTLE), (2.2, MUCH)], False),
    ],
)
def test_behind_is_who_has_had_much_waiting_for_two_seconds(looks: list[tuple[float, int]], behind: bool) -> None:
    backlog = Backlog()
    for now_s, waiting in looks:
        backlog.note(waiting, now_s)

    assert backlog.behind is behind


def test_bytes_that_wait_in_a_socket_are_counted() -> None:
    here, there = socket.socketpair()
    with here, there:
        before = waiting_bytes(here)
        there.sendall(b"x" * 1000)
        arrived = waiting_bytes(here)

    assert (before, arrived) == (0, 1000)
    assert waiting_bytes(here) == 0  # closed
    assert waiting_bytes(None) == 0
