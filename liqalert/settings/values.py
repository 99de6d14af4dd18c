"""Checks of single values. Each raises ValueError with what to give instead; the key and its place are added later."""

from __future__ import annotations

import difflib
import ipaddress
import re
import zoneinfo
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import msgspec
from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from liqalert.core.rules import RuleKind

T = TypeVar("T")

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+pysqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+psycopg": "postgresql+asyncpg",
    "postgresql+psycopg2": "postgresql+asyncpg",
}
_APPRISE_URLS = "give addresses like ntfys://ntfy.sh/topic, in a list or with commas between"
_SECRET_CHARACTERS = 12
_SERVER = re.compile(r"([^@]*@)?(\[[0-9A-Fa-f:.]*\]|[^][@:/?]*)(:[0-9]*)?(/[^@]*)?")
"""What follows the scheme in a server's address. With another @ or : in it, parts of the password would be taken for
its host, which is no secret."""
_BOUND_WORDS = {Gt: ("above", "gt"), Ge: ("at least", "ge"), Lt: ("below", "lt"), Le: ("at most", "le")}


def expected(field: FieldInfo) -> str:
    """What to give for `field`, like `give a number above 0 and at most 20`."""
    if field.description:
        return f"give {field.description}"
    names = {bool: "true or false", int: "a whole number", float: "a number"}
    kind = next((text for kind, text in names.items() if field.annotation in (kind, kind | None)), "a text")
    bounds = [
        f"{words} {getattr(bound, attribute):g}"
        for bound in field.metadata
        for bound_type, (words, attribute) in _BOUND_WORDS.items()
        if isinstance(bound, bound_type)
    ]
    return f"give {kind} {' and '.join(bounds)}".rstrip()


