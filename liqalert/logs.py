"""Logs on stderr: a constant event and its fields, as text or JSON, in UTC, without secrets."""

from __future__ import annotations

import json
import logging
import math
import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO
from urllib.parse import quote

# What a record has without `extra`; everything else on a record is a field of the event.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""Of syslog, by level."""

# httpx logs each URL at INFO, and Telegram's token is part of the URL; apscheduler logs each run of each job.
_QUIET = ("httpx", "httpcore", "apscheduler", "telegram", "aiohttp.access", "alembic")


def configure(level: str, log_format: str, secrets: Sequence[str], *, stream: TextIO | None = None) -> None:
    """Logs at `level` and above go to `stream` (stderr) as `text` or `json`; no line holds one of `secrets`.

    An exception that nobody caught is logged the same way before the process ends.
    """
    handler = logging.StreamHandler(stream)
    formatter = RedactingFormatter(JsonFormatter() if log_format == "json" else TextFormatter(), secrets)
    handler.setFormatter(JournalFormatter(formatter) if _is_journal(handler.stream) else formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
    # A line that cannot be formatted would otherwise be printed with its arguments, past the redaction.
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    sys.excepthook = _log_crash


def _log_crash(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    logging.getLogger("liqalert").critical("crashed", exc_info=(kind, error, traceback))


class TextFormatter(logging.Formatter):
    """`2026-11-23T22:53:24.123Z INFO liqalert.feeds.runner reconnecting attempt=2 delay_s=1.3`, then a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        event = " ".join(record.getMessage().split("\n"))
        fields = "".join(f" {name}={_word(value)}" for name, value in _fields(record).items())
        trace = self._trace(record)
        return f"{_utc(record)} {record.levelname} {record.name} {event}{fields}{trace and chr(10)}{trace}"

    def _trace(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info else ""


class JsonFormatter(logging.Formatter):
    """One object a line: at, level, logger, event, the fields, and exception with the traceback as text."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {name: _plain(value) for name, value in _fields(record).items()}
        line |= {"at": _utc(record), "level": record.levelname.lower(), "logger": record.name}
        line["event"] = record.getMessage()
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


class RedactingFormatter(logging.Formatter):
    """Puts `***` for each secret in the finished line: message, fields and tracebacks alike."""

    def __init__(self, inner: logging.Formatter, secrets: Sequence[str]) -> None:
        super().__init__()
        self._inner = inner
        # Longest first, so that a secret that contains another one leaves no rest.
        spellings = sorted({form for secret in secrets if secret for form in _spellings(secret)}, key=len)[::-1]
        # In any case of letters, because python-telegram-bot puts some of Telegram's texts in lower case.
        self._secret = re.compile("|".join(map(re.escape, spellings)) or "(?!)", re.IGNORECASE)

    def format(self, record: logging.LogRecord) -> str:
        return self._secret.sub("***", self._inner.format(record))


class JournalFormatter(logging.Formatter):
    """Each line with its priority before it, which systemd takes off: `journalctl -p warning` goes by that."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        priority = f"<{_PRIORITIES.get(record.levelno, 6)}>"
        return "\n".join(priority + line for line in self._inner.format(record).split("\n"))


def _is_journal(stream: TextIO) -> bool:
    """Whether it is the journal that reads `stream`: systemd says by which number."""
    try:
        file = os.fstat(stream.fileno())
    except (OSError, ValueError):  # no file at all
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{file.st_dev}:{file.st_ino}"


def _spellings(secret: str) -> tuple[str, ...]:
    """As it is, as part of a URL, and inside a JSON or Python string."""
    return (secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1])


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _utc(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: object) -> object:
    """`value` if JSON can say it, else its text: a log line must never fail."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if value is None or isinstance(value, (str, int)) else str(value)


def _word(value: object) -> str:
    """`value` on one line, in quotes where it would not read as one word."""
    text = str(value)
    return text if text and text.isprintable() and not set(' "=') & set(text) else json.dumps(text)
