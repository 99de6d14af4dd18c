from __future__ import annotations

import ast
import asyncio
import io
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from liqalert import logs

LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
TOKEN = "123456789:AAE-not_a_real_token"


@pytest.fixture
def configured() -> Iterator[Callable[..., io.StringIO]]:
    """Configures logging onto a text buffer, and puts everything back afterwards."""
    root, hook, raises = logging.getLogger(), sys.excepthook, logging.raiseExceptions
    handlers, level = root.handlers[:], root.level
    root.handlers = []  # pytest's own handlers would be closed by configure

    def configure(log_format: str = "text", level: str = "info", secrets: tuple[str, ...] = (TOKEN,)) -> io.StringIO:
        stream = io.StringIO()
        logs.configure(level, log_format, secrets, stream=stream)
        return stream

    yield configure
    logging.captureWarnings(False)
    root.handlers, sys.excepthook, logging.raiseExceptions = handlers, hook, raises
    root.setLevel(level)


def _line(created: float = 1_700_000_000.25, **extra: object) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"name": "liqalert.x", "levelno": 20, "levelname": "INFO", "msg": "delivered", "created": created, **extra}
    )


def test_a_secret_is_masked_in_any_case_of_letters(configured: Callable[..., io.StringIO]) -> None:
    stream = configured()

    logging.getLogger("liqalert.x").warning("refused", extra={"error": TOKEN.lower()})

    assert "not_a_real_token" not in stream.getvalue()
    assert "***" in stream.getvalue()


def test_text_line_holds_utc_time_level_logger_event_and_fields() -> None:
    line = logs.TextFormatter().format(_line(attempts=2, chat="a b"))

    assert line == '2023-11-14T22:13:20.250Z INFO liqalert.x delivered attempts=2 chat="a b"'


@pytest.mark.parametrize(("read_by_journal", "prefixes"), [(True, ["<4>", "<4>"]), (False, ["202", "sec"])])
def test_lines_of_the_journal_carry_their_priority(
    read_by_journal: bool,
    prefixes: list[str],
    configured: Callable[..., io.StringIO],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A journal gives every line the same otherwise, and shows none where warnings are asked for."""
    configured()
    with tmp_path.joinpath("log").open("w+") as stream:
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino + (not read_by_journal)}")
        logs.configure("info", "text", (), stream=stream)

        logging.getLogger("liqalert.x").warning("refused", exc_info=(ValueError, ValueError("first\nsecond"), None))
        lines = tmp_path.joinpath("log").read_text().splitlines()

    assert [lines[0][:3], lines[-1][:3]] == prefixes


def test_field_with_a_line_break_cannot_forge_a_second_line() -> None:
    line = logs.TextFormatter().format(_line(symbol="BTC\n2026 CRITICAL forged"))

    assert line.endswith(r'symbol="BTC\n2026 CRITICAL forged"')


def test_json_line_is_one_object_with_the_fields_beside_the_event() -> None:
    line = logs.JsonFormatter().format(_line(attempts=2, ratio=float("nan"), chat=None))

    assert line == (
        '{"attempts": 2, "ratio": "nan", "chat": null, "at": "2023-11-14T22:13:20.250Z", '
        '"level": "info", "logger": "liqalert.x", "event": "delivered"}'
    )


def test_level_is_respected(configured: Callable[..., io.StringIO]) -> None:
    stream = configured(level="warning")

    logging.getLogger("liqalert.x").info("quiet")
    logging.getLogger("liqalert.x").warning("loud")

    assert "loud" in stream.getvalue()
    assert "quiet" not in stream.getvalue()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_token_is_masked_in_message_fields_and_exception(
    configured: Callable[..., io.StringIO], log_format: str
) -> None:
    stream = configured(log_format)
    log = logging.getLogger("liqalert.x")

    log.warning("refused %s", f"https://api.telegram.org/bot{TOKEN}/getMe")
    log.warning("refused", extra={"url": f"https://example.org/?t={TOKEN.replace(':', '%3A')}", "parts": [TOKEN]})
    try:
        raise ValueError(f"no such bot: {TOKEN}")
    except ValueError:
        log.exception("failed", stack_info=True)

    text = stream.getvalue()
    assert text.count("***") >= 4
    assert "AAE-not_a_real_token" not in text


def test_token_is_masked_when_a_chained_exception_holds_it(configured: Callable[..., io.StringIO]) -> None:
    stream = configured()

    try:
        try:
            raise KeyError(TOKEN)
        except KeyError as exc:
            raise RuntimeError("outer") from exc
    except RuntimeError:
        logging.getLogger("liqalert.x").exception("failed")

    assert "KeyError: '***'" in stream.getvalue()
    assert "AAE-not_a_real_token" not in stream.getvalue()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
    writer.close()


async def _ask_with_httpx() -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, httpx.AsyncClient(trust_env=False, timeout=2) as client:
        await client.get(f"http://127.0.0.1:{port}/bot{TOKEN}/getMe")


async def test_httpx_does_not_log_its_requests(configured: Callable[..., io.StringIO]) -> None:
    stream = configured(level="debug")

    await _ask_with_httpx()

    assert "getMe" not in stream.getvalue()


async def test_token_is_masked_even_when_someone_makes_httpx_talk(configured: Callable[..., io.StringIO]) -> None:
    stream = configured(level="info")
    logging.getLogger("httpx").setLevel(logging.INFO)

    await _ask_with_httpx()

    assert "/bot***/getMe" in stream.getvalue()
    assert "AAE-not_a_real_token" not in stream.getvalue()


def test_line_that_cannot_be_formatted_does_not_print_its_arguments(
    configured: Callable[..., io.StringIO], capsys: pytest.CaptureFixture[str]
) -> None:
    configured()

    logging.getLogger("liqalert.x").warning("%d", TOKEN)

    assert "AAE-not_a_real_token" not in capsys.readouterr().err


def _log_calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of a module's `log`, with where it stands."""
    for path in sorted(Path(logs.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            method = node.func if isinstance(node, ast.Call) else None
            if not isinstance(method, ast.Attribute) or method.attr not in LEVELS:
                continue
            if isinstance(node, ast.Call) and isinstance(method.value, ast.Name) and method.value.id == "log":
                yield f"{path.name}:{node.lineno}", node


def test_every_event_has_a_constant_name() -> None:
    """So that a log collector can count it: what varies stands in fields of its own."""
    calls = list(_log_calls())
    varying = [
        where
        for where, call in calls
        if len(call.args) != 1
        or not isinstance(call.args[0], ast.Constant)
        or not re.fullmatch(r"[A-Za-z][^%{}]{2,79}", str(call.args[0].value))
        or {keyword.arg for keyword in call.keywords} - {"extra", "exc_info"}
    ]

    assert len(calls) > 50
    assert varying == []


def test_uncaught_exception_is_logged_without_the_token() -> None:
    program = f"from liqalert import logs; logs.configure('info', 'json', [{TOKEN!r}]); raise ValueError({TOKEN!r})"

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)

    assert ended.returncode == 1
    assert json.JSONDecoder().decode(ended.stderr)["event"] == "crashed"
    assert "AAE-not_a_real_token" not in ended.stderr
