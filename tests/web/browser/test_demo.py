"""The page over the demo: the simulated exchange, the daemon and its web server as processes."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, Error

from tests.daemon import free_port
from tests.web.browser.reader import BROWSER_TEST, Reader, reading

pytestmark = BROWSER_TEST


class Demo:
    """`liqalert demo` on one port, to be stopped and started again."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("LIQALERT_")}
        command = (sys.executable, "-m", "liqalert", "demo", "--port", str(self.port))
        nowhere = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(
            *command, cwd=self._directory, env=environ, stdout=nowhere, stderr=nowhere
        )

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@pytest_asyncio.fixture(loop_scope="session")
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    demo = Demo(tmp_path)
    await demo.start()
    yield demo
    await demo.stop()


async def until_it_knows_a_price(browser: Browser, address: str) -> None:
    """Before, every question of the page is answered by 404."""
    context = await browser.new_context()
    async with asyncio.timeout(90):
        while True:
            try:
                if (await context.request.get(f"{address}/api/v1/clusters/ETHUSDT")).ok:
                    break
            except Error:
                pass
            await asyncio.sleep(0.2)
    await context.close()


async def test_the_page_lives_with_the_market_and_says_when_it_does_not(browser: Browser, demo: Demo) -> None:
    await until_it_knows_a_price(browser, demo.address)
    async with reading(browser, demo.address, color_scheme="dark") as reader:
        page = reader.page
        # Candles, cells and a cluster.
        await reader.until_shown("#state", "live, mark ")
        await reader.until_shown("#high", "standing")
        await reader.until_shown("#clusters", "short")
        await reader.until_shown(".banner", "SIMULATED MARKET")
        await reader.until(lambda: shows_candles(reader), "no candles were painted")
        await reader.keep("day")

        # A liquidation arrives without a reload.
        await page.evaluate("() => { window.stayed = true; }")
        await until_another_liquidation(reader)
        assert await page.evaluate("() => window.stayed")

        # Another range, and the numbers of a cell.
        await page.select_option("#range", "1h")
        await reader.until(lambda: points_at_a_minute(reader), "no minute of the hour was pointed at")
        await reader.keep("hour")

        # Another instrument, by keyboard.
        await page.focus("#symbol")
        await page.keyboard.press("Control+A")
        await page.keyboard.type("ETHUSDT")
        await page.keyboard.press("Enter")
        assert "ETHUSDT" in await page.title()
        await reader.until_shown("#state", "live, mark 2,")
        assert "#ETHUSDT/1h" in page.url
        complaints = list(reader.complaints)

        # The server is lost, and comes back.
        await demo.stop()
        await reader.until_shown("#stale", "what you see is not live")
        assert await page.evaluate("() => document.body.classList.contains('stale')")
        await reader.keep("lost")
        await demo.start()
        # It starts for as long as a busy machine takes, and the page asks ever less often meanwhile.
        await reader.until_hidden("#stale", within_s=120.0)
        await reader.until_shown("#state", "live, mark ")
        assert await page.evaluate("() => window.stayed")

    assert complaints == []
    assert all(url.startswith(demo.address) for url in reader.requests)


async def shows_candles(reader: Reader) -> bool:
    """In the colours of the dark page. They come after the words, by a request of their own."""
    return await reader.pixels_of("#63e6be") + await reader.pixels_of("#e599f7") > 100


async def points_at_a_minute(reader: Reader) -> bool:
    """When the grid of the hour comes, the reader has to point anew."""
    for across in (0.3, 0.5):
        await reader.page.mouse.move(*await reader.place(across))
    found = re.search(r"(\d\d):(\d\d) UTC to (\d\d):(\d\d) UTC", await reader.text("#hover"))
    if found is None:
        return False
    hour, minute, next_hour, next_minute = map(int, found.groups())
    return (next_hour * 60 + next_minute - hour * 60 - minute) % 1440 == 1


async def until_another_liquidation(reader: Reader) -> None:
    before = await reader.text("#liquidations")

    async def more() -> bool:
        return await reader.text("#liquidations") != before

    await reader.until(more, "no further liquidation arrived")
