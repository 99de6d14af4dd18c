"""How python-telegram-bot reaches Telegram: over aiohttp, which is loaded anyway and takes a tenth of httpx's CPU."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import aiohttp
import msgspec
from aiohttp.helpers import get_env_proxy_for_url
from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest, RequestData
from yarl import URL

CONNECT_S = 5.0
WRITE_S = 10.0
JSON = {"Content-Type": "application/json"}

Proxy: TypeAlias = tuple[URL, aiohttp.BasicAuth | None] | tuple[None, None]


class AiohttpRequest(BaseRequest):
    """One pool of connections. Its errors never hold an address: the token is part of it."""

    def __init__(self, read_timeout_s: float, connect_timeout_s: float = CONNECT_S) -> None:
        self._read_s = read_timeout_s
        self._connect_s = connect_timeout_s
        self._session: aiohttp.ClientSession | None = None
        self._proxies: dict[str, Proxy] = {}
        """By the beginning of an address: scheme and host."""

    @property
    def read_timeout(self) -> float:
        return self._read_s

    async def initialize(self) -> None:
        self._opened()

    async def shutdown(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: object = BaseRequest.DEFAULT_NONE,
        write_timeout: object = BaseRequest.DEFAULT_NONE,
        connect_timeout: object = BaseRequest.DEFAULT_NONE,
        pool_timeout: object = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """The status and the body. Raises TimedOut, or NetworkError where no answer came."""
        # What an earlier run left due is sent before the bot has begun.
        session = self._opened()
        read_s, connect_s = _seconds(read_timeout, self._read_s), _seconds(connect_timeout, self._connect_s)
        proxy, proxy_auth = self._proxy(url)
        body, headers = _body(request_data)
        try:
            async with session.request(
                method,
                url,
                data=body,
                headers=headers,
                timeout=_timeout(connect_s, _seconds(write_timeout, WRITE_S), read_s),
                allow_redirects=False,
                proxy=proxy,
                proxy_auth=proxy_auth,
            ) as answer:
                return answer.status, await answer.read()
        except TimeoutError:
            raise TimedOut from None
        except (aiohttp.ClientError, OSError) as exc:
            # Not the error's own text: some hold the address.
            reason = (exc.strerror if isinstance(exc, OSError) else None) or type(exc).__name__
            raise NetworkError(f"no answer ({reason})") from None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            headers = {"User-Agent": self.USER_AGENT}
            self._session = aiohttp.ClientSession(headers=headers, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    def _proxy(self, url: str) -> Proxy:
        """The proxy that the environment names, as httpx uses it.

        Looked up once: with `trust_env`, aiohttp asks a thread for it at every request, and another one for a netrc.
        """
        scheme, _, rest = url.partition("://")
        start = f"{scheme}://{rest.partition('/')[0]}"
        if start not in self._proxies:
            try:
                self._proxies[start] = get_env_proxy_for_url(URL(start))
            except LookupError:
                self._proxies[start] = None, None
        return self._proxies[start]


def _seconds(asked: object, usual_s: float) -> float:
    """python-telegram-bot gives a number where its caller wants one, and else an object of its own, or None."""
    return float(asked) if isinstance(asked, int | float) else usual_s


@lru_cache(maxsize=16)
def _timeout(connect_s: float, write_s: float, read_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=connect_s + write_s + read_s, sock_connect=connect_s, sock_read=read_s)


def _body(content: RequestData | None) -> tuple[bytes | aiohttp.FormData | None, dict[str, str] | None]:
    """The content, and the headers that go with it."""
    if content is None:
        return None, None
    if not content.contains_files:
        return msgspec.json.encode(content.parameters), JSON
    form = aiohttp.FormData(content.json_parameters)
    for name, (filename, body, kind) in content.multipart_data.items():
        form.add_field(name, body, filename=filename, content_type=kind)
    return form, None
