"""Alerts as JSON to an address of the user's own, signed so that it can tell them from a stranger's."""

from __future__ import annotations

import asyncio
import hashlib
import hmac

import aiohttp
import msgspec

from liqalert.clock import Clock
from liqalert.core.outcomes import Told
from liqalert.ports import DeliveryError, Message

TIMEOUT_S = 15.0

RETRIED = frozenset({408, 409, 421, 423, 425, 429})
"""Besides every 1xx, 3xx and 5xx: refusals that may pass."""
WHOEVER_ASKS = frozenset({401, 402, 403, 404, 405, 407})
"""Refusals that do not look at the message: of a wrong key or address, and of a proxy whose service is just restarting.
Every other 4xx is permanent."""
GONE = 410


class WebhookNotifier:
    """POSTs to `url`. `secret` signs: `X-Liqalert-Signature: sha256=HMAC(secret, timestamp + "." + body)`."""

    def __init__(self, session: aiohttp.ClientSession, url: str, *, secret: str | None, clock: Clock) -> None:
        self._session = session
        self._url = url
        self._secret = secret
        self._clock = clock

    async def send(self, address: str, message: Message) -> str:
        """The idempotency key, which is the same for the same message however often it is tried."""
        return await self._post(message)

    async def amend(self, address: str, message_id: str, whole: Message | None, news: Message) -> str:
        """A POST of its own, event `outcome` (or `list` for a digest that has grown)."""
        await self._post(whole or news)
        return message_id

    async def _post(self, message: Message) -> str:
        body = msgspec.json.encode(content_of(message))
        key = idempotency_key(message)
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._session.post(
                    self._url, data=body, headers=self._headers(body, key), allow_redirects=False
                ) as response,
            ):
                # What it answers is not read: it may be endless, and it may repeat what we sent.
                error = error_of(response.status, response.headers.get("Retry-After"))
        except TimeoutError:
            raise DeliveryError(f"webhook: no answer within {TIMEOUT_S:.0f} s: whether it arrived is unknown") from None
        except (aiohttp.ClientError, OSError) as exc:
            # Not chained, and only the kind: aiohttp's texts may hold the address, which may hold a secret.
            raise DeliveryError(f"webhook cannot be reached ({type(exc).__name__})") from None
        if error is not None:
            raise error
        return key

    def _headers(self, body: bytes, key: str) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        if self._secret is not None:
            timestamp = f"{self._clock.now():.0f}"
            signed = hmac.new(self._secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
            headers["X-Liqalert-Timestamp"] = timestamp
            headers["X-Liqalert-Signature"] = f"sha256={signed.hexdigest()}"
        return headers


def error_of(status: int, retry_after: str | None) -> DeliveryError | None:
    """What an HTTP status means for the delivery; None for every 2xx."""
    if 200 <= status <= 299:
        return None
    text = f"webhook answers HTTP {status}"
    if 300 <= status <= 399:
        text = f"{text}, which is not followed: give the address that it leads to"
    if status == GONE:
        return DeliveryError(f"{text}: it says that it is gone for good", permanent=True, address_dead=True)
    if status in WHOEVER_ASKS:
        return DeliveryError(f"{text}: check webhook.url, and what stands before it", channel_dead=True)
    if 400 <= status <= 499 and status not in RETRIED:
        return DeliveryError(text, permanent=True)
    waits = retry_after is not None and retry_after.isascii() and retry_after.isdecimal()
    return DeliveryError(text, retry_after_s=min(float(retry_after), 3600.0) if waits and retry_after else None)


def content_of(message: Message) -> dict[str, object]:
    """Times are seconds since 1970 UTC, prices quote per base, USD in US dollars."""
    return {
        "version": 1,
        "id": idempotency_key(message),
        "event": message.event,
        "text": message.plain,
        "alerts": [_alert(told) for told in message.told],
    }


def idempotency_key(message: Message) -> str:
    """From what is told: the same alerts in the same state give the same key, whatever the words say of their age."""
    states = [f"{told.alert.id}:{told.episode.state if told.episode else ''}" for told in message.told]
    said = "|".join([message.event, *states, str(message.part or "")])
    return hashlib.sha256(said.encode(errors="replace")).hexdigest()[:32]


def _alert(told: Told) -> dict[str, object]:
    alert, episode = told.alert, told.episode
    return {
        "id": alert.id,
        "kind": alert.kind,
        "reason": alert.reason,
        "decided_at": alert.decided_at,
        "exchange": alert.instrument.exchange if alert.instrument else None,
        "symbol": alert.instrument.symbol if alert.instrument else None,
        "liquidated": alert.liquidated,
        "rule": alert.rule,
        "zone": alert.zone,
        "evidence": alert.evidence,
        "flow": alert.flow,
        "liquidation": alert.liquidation,
        "text": alert.text,
        "episode": None if episode is None else {"state": episode.state, "outcome": episode.outcome},
    }
