"""Somebody in front of the page, in a real browser."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser")
"""The first of them is the engine without the windows around it, which took more than half of a test's computing."""
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
# Where CI runs, a browser is installed: its absence there is a failure, not a skip.
BROWSER_TEST = [
    pytest.mark.skipif(CHROMIUM is None and "CI" not in os.environ, reason="no Chromium is installed here"),
    pytest.mark.timeout(300),
    # One browser serves all tests of a process: it belongs to one loop.
    pytest.mark.asyncio(loop_scope="session"),
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
PICTURES = os.environ.get("LIQALERT_TEST_SCREENSHOTS")
"""A directory for screenshots, for whoever wants to look at them."""


@dataclass
class Reader:
    """Notes every complaint and every request of the browser."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    async def text(self, selector: str) -> str:
        return await self.page.inner_text(selector)

    async def until(self, holds: Callable[[], Awaitable[bool]], what: str, *, within_s: float = 60.0) -> None:
        """Polls: a function given to the browser to wait for would be refused by the page's policy."""
        try:
            async with asyncio.timeout(within_s):
                while not await holds():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(f"{what}; the page says: {await self.text('body')}")

    async def until_shown(self, selector: str, words: str) -> None:
        async def shown() -> bool:
            return words in await self.text(selector)

        await self.until(shown, f"{words!r} never came to {selector}")

    async def until_hidden(self, selector: str, *, within_s: float = 60.0) -> None:
        await self.until(self.page.locator(selector).is_hidden, f"{selector} never went", within_s=within_s)

    async def newest_cell(self) -> str:
        """What the page says of the newest column's cell beside the price, asked for with the keyboard."""
        await self.page.focus("#chart")
        await self.page.keyboard.press("End")
        return await self.text("#hover")

    async def choose(self, symbol: str) -> None:
        await self.page.fill("#symbol", symbol)
        await self.page.press("#symbol", "Enter")

    async def place(self, across: float, down: float = 0.5) -> tuple[float, float]:
        """A point of the chart, by its shares of width and height."""
        box = await self.page.locator("#chart").bounding_box()
        assert box is not None
        return box["x"] + box["width"] * across, box["y"] + box["height"] * down

    async def pixels_of(self, colour: str) -> int:
        """How many pixels of the chart's canvases have `colour`, like #e8590c, give or take little."""
        script = """(colour) => { const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
            let found = 0;
            for (const canvas of document.querySelectorAll('#chart canvas')) {
              if (!canvas.width || !canvas.height) continue;
              const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
              for (let i = 0; i < data.length; i += 4) {
                const away = Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b);
                found += away < 16 && data[i + 3] > 60;
              }
            } return found; }"""
        return int(await self.page.evaluate(script, colour))

    async def keep(self, name: str) -> None:
        if PICTURES:
            await self.page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def reading(
    browser: Browser, address: str, *, width: int = 1280, height: int = 860, path: str = "/", **options: Any
) -> AsyncIterator[Reader]:
    """A page that is open at `address`; nothing of an earlier one is left in the browser."""
    context = await browser.new_context(viewport={"width": width, "height": height}, **options)
    try:
        reader = Reader(await context.new_page())
        await reader.page.goto(address + path, wait_until="load")
        yield reader
    finally:
        await context.close()
