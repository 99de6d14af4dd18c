"""Whoever reads it, and however: by ear, by keys, with weak eyes."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image
from playwright.async_api import Browser

from liqalert.core.market import FeedStatus
from tests.web.browser.reader import BROWSER_TEST, Reader, reading
from tests.web.browser.stage import address, loaded
from tests.web.rig import NOW, Rig, serving

pytestmark = BROWSER_TEST


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_words_can_be_read_also_when_they_are_old(browser: Browser, rig: Rig, scheme: str) -> None:
    """4.5 to 1 is what WCAG asks of words of this size."""
    async with serving(rig) as client, reading(browser, address(client.port), color_scheme=scheme) as reader:
        await loaded(reader)
        rig.board.feed_changed(FeedStatus("binance", alive=False, since=NOW, mark_at=NOW))
        await reader.until_shown("#stale", "What you see is old.")

        contrasts = [await contrast_of(reader, words) for words in ("#stale", "#asof", "th", "#clusters td", "#hover")]

    assert min(contrasts) >= 4.5


async def contrast_of(reader: Reader, selector: str) -> float:
    """As WCAG counts it, between the palest and the darkest pixel."""
    lights = [luminance(*colour) for colour in await colours_of(reader, selector)]
    return (max(lights) + 0.05) / (min(lights) + 0.05)


async def colours_of(reader: Reader, selector: str) -> set[tuple[int, ...]]:
    # Where it is, in one step: a row of the table may be drawn anew between two.
    place = await reader.page.evaluate(
        """selector => {
            const found = document.querySelector(selector);
            found.scrollIntoView({block: "center"});
            const {x, y, width, height} = found.getBoundingClientRect();
            return {x, y, width, height};
        }""",
        selector,
    )
    picture = Image.open(BytesIO(await reader.page.screenshot(clip=place))).convert("RGB")
    return {colour for _, colour in picture.getcolors(100_000) or () if isinstance(colour, tuple)}


def luminance(*colour: int) -> float:
    linear = [(each / 255 + 0.055) ** 2.4 / 1.055**2.4 if each > 10 else each / 255 / 12.92 for each in colour]
    return sum(share * each for share, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


async def test_all_that_a_key_reaches_has_a_name(browser: Browser, rig: Rig) -> None:
    async with serving(rig) as client, reading(browser, address(client.port)) as reader:
        await loaded(reader)
        ears = await reader.page.context.new_cdp_session(reader.page)

        nodes = (await ears.send("Accessibility.getFullAXTree"))["nodes"]

    reached = [each for each in nodes if not each["ignored"] and is_focusable(each)]
    assert len(reached) > 10
    assert [each["role"]["value"] for each in reached if not each["name"]["value"]] == []


def is_focusable(node: dict[str, list[dict[str, object]]]) -> bool:
    return any(each["name"] == "focusable" for each in node.get("properties", ()))


@pytest.mark.parametrize("symbol", ["1000000MOGUSDT", "BTCUSDT_261225"])
async def test_the_name_of_a_contract_is_seen_whole(browser: Browser, rig: Rig, symbol: str) -> None:
    async with serving(rig) as client, reading(browser, address(client.port), width=320, height=640) as reader:
        await loaded(reader)
        await reader.page.fill("#symbol", symbol)

        cut_off = await reader.page.evaluate("() => symbol.scrollWidth - symbol.clientWidth")
        page_width = await reader.page.evaluate("() => document.documentElement.scrollWidth")

    assert cut_off == 0
    assert page_width == 320


async def test_the_legend_has_its_colours_where_the_system_sets_all_others(browser: Browser, rig: Rig) -> None:
    """As with high contrast on Windows; pictures keep their colours there."""
    options = {"forced_colors": "active", "color_scheme": "dark"}
    async with serving(rig) as client, reading(browser, address(client.port), **options) as reader:
        await loaded(reader)

        shown = [await colours_of(reader, f"#legend .{key}") for key in ("longs", "shorts", "saturated")]

    assert (0x40, 0xC4, 0xFF) in shown[0]
    assert (0xFF, 0x8A, 0x5A) in shown[1]
    assert (0xE8, 0x59, 0x0C) in shown[2]
