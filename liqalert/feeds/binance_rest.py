"""The few REST calls to Binance that liqalert makes. Answers are raw bytes, so that a recording can keep them."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import aiohttp
from yarl import URL

from liqalert.feeds.outages import TRANSPORT_ERRORS, retry_after_s

MAX_ANSWER_BYTES = 32_000_000
"""Ten times the longest answer, the list of all instruments."""

UNTOLD_WAIT_S = {429: 60.0, 418: 120.0}
"""How long to leave alone who says that it was too much and not for how long. Who asks on is banned ever longer."""

_REMEDIES = {
    403: "Binance's firewall turns this address away: wait, or use another network address",
    418: "this address is banned for a while for asking too often: wait",
    429: "too many requests from this address: wait",
    451: "Binance does not serve this country: run liqalert where it does",
}


class RestError(Exception):
    """A REST call brought no answer. The text names path, status and remedy.

    `status` is None when there was no answer at all; `retry_after_s` is what Binance said to wait, else 0.
    """

    def __init__(self, path: str, *, status: int | None, remedy: str, retry_after_s: float = 0.0) -> None:
        answer = "no answer" if status is None else f"HTTP {status}"
        super().__init__(f"{path}: {answer}: {remedy}")
        self.path = path
        self.status = status
        self.retry_after_s = retry_after_s


class BinanceRest:
    """Binance's REST interfaces of USD-M and COIN-M futures. Every call raises RestError.

    After a 429 or 418 nobody asks there again before it has been left alone as long as it said. USD-M and COIN-M count
    requests together since 2026-06-30 (COIN-M and USD-M integration): one refusal holds for both.
    """

    def __init__(
        self, session: aiohttp.ClientSession, *, rest_url: str, coin_rest_url: str, timeout_s: float = 5.0
    ) -> None:
        self._session = session
        self._rest_url = rest_url.rstrip("/")
        self._coin_rest_url = coin_rest_url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._closed: dict[str, tuple[float, int]] = {}
        """By domain: until when, in the loop's time, nothing is asked there, and the status that said so."""

    async def exchange_info(self) -> bytes:
        """All USD-M instruments; about 1 MB."""
        return await self._get(self._rest_url, "/fapi/v1/exchangeInfo")

    async def coin_exchange_info(self) -> bytes:
        """All COIN-M instruments with their contract sizes."""
        return await self._get(self._coin_rest_url, "/dapi/v1/exchangeInfo")

    async def open_interest(self, symbol: str) -> bytes:
        """Open interest of a USD-M symbol, in base units."""
        return await self._get(self._rest_url, f"/fapi/v1/openInterest?symbol={quote(symbol, safe='')}")

    async def mark_price(self, symbol: str) -> bytes:
        """Mark price of a USD-M symbol."""
        return await self._get(self._rest_url, f"/fapi/v1/premiumIndex?symbol={quote(symbol, safe='')}")

    async def coin_open_interest(self, symbol: str) -> bytes:
        """Open interest of a COIN-M symbol, in contracts."""
        return await self._get(self._coin_rest_url, f"/dapi/v1/openInterest?symbol={quote(symbol, safe='')}")

    async def klines(self, symbol: str, *, start_ms: int, limit: int) -> bytes:
        """Candles of one minute of a USD-M symbol, the first `limit` (at most 1,500) from `start_ms` on."""
        return await self._get(self._rest_url, f"/fapi/v1/klines?{_klines_query(symbol, start_ms, limit)}")

    async def coin_klines(self, symbol: str, *, start_ms: int, limit: int) -> bytes:
        """The same of a COIN-M symbol."""
        return await self._get(self._coin_rest_url, f"/dapi/v1/klines?{_klines_query(symbol, start_ms, limit)}")

    async def _get(self, base: str, path: str) -> bytes:
        self._heed_closure(base, path)
        # encoded=True: the symbol is percent-encoded already, and must not be a second time.
        url = URL(base + path, encoded=True)
        try:
            async with self._session.get(url, timeout=self._timeout, allow_redirects=False) as response:
                if response.status != 200:
                    refusal = _refusal(path, response)
                    self._close(base, refusal)
                    raise refusal
                return await _body(path, response)
        except TRANSPORT_ERRORS as exc:
            # Without what may stand before the host: a name and a password.
            remedy = f"check the network and {URL(base).origin()} ({type(exc).__name__})"
            raise RestError(path, status=None, remedy=remedy) from exc

    def _close(self, base: str, refusal: RestError) -> None:
        if refusal.status in UNTOLD_WAIT_S:
            until = asyncio.get_running_loop().time() + refusal.retry_after_s
            self._closed[domain_of(base)] = (until, refusal.status)

    def _heed_closure(self, base: str, path: str) -> None:
        until, status = self._closed.get(domain_of(base), (0.0, 0))
        left_s = until - asyncio.get_running_loop().time()
        if left_s > 0.0:
            raise RestError(path, status=status, remedy=_REMEDIES[status], retry_after_s=left_s)


def domain_of(base: str) -> str:
    """`binance.com` for both of Binance's; an address in numbers, as of a stand-in on this machine, for itself."""
    host = URL(base).host or base
    return host if host.replace(".", "").isdigit() or ":" in host else ".".join(host.split(".")[-2:])


def _klines_query(symbol: str, start_ms: int, limit: int) -> str:
    return f"symbol={quote(symbol, safe='')}&interval=1m&startTime={start_ms}&limit={limit}"


def _refusal(path: str, response: aiohttp.ClientResponse) -> RestError:
    remedy = _REMEDIES.get(response.status, "try again later")
    wait_s = retry_after_s(response.headers.get("Retry-After")) or UNTOLD_WAIT_S.get(response.status, 0.0)
    return RestError(path, status=response.status, remedy=remedy, retry_after_s=wait_s)


async def _body(path: str, response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise RestError(path, status=response.status, remedy=f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
    return bytes(body)
