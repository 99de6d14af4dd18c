"""What `liqalert check` looks at on this machine: settings that fit together, database, directories. No network."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from liqalert.notifiers.apprise import courier_of, listen_alone, name_of
from liqalert.ports import Chat, DeliveryError, StorageError
from liqalert.ports.channels import TELEGRAM
from liqalert.settings import Settings
from liqalert.storage.database import Database
from liqalert.storage.engines import parse_url, sqlite_path
from liqalert.storage.enrolment import Enrolments
from liqalert.storage.housekeeping import quick_check
from liqalert.storage.schema import current_revision, head, remedy

_FREE_BYTES = 100_000_000
_TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    """The settings key it is about, or `clock`."""
    text: str
    """What was found; for a problem also what to do about it."""
    ok: bool


def fine(subject: str, text: str) -> Finding:
    return Finding(subject, text, ok=True)


def problem(subject: str, text: str) -> Finding:
    return Finding(subject, text, ok=False)


async def check(settings: Settings) -> AsyncIterator[Finding]:
    """Findings as they are made. Reads only: a daemon may run beside it."""
    for finding in (*_telegram(settings), *_channels(settings), *_web(settings)):
        yield finding
    if settings.recording.directory:
        yield _directory("recording.directory", settings.recording.directory)
    path = sqlite_path(parse_url(settings.database.url))
    if _has_bot(settings) and not settings.telegram.allowed_chats:
        yield await _enrolled(settings, exists=path is None or _exists(path))
    if path is None:
        yield _server(settings.database.url)
        return
    place = _directory("database.url", path.parent)
    if place.ok and not path.parent.is_dir():
        place = problem("database.url", f"there is no directory {path.parent}: create it")
    yield place
    if not _exists(path):
        if place.ok:
            yield fine("database.url", f"{path} does not exist yet: `liqalert run` creates it")
        return
    if not os.access(path, os.W_OK):
        yield problem("database.url", f"{path} cannot be written: run this as its owner")
    async for finding in check_database(settings):
        yield finding


def _server(url: str) -> Finding:
    try:
        Database(url)  # connects to nothing yet, but needs the driver
    except StorageError as exc:
        return problem("database.url", str(exc))
    return fine("database.url", "is a server: `liqalert check --online` looks at it")


async def check_database(settings: Settings) -> AsyncIterator[Finding]:
    """Whether the tables are of this version, an SQLite file is sound, and a server takes what is written."""
    on_file = settings.database.url.startswith("sqlite")
    try:
        async with Database(settings.database.url) as database:
            yield _revision(await current_revision(database))
            if database.path:
                yield _soundness(await quick_check(database))
            elif await database.only_reads():
                only_reads = "is a server that only reads, as a standby does: give the address of the one that writes"
                yield problem("database.url", only_reads)
    except StorageError as exc:
        on_server = "see to the server, or check the address"
        way_out = "check the address, or restore a backup with `liqalert db restore FILE`" if on_file else on_server
        yield problem("database.url", f"{exc}: {way_out}")


def _telegram(settings: Settings) -> tuple[Finding, ...]:
    token, chats = settings.telegram.token, settings.telegram.allowed_chats
    if token is None:
        return (fine("telegram.token", "is not set: nothing goes to Telegram"),)
    if not _has_bot(settings):
        return (problem("telegram.token", "is not of the form 123456789:AA...: copy it again from @BotFather"),)
    if not chats:
        return (fine("telegram.token", "has the right form"),)
    return (fine("telegram.token", "has the right form"), fine("telegram.allowed_chats", f"the owner is {chats[0]}"))


def _has_bot(settings: Settings) -> bool:
    token = settings.telegram.token
    return token is not None and _TOKEN.fullmatch(token.get_secret_value()) is not None


async def _enrolled(settings: Settings, *, exists: bool) -> Finding:
    """Who is told on Telegram where the settings name nobody."""
    chats: tuple[Chat, ...] = ()
    if exists:
        with suppress(StorageError):  # what is wrong with the database has a finding of its own
            async with Database(settings.database.url) as database:
                chats = await Enrolments(database).chats()
    enrolled = sum(chat.channel == TELEGRAM for chat in chats)
    if not enrolled:
        return problem("telegram.allowed_chats", "is empty, so nobody is told: run `liqalert pair`")
    chats_are = "1 chat is" if enrolled == 1 else f"{enrolled} chats are"
    return fine("telegram.allowed_chats", f"is empty, and {chats_are} enrolled with the bot")


def _channels(settings: Settings) -> Iterator[Finding]:
    """The other ways by which alerts leave, named without their secrets."""
    if settings.webhook.url:
        signed = "signed" if settings.webhook.secret else "not signed: set webhook.secret"
        yield fine("webhook.url", f"is set, {signed}")
    if settings.apprise.urls:
        yield from _apprise([url.get_secret_value() for url in settings.apprise.urls])
    if settings.console_enabled:
        yield fine("console.enabled", "alerts are printed")


def _apprise(urls: Sequence[str]) -> Iterator[Finding]:
    """Also whether Apprise knows what each begins with, and finds in it what that service needs."""
    names = ", ".join(map(name_of, urls))
    if find_spec("apprise") is None:
        yield problem("apprise.urls", f"needs Apprise ({names}): pip install 'liqalert[apprise]'")
        return
    listen_alone()
    usable = []
    for number, url in enumerate(urls, start=1):
        try:
            courier_of(url)
            usable.append(name_of(url))
        except DeliveryError as exc:
            which = f"{exc} (number {number} of {len(urls)})"
            yield problem("apprise.urls", f"{which}: write it as Apprise's documents say")
    if usable:
        yield fine("apprise.urls", f"alerts also go to {', '.join(usable)}")


def _web(settings: Settings) -> Iterator[Finding]:
    if settings.web.open_to_anyone:
        others = f"is {settings.web.host}, which others can reach"
        yield problem("web.host", f"{others}: give web.token as well, or keep 127.0.0.1; `liqalert run` refuses this")
    if settings.web.guessable:
        yield problem("web.token", settings.web.guessable)


def _directory(subject: str, directory: Path) -> Finding:
    """Whether `directory`, or what it would be created in, can be written and has room."""
    existing = next(path for path in (directory.absolute(), *directory.absolute().parents) if _exists(path))
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return problem(subject, f"{existing} cannot be written: give another place, or change its owner")
    free = shutil.disk_usage(existing).free
    if free < _FREE_BYTES:
        return problem(subject, f"{existing} has only {free // 1_000_000} MB left: free some space")
    return fine(subject, f"{existing} can be written")


def _exists(path: Path) -> bool:
    """False also where it may not be looked at, which Path.exists would raise for."""
    return os.path.exists(path)


def _revision(revision: str | None) -> Finding:
    if revision is None:
        return fine("database.url", "has no tables yet: `liqalert run` creates them")
    if revision != head():
        return problem("database.url", f"has tables of version {revision}, not {head()}: {remedy(revision)}")
    return fine("database.url", f"has tables of version {revision}, which is current")


def _soundness(damage: tuple[str, ...]) -> Finding:
    if damage:
        return problem("database.url", f"is damaged ({damage[0]}): restore a backup with `liqalert db restore FILE`")
    return fine("database.url", "passes SQLite's quick check")
