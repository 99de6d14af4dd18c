"""What stands at the edges of the chart, in whatever country, and what a finger there does."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest
from playwright.async_api import Browser, CDPSession

from liqalert.core.market import Mark
from tests.web.browser.reader import BROWSER_TEST, Reader, reading
from tests.web.browser.stage import Grids, address, loaded
from tests.web.rig import BTC, NOW, Rig, serving, snapshot

pytestmark = BROWSER_TEST
NOTE_WORDS = """() => {
  window.drawn = new Set();
  const { fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function (words, ...place) {
    drawn.add(words);
    fillText.call(this, words, ...place);
  };
}"""


async def words_on(reader: Reader, sign: str) -> set[str]:
    """What is drawn anew on the chart of words that hold `sign`."""
    found: set[str] = set()

    async def drawn() -> bool:
        found.update(word for word in await reader.page.evaluate("() => [...window.drawn]") if sign in word)
        return bool(found)

    await reader.page.evaluate(NOTE_WORDS)
    await reader.page.set_viewport_size({"width": 1180, "height": 820})
    await reader.until(drawn, f"nothing with {sign!r} was drawn")
    return found


@pytest.mark.parametrize(
    ("price", "begin"),
    [(0.00000123, "0.000001"), (0.0123, "0.012"), (64_123.0, "64,")],
    ids=["tiny", "small", "large"],
)
async def test_prices_at_the_edge_are_those_of_the_page(
    browser: Browser, rig: Rig, grids: Grids, price: float, begin: str
) -> None:
    grids.price = price
    rig.board.snapshot = snapshot(marks=[Mark(BTC, price, NOW, NOW)])
    async with serving(rig) as client, reading(browser, address(client.port)) as reader:
        await reader.until_shown("#hover", "Point at a cell")

        words = await words_on(reader, begin)

    assert len(words) > 3
    assert all(re.fullmatch(r"[0-9,]+(\.[0-9]+)?", word) for word in words)


async def test_the_newest_mark_stands_at_the_edge_before_its_candle_does(
    browser: Browser, rig: Rig, grids: Grids
) -> None:
    """A new column comes with the next heatmap, seconds later: meanwhile two prices stood on one page."""
    async with serving(rig) as client, reading(browser, address(client.port)) as reader:
        await loaded(reader)
        grids.slow.clear()
        later = NOW + 3600.0
        rig.clock.at = later

        rig.board.snapshot = replace(rig.board.snapshot, marks={BTC: Mark(BTC, 101.57, later, later)})

        await reader.until_shown("#state", "mark 101.57")
        assert await words_on(reader, "101.57")


async def test_days_and_hours_are_those_of_the_page_in_every_country(browser: Browser, rig: Rig) -> None:
    """In Persian the 14th of November is the 23rd, and would be written in other digits."""
    async with serving(rig) as client, reading(browser, address(client.port), locale="fa-IR") as reader:
        await loaded(reader)

        words = await words_on(reader, ":00")

    assert {"06:00", "12:00"} <= words


async def test_a_finger_on_the_chart_scrolls_the_page(browser: Browser, rig: Rig) -> None:
    """On a phone held sideways the chart fills the screen."""
    phone = {"width": 740, "height": 340, "is_mobile": True, "has_touch": True}
    async with serving(rig) as client, reading(browser, address(client.port), **phone) as reader:
        await loaded(reader)
        x, _ = await reader.place(0.4)
        finger = await reader.page.context.new_cdp_session(reader.page)

        async def scrolls() -> bool:
            # Again, where the browser was busy: it takes a finger for one that rests then.
            await _swipe(finger, x)
            return await _scrolled(reader)

        await reader.until(scrolls, "the page stayed where it was", within_s=30.0)


async def _swipe(finger: CDPSession, x: float) -> None:
    """Sent at once: while each waited for its answer, a busy browser took the finger for one that rests."""
    places = [[{"x": x, "y": y}] for y in range(300, 150, -10)]
    touches = [("touchStart", places[0]), *(("touchMove", place) for place in places[1:]), ("touchEnd", [])]
    await asyncio.gather(
        *(finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": place}) for kind, place in touches)
    )


async def _scrolled(reader: Reader) -> bool:
    return bool(await reader.page.evaluate("() => scrollY > 50"))
