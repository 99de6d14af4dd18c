"""A channel must not give its secret away, whatever goes wrong."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable

import pytest


async def assert_leaks_no_secret(
    act: Callable[[], Awaitable[object]], secret: str, caplog: pytest.LogCaptureFixture
) -> BaseException | None:
    """`act` may fail; neither its error (as printed with its causes) nor any log record holds `secret`, in any case.

    Records of our own loggers count at every level, those of libraries from WARNING, as in production.
    """
    error = None
    with caplog.at_level(logging.DEBUG):
        try:
            await act()
        except Exception as exc:  # noqa: BLE001 - whatever goes wrong
            error = exc
    printed = "".join(traceback.format_exception(error)) if error is not None else ""
    assert secret.lower() not in printed.lower()
    for record in caplog.records:
        ours = record.name.startswith("liqalert")
        if ours or record.levelno >= logging.WARNING:
            trace = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
            assert secret.lower() not in f"{record.getMessage()} {vars(record)} {trace}".lower()
    return error
