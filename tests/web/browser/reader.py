"""Somebody in front of the page: a real browser, over the rig's server."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Page, async_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# Where CI runs, a browser is installed: its absence there is a failure, not a skip.
BROWSER_TEST = [
    pytest.mark.skipif(CHROMIUM is None and "CI" not in os.environ, reason="no Chromium is installed here"),
    pytest.mark.timeout(120),
]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Reader:
    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    async def text(self, selector: str) -> str:
        return await self.page.inner_text(selector)

    async def until(self, holds: Callable[[], Awaitable[bool]], what: str, *, within_s: float = 20.0) -> None:
        """Polls: a function given to the browser to wait for would be refused by the page's policy."""
        try:
            async with asyncio.timeout(within_s):
                while not await holds():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(f"{what}; the page says: {await self.text('body')}")

    async def until_shown(self, selector: str, words: str, *, within_s: float = 20.0) -> None:
        async def shown() -> bool:
            return words in await self.text(selector)

        await self.until(shown, f"{words!r} never came to {selector}", within_s=within_s)

    async def newest_cell(self) -> str:
        """What the page says of the newest column's cell beside the price, asked for with the keyboard."""
        await self.page.focus("#chart")
        await self.page.keyboard.press("End")
        return await self.text("#hover")

    async def choose(self, symbol: str) -> None:
        await self.page.fill("#symbol", symbol)
        await self.page.press("#symbol", "Enter")


@asynccontextmanager
async def reading(address: str, *, width: int = 1280, path: str = "/", **options: str) -> AsyncIterator[Reader]:
    """A page that is open at `address`."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            page = await browser.new_page(viewport={"width": width, "height": 860}, **options)  # type: ignore[arg-type]
            reader = Reader(page)
            await page.goto(address + path, wait_until="load")
            yield reader
        finally:
            await browser.close()
