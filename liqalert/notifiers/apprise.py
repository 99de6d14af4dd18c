"""Alerts through Apprise, a library that speaks to ntfy, Discord, Slack, e-mail and a hundred more services.

It is an extra, and is imported with the first message: half a second and 40 MB.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Protocol
from uuid import uuid4

from liqalert.ports import DeliveryError, Event, Message

TIMEOUT_S = 45.0
"""Apprise waits 4 s for a connection and 4 s for an answer, and between the parts of a long message."""
THREADS = 4
"""Of its own: in asyncio's pool, services that hang would keep everybody from resolving names."""

NOISY = ("oauthlib", "requests", "requests_oauthlib", "urllib3")
"""What Apprise's services are built on; their warnings and debug lines hold whole addresses."""

_HEARD: ContextVar[list[str]] = ContextVar("the HTTP statuses of one message")


class Courier(Protocol):
    """The part of Apprise that is used here: one object that knows one service."""

    def notify(self, body: str, *, body_format: str) -> object:
        """Something true when the service has taken it. Blocks."""
        ...


def name_of(url: str) -> str:
    """What stands for `url` in the database, in logs and on screen, without its secrets: `ntfys-1a2b3c4d`."""
    return f"{url.partition('://')[0].lower()}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


class AppriseNotifier:
    """Sends to `urls`; their addresses are their names. Constructing it imports nothing."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = {name_of(url): url for url in urls}
        self._couriers: dict[str, Courier] = {}
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="apprise")

    async def send(self, address: str, message: Message) -> str:
        """An id of our own, since Apprise gives none. Raises DeliveryError; its text holds no URL."""
        sending = asyncio.get_running_loop().run_in_executor(self._pool, self._send, address, message.plain)
        try:
            # The thread cannot be stopped: it ends with its own timeouts.
            async with asyncio.timeout(TIMEOUT_S):
                await sending
        except TimeoutError:
            text = f"apprise: no answer for {address} within {TIMEOUT_S:.0f} s: whether it arrived is unknown"
            raise DeliveryError(text) from None
        return uuid4().hex

    async def amend(self, address: str, message_id: str, whole: Message | None, news: Message) -> str:
        """Nothing: what is sent stays. A digest that grows is refused, so that what is new goes out by itself."""
        if news.event is Event.LIST:
            raise DeliveryError("apprise: a message cannot be changed", permanent=True)
        return message_id

    def _send(self, address: str, text: str) -> None:
        """In a thread."""
        courier = self._courier(address)
        statuses = heard()
        try:
            taken = courier.notify(text, body_format="text")
        except Exception as exc:  # noqa: BLE001 - a hundred services, and their texts may hold the address
            raise DeliveryError(f"apprise: {address} failed ({type(exc).__name__})") from None
        if not taken:
            cause = f" (HTTP {statuses[-1]})" if statuses else ""
            raise DeliveryError(f"apprise: {address} has not taken it{cause}")

    def _courier(self, address: str) -> Courier:
        if address not in self._urls:
            raise DeliveryError(f"apprise: {address} no longer stands in apprise.urls", permanent=True)
        if address not in self._couriers:
            listen_alone()
            self._couriers[address] = courier_of(self._urls[address])
        return self._couriers[address]


def courier_of(url: str) -> Courier:
    """Raises DeliveryError where Apprise is not installed, or cannot use `url`."""
    try:
        from apprise import Apprise, AppriseAsset, OverflowMode
    except ImportError:
        raise DeliveryError(
            "Apprise is not installed: pip install 'liqalert[apprise]'", permanent=True, channel_dead=True
        ) from None
    asset = AppriseAsset(app_id="liqalert", app_desc="liqalert", async_mode=False, secure_logging=True)
    service = Apprise.instantiate(url, asset=asset)
    if service is None:
        raise DeliveryError(f"apprise: {name_of(url)} is no address that Apprise can use", permanent=True)
    if "overflow=" not in url:
        # Else a service with a shorter limit than Telegram's would refuse the whole message.
        service.overflow_mode = OverflowMode.SPLIT
    courier: Courier = Apprise([service], asset=asset)
    return courier


def listen_alone() -> None:
    """Takes the place of every other reader of Apprise's log."""
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    theirs = logging.getLogger("apprise")
    theirs.propagate = False
    theirs.handlers = [Statuses(logging.WARNING)]
    theirs.setLevel(logging.WARNING)


def heard() -> list[str]:
    """Fills with the HTTP statuses that Apprise warns of from now on, in this context and those copied from it."""
    statuses: list[str] = []
    _HEARD.set(statuses)
    return statuses


class Statuses(logging.Handler):
    """All that is kept of Apprise's log."""

    def emit(self, record: logging.LogRecord) -> None:
        found = re.search(r"\berror[=:] ?(\d{3})\b", record.getMessage())
        statuses = _HEARD.get(None)
        if found and statuses is not None:
            statuses.append(found[1])
