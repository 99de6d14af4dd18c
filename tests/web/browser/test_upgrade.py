"""A tab that stays open while liqalert is upgraded: it loads the new page, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Route

from tests.web.browser.reader import BROWSER_TEST, Reader, reading
from tests.web.browser.stage import address, loaded
from tests.web.browser.wire import Wire, wire_to
from tests.web.rig import Rig, serving

pytestmark = BROWSER_TEST

WITHOUT_MEMORY = "Object.defineProperty(window, 'sessionStorage', { get: () => { throw new Error('denied'); } });"
OLD = "this page is of another version than the liqalert that answers"


@asynccontextmanager
async def open_tab(browser: Browser, rig: Rig) -> AsyncIterator[tuple[Wire, Reader, int]]:
    """What connects a page that has loaded, the page, and the port of a server that has another one, with a banner."""
    async with serving(rig) as before, wire_to(before.port) as wire:
        rig.board.banner = "Another page"
        async with (
            serving(rig) as after,
            reading(browser, address(wire.port), path="/#BTCUSDT/4h/long/0.35") as reader,
        ):
            await loaded(reader)
            reader.requests.clear()
            yield wire, reader, after.port


async def restart(wire: Wire, reader: Reader, port: int) -> None:
    """Whoever listens at `port` answers from now on, and has been listened to."""
    before = _asked(reader, "/api/v1/events")
    wire.upstream = port
    wire.cut()
    wire.mend()
    await reader.until(lambda: _is(_asked(reader, "/api/v1/events") > before), "the page did not come back")
    await loaded(reader)


async def test_a_tab_loads_the_new_page_once_and_shows_what_it_showed(browser: Browser, rig: Rig) -> None:
    async with open_tab(browser, rig) as (wire, reader, after):
        await restart(wire, reader, after)
        await reader.until_shown(".banner", "Another page")
        await restart(wire, reader, after)

        assert _asked(reader, "/static/app.js") == 1
        assert reader.page.url.endswith("/#BTCUSDT/4h/long/0.35")
        assert await reader.page.input_value("#range") == "4h"
        assert await reader.page.locator("#stale").is_hidden()


async def test_a_restart_of_the_same_version_loads_nothing(browser: Browser, rig: Rig) -> None:
    async with open_tab(browser, rig) as (wire, reader, _):
        for _ in range(2):
            await restart(wire, reader, wire.upstream)

        assert _asked(reader, "/static/app.js") == 0


async def test_an_old_page_that_comes_again_is_not_loaded_for_ever(browser: Browser, rig: Rig) -> None:
    """As out of a cache between the browser and liqalert."""
    async with open_tab(browser, rig) as (wire, reader, after):
        old = await (await reader.page.context.request.get(address(wire.port))).text()

        async def answer_old(route: Route) -> None:
            await route.fulfill(body=old, content_type="text/html")

        await reader.page.route(f"{address(wire.port)}/", answer_old)
        await restart(wire, reader, after)
        await reader.until_shown("#stale", OLD)
        await restart(wire, reader, after)

        assert _asked(reader, "/static/app.js") == 1
        assert "live, mark 100" in await reader.text("#state")


async def test_a_page_that_can_remember_nothing_does_not_load_itself(browser: Browser, rig: Rig) -> None:
    async with open_tab(browser, rig) as (wire, reader, after):
        await reader.page.evaluate(WITHOUT_MEMORY)
        await restart(wire, reader, after)

        await reader.until_shown("#stale", OLD)
        assert _asked(reader, "/static/app.js") == 0


def _asked(reader: Reader, path: str) -> int:
    return sum(path in url for url in reader.requests)


async def _is(fact: bool) -> bool:
    return fact