def nearest(word: str, known: Sequence[str]) -> str:
    """`: did you mean X?` for the most similar of `known`, or nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f": did you mean {close[0]}?" if close else ""


def empty_as_none(value: object) -> object:
    """An empty text, as an unset environment variable often arrives, is no value."""
    return None if isinstance(value, str) and not value.strip() else value


def lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def expanded_path(path: Path | None) -> Path | None:
    if path is None:
        return None
    if "\0" in str(path):
        raise ValueError("give the name of a file or directory, which holds no NUL")
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("give a path that begins with / or ~/, because there is no such user here") from None


def without_repeats(given: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(given))


def as_list(value: object) -> object:
    """A list from TOML as it is; a text as JSON when it begins with a bracket, else separated by commas."""
    if not isinstance(value, str):
        return [value] if isinstance(value, int) and not isinstance(value, bool) else value
    if value.lstrip().startswith("["):
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError as exc:
            raise ValueError("give a list like [1,2] or 1,2") from exc
    return [part.strip() for part in value.split(",") if part.strip()]


def symbols(value: object) -> object:
    """`all`, or symbols as the exchange writes them, in upper case."""
    if isinstance(value, str) and value.strip().lower() == "all":
        return "all"
    listed = as_list(value)
    if not isinstance(listed, (list, tuple)) or not all(isinstance(symbol, str) for symbol in listed):
        raise ValueError('give a list of symbols like ["BTCUSDT"], or "all"')
    for symbol in listed:
        # Letters of any script: Binance lists symbols in Chinese.
        if not re.fullmatch(r"\w+", symbol):
            raise ValueError("give each symbol as Binance writes it, like BTCUSDT")
    return without_repeats(tuple(symbol.upper() for symbol in listed))


def kinds(value: object) -> object:
    listed = as_list(value)
    if not isinstance(listed, (list, tuple)) or not listed or any(kind not in tuple(RuleKind) for kind in listed):
        raise ValueError(f'give a list of {", ".join(RuleKind)}, like ["near", "cascade"]')
    return without_repeats(tuple(listed))


def whole_url(url: str) -> str:
    """`url` as it is: services tell `/hook` from `/hook/`."""
    _split(url, ("http", "https"), "https://example.org/hook")
    if re.search(r",https?://", url):
        raise ValueError("give one address, because what follows a comma is taken for a part of the first")
    return url


def public_url(url: str | None) -> str | None:
    return None if url is None else http_url(url)


def apprise_urls(value: object) -> object:
    """A list, or one text with commas or white space between the addresses: an address may have commas of its own."""
    listed: object = value
    if isinstance(value, str):
        if value.lstrip().startswith("["):
            listed = as_list(value)
        else:
            parts = (part.strip(" \t\r\n,") for part in re.split(r"[\s,]+(?=[\w+.-]+://)", value))
            listed = [part for part in parts if part]
    if not isinstance(listed, (list, tuple)):
        raise ValueError(_APPRISE_URLS)
    for number, url in enumerate(listed, start=1):
        if not isinstance(url, str) or not re.fullmatch(r"[\w+.-]+://\S+", url):
            raise ValueError(f"{_APPRISE_URLS}; number {number} of {len(listed)} is none")
    return tuple(listed)


def _split(url: str, schemes: tuple[str, ...], example: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        complete = parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is no number, a bracket that is not closed
        complete = False
    if not complete or any(character.isspace() for character in url):
        raise ValueError(f"give a whole address like {example}")
    return parts


def http_url(url: str) -> str:
    """`url` without a slash at its end."""
    _split(url, ("http", "https"), "https://example.org")
    return url.rstrip("/")


def market_url(url: str) -> str:
    """`url` without a slash at its end. Every address must end in /market, so that a stand-in is like the original."""
    url = url.rstrip("/")
    parts = _split(url, ("ws", "wss"), "wss://example.org/market")
    if not parts.path.endswith("/market"):
        raise ValueError(
            f"give {parts.scheme}://{parts.netloc.rpartition('@')[2]}/market, because without /market "
            "Binance connects but has delivered no liquidation since 2026-04-23"
        )
    return url


def time_of_day(text: str | None) -> str | None:
    """`text` as HH:MM, like 08:00."""
    if text is None or re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        return text
    raise ValueError("give a time of day like 08:00, or leave it out")


def timezone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as exc:
        known = sorted(zoneinfo.available_timezones())
        raise ValueError(f"give a time zone like Europe/Berlin or UTC{nearest(name, known)}") from exc
    return name


def host(name: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z._-]+", name) and not _is_ipv6(name):
        raise ValueError("give an address or a host name without scheme, port and brackets, like 127.0.0.1 or ::1")
    return name


def _is_ipv6(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).version == 6
    except ValueError:
        return False


def is_loopback(name: str) -> bool:
    """Whether only this machine can reach `name`. A name other than localhost may resolve to anything."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def database_url(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise ValueError("give an address like sqlite+aiosqlite:///liqalert.db")
    if scheme not in _DRIVERS.values():
        driver = _DRIVERS.get(scheme, "sqlite+aiosqlite")
        raise ValueError(f"begin it with {driver}:// (sqlite+aiosqlite and postgresql+asyncpg are known)")
    if scheme == "sqlite+aiosqlite" and (not rest.strip("/") or rest.startswith("/:memory:")):
        raise ValueError("name a file like sqlite+aiosqlite:///liqalert.db, because a restart must find it again")
    if scheme == "postgresql+asyncpg" and not _SERVER.fullmatch(rest):
        raise ValueError(f"write {scheme}://USER:PASSWORD@HOST:PORT/NAME, and %40 for an @ in the password")
    return url


def database_password(url: str) -> str | None:
    """The password in a database address, before the host or as an option, decoded; None when there is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return unquote(parts.password) if parts.password else dict(parse_qsl(parts.query)).get("password")


def secret_parts(url: str) -> tuple[str, ...]:
    """The parts of an address that are long enough to be a secret: a host may be among them, which does no harm."""
    if "://" not in url:
        return ()
    parts = re.split(r"[/?&=:@#,]+", url.partition("://")[2])
    return tuple(part for part in parts if len(part) >= _SECRET_CHARACTERS)


def without_password(url: str) -> str:
    """`url` as it may be shown."""
    without_option = re.sub(r"([?&]password=)[^&]*", r"\1***", url)
    return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", without_option)
