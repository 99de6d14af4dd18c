"""How python-telegram-bot reaches Telegram: over aiohttp, which is loaded anyway and takes a tenth of httpx's CPU."""

from __future__ import annotations

import aiohttp
from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest, RequestData

CONNECT_S = 5.0
WRITE_S = 10.0


class AiohttpRequest(BaseRequest):
    """One pool of connections. Its errors never hold an address: the token is part of it."""

    def __init__(self, read_timeout_s: float, connect_timeout_s: float = CONNECT_S) -> None:
        self._read_s = read_timeout_s
        self._connect_s = connect_timeout_s
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        return self._read_s

    async def initialize(self) -> None:
        if self._session is None:
            # A proxy that the environment names is used, as httpx does.
            headers = {"User-Agent": self.USER_AGENT}
            self._session = aiohttp.ClientSession(headers=headers, trust_env=True, cookie_jar=aiohttp.DummyCookieJar())

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
        if self._session is None:
            raise RuntimeError("this request is not initialized")
        read_s, connect_s = _seconds(read_timeout, self._read_s), _seconds(connect_timeout, self._connect_s)
        timeout = aiohttp.ClientTimeout(
            total=connect_s + _seconds(write_timeout, WRITE_S) + read_s, sock_connect=connect_s, sock_read=read_s
        )
        try:
            async with self._session.request(
                method, url, data=_form(request_data), timeout=timeout, allow_redirects=False
            ) as answer:
                return answer.status, await answer.read()
        except TimeoutError:
            raise TimedOut from None
        except (aiohttp.ClientError, OSError) as exc:
            # Not the error's own text: some hold the address.
            reason = (exc.strerror if isinstance(exc, OSError) else None) or type(exc).__name__
            raise NetworkError(f"no answer ({reason})") from None


def _seconds(asked: object, usual_s: float) -> float:
    """python-telegram-bot gives a number where its caller wants one, and else an object of its own, or None."""
    return float(asked) if isinstance(asked, int | float) else usual_s


def _form(content: RequestData | None) -> aiohttp.FormData | None:
    if content is None:
        return None
    form = aiohttp.FormData(content.json_parameters)
    if content.contains_files:
        for name, (filename, body, kind) in content.multipart_data.items():
            form.add_field(name, body, filename=filename, content_type=kind)
    return form
