"""A Bot API stand-in on a real loopback port: it checks requests, keeps a transcript, and fails on demand."""

from __future__ import annotations

import asyncio
import itertools
import math
import re
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from liqalert.clock import SystemClock
from tests import telegram_wire as wire
from tests.telegram_rules import CAPTION_LIMIT, METHODS, TEXT_LIMIT, Refused, checked, plain_text
from tests.telegram_wire import ApiError, Call, Fault

__all__ = ["TOKEN", "Call", "Fault", "TelegramServer", "telegram_server"]

TOKEN = "123456:AAE-not_a_real_token"


class TelegramServer:
    """`async with telegram_server() as server:`; configure a bot with `server.token` and `server.api_url`."""

    def __init__(self, token: str = TOKEN) -> None:
        self.token = token
        self.port = 0
        self.calls: list[Call] = []
        """Every request with the right token, in order of arrival, refused ones included."""
        self.refused: list[tuple[str, str]] = []
        """Requests that broke a rule: method and reason. Empty unless a test provokes it."""
        self.messages: dict[tuple[int, int], dict[str, Any]] = {}
        """What has been sent and not been refused, by chat id and message id."""
        self.blocked: set[int] = set()
        self.unknown: set[int] = set()
        self.limited: dict[int, float] = {}
        """Chats that are refused with 429 until then (time.monotonic)."""
        self.migrated: dict[int, int] = {}
        """Old group id to the supergroup's."""
        self.commands: list[dict[str, str]] = []
        self._faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._updates: list[dict[str, Any]] = []
        self._update_ids = itertools.count(1000)
        self._message_ids = itertools.count(1)
        self._open_taps: set[str] = set()
        self._pollers = 0
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    @property
    def api_url(self) -> str:
        """What stands in settings as `telegram.api_url`."""
        return f"http://127.0.0.1:{self.port}"

    # ---------------------------------------------------------------- life

    async def start(self, port: int = 0) -> None:
        """Listens; give the port of an earlier life to come back after `stop`."""
        app = web.Application(client_max_size=60 * 1024 * 1024)
        app.router.add_route("*", "/bot{token}/{method}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    # ---------------------------------------------------------------- what a test says and asks

    def fail(self, method: str, *faults: Fault) -> None:
        """The next requests of `method` meet these faults, one each."""
        self._faults[method].extend(faults)

    async def push_text(
        self,
        chat_id: int,
        text: str,
        *,
        user_id: int | None = None,
        thread_id: int | None = None,
        at: float | None = None,
    ) -> None:
        """A user writes `text`, in a topic where `thread_id` is given; negative chat ids are groups. `at`: earlier."""
        user = _user(user_id if user_id is not None else abs(chat_id))
        message = {**self._message(chat_id, text), "from": user}
        if at is not None:
            message["date"] = int(at)
        if thread_id is not None:
            message.update(message_thread_id=thread_id, is_topic_message=True)
        if text.startswith("/"):
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text.split()[0])}]
        await self._push({"message": message})

    async def push_tap(self, chat_id: int, message_id: int, data: str, *, user_id: int | None = None) -> None:
        """A user presses the button `data` under a message that the bot sent."""
        tap_id = str(10**6 + next(self._message_ids))
        self._open_taps.add(tap_id)
        user = _user(user_id if user_id is not None else abs(chat_id))
        message = self.messages[chat_id, message_id]
        await self._push(
            {"callback_query": {"id": tap_id, "from": user, "chat_instance": "1", "message": message, "data": data}}
        )

    def calls_of(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    def texts(self, chat_id: int) -> list[str]:
        """What a chat has been sent, as its user reads it, oldest first."""
        return [message["text"] for (chat, _), message in self.messages.items() if chat == chat_id]

    async def wait_for(self, method: str, n: int = 1, *, timeout: float = 60.0) -> list[Call]:
        """The calls of `method` as soon as there are `n`; TimeoutError names what came instead."""
        try:
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(lambda: len(self.calls_of(method)) >= n)
        except TimeoutError:
            came = [call.method for call in self.calls]
            raise TimeoutError(f"{method} came {len(self.calls_of(method))} of {n} times; calls: {came}") from None
        return self.calls_of(method)

    async def wait_for_texts(self, chat_id: int, n: int = 1, *, timeout: float = 60.0) -> list[str]:
        """What `chat_id` has been sent as soon as it has `n` messages."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(lambda: len(self.texts(chat_id)) >= n)
        return self.texts(chat_id)

    # ---------------------------------------------------------------- the server

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        token, method = request.match_info["token"], request.match_info["method"]
        if not re.fullmatch(r"\d+:[\w-]{3,}", token):
            return wire.refusal(404, "Not Found")
        if token != self.token:
            return wire.refusal(401, "Unauthorized")
        raw, files = await wire.read(request)
        self.calls.append(Call(method, raw, files, time.monotonic()))
        await self._notify()
        fault = self._faults[method].popleft() if self._faults[method] else None
        if fault is not None and fault.kind not in ("hang", "drop_after"):
            return await wire.fail(fault, request)
        answer = await self._answer(method, raw, files)
        if fault is not None and fault.kind == "drop_after":
            return await wire.fail(Fault.drop(), request)
        await asyncio.sleep(fault.seconds if fault else 0.0)
        return answer

    async def _answer(self, method: str, raw: Mapping[str, Any], files: Mapping[str, bytes]) -> web.Response:
        if method not in METHODS or not hasattr(self, f"_{method}"):
            return wire.refusal(404, "Not Found: method not found")
        try:
            params = checked(method, raw, files)
            result = await getattr(self, f"_{method}")(params)
        except Refused as refusal:
            self.refused.append((method, str(refusal)))
            return wire.refusal(400, f"Bad Request: {refusal}")
        except ApiError as error:
            return wire.refusal(error.status, error.description, **error.parameters)
        await self._notify()
        return wire.answer({"ok": True, "result": result})

    async def _getMe(self, params: Mapping[str, Any]) -> object:
        return self._bot()

    async def _setMyCommands(self, params: Mapping[str, Any]) -> object:
        self.commands = params["commands"]
        return True

    async def _getMyCommands(self, params: Mapping[str, Any]) -> object:
        return self.commands

    async def _deleteMyCommands(self, params: Mapping[str, Any]) -> object:
        self.commands = []
        return True

    async def _deleteWebhook(self, params: Mapping[str, Any]) -> object:
        if params.get("drop_pending_updates"):
            self._updates.clear()
        return True

    async def _getUpdates(self, params: Mapping[str, Any]) -> object:
        """Long poll. An offset acknowledges what came before it; the newest poller ends the one before."""
        self._pollers += 1
        mine, offset = self._pollers, params.get("offset", 0)
        self._updates = [update for update in self._updates if update["update_id"] >= offset]
        await self._notify()
        try:
            async with asyncio.timeout(params.get("timeout", 0)), self._changed:
                await self._changed.wait_for(lambda: self._updates or self._pollers != mine)
        except TimeoutError:
            pass
        if self._pollers != mine:
            raise ApiError(
                409,
                "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
            )
        return self._updates[: params.get("limit", 100)]

    async def _sendMessage(self, params: Mapping[str, Any]) -> object:
        text = plain_text(params, "text", TEXT_LIMIT)
        if not text.strip():
            raise Refused("message text is empty")
        return self._keep(params, {"text": text})

    async def _sendPhoto(self, params: Mapping[str, Any]) -> object:
        photo = {"file_id": "photo", "file_unique_id": "photo", "width": 800, "height": 600}
        return self._keep(params, {"photo": [photo], "text": plain_text(params, "caption", CAPTION_LIMIT)})

    async def _sendChatAction(self, params: Mapping[str, Any]) -> object:
        return True

    async def _editMessageText(self, params: Mapping[str, Any]) -> object:
        message = self.messages.get((int(params["chat_id"]), params["message_id"]))
        text, markup = plain_text(params, "text", TEXT_LIMIT), params.get("reply_markup")
        if message is None:
            raise Refused("message to edit not found")
        if (message["text"], message.get("reply_markup")) == (text, markup):
            raise Refused("message is not modified: specified new message content and reply markup are the same")
        message.update(text=text, edit_date=int(SystemClock().now()))
        message.pop("reply_markup", None)
        message.update({"reply_markup": markup} if markup else {})
        return message

    async def _answerCallbackQuery(self, params: Mapping[str, Any]) -> object:
        if params["callback_query_id"] not in self._open_taps:
            raise Refused("query is too old and response timeout expired or query ID is invalid")
        self._open_taps.discard(params["callback_query_id"])
        return True

    def _keep(self, params: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
        chat_id = int(params["chat_id"])
        if chat_id in self.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        if chat_id in self.unknown:
            raise ApiError(400, "Bad Request: chat not found")
        if (wait_s := self.limited.get(chat_id, 0.0) - time.monotonic()) > 0.0:
            seconds = math.ceil(wait_s)
            raise ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
        if chat_id in self.migrated:
            raise ApiError(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=self.migrated[chat_id],
            )
        message = {**self._message(chat_id), "from": self._bot(), **content}
        message.update({"reply_markup": params["reply_markup"]} if "reply_markup" in params else {})
        if "message_thread_id" in params:
            message.update(message_thread_id=params["message_thread_id"], is_topic_message=True)
        self.messages[chat_id, message["message_id"]] = message
        return message

    def _message(self, chat_id: int, text: str = "") -> dict[str, Any]:
        named = {"type": "private", "first_name": "User"} if chat_id > 0 else {"type": "supergroup", "title": "Group"}
        return {
            "message_id": next(self._message_ids),
            "date": int(SystemClock().now()),
            "chat": {"id": chat_id, **named},
            "text": text,
        }

    def _bot(self) -> dict[str, Any]:
        return {"id": 123456, "is_bot": True, "first_name": "Stand-in", "username": "standin_bot"}

    async def _push(self, update: Mapping[str, Any]) -> None:
        self._updates.append({"update_id": next(self._update_ids), **update})
        await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


@asynccontextmanager
async def telegram_server(token: str = TOKEN) -> AsyncIterator[TelegramServer]:
    server = TelegramServer(token)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def _user(user_id: int) -> dict[str, Any]:
    return {"id": user_id, "is_bot": False, "first_name": "User"}
