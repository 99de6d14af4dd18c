"""What is shown is current, or the page says that it is not: whatever becomes of its questions and of the clocks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.async_api import Browser, Route

from liqalert.core.market import FeedStatus, Mark
from liqalert.web.access import Access
from tests.web.browser.reader import BROWSER_TEST, Reader, reading
from tests.web.browser.stage import Grids, address, liquidation, loaded, over_wire, until_cell
from tests.web.rig import BTC, NOW, Rig, serving

pytestmark = BROWSER_TEST

PASSES = """(() => { window.passed_ms = 0; const read = performance.now.bind(performance);
    performance.now = () => read() + window.passed_ms; })();"""


async def test_a_heatmap_that_was_on_its_way_when_the_network_changed_is_asked_for_again(
    browser: Browser, rig: Rig, grids: Grids
) -> None:
    async with over_wire(browser, rig) as (wire, reader):
        grids.slow.clear()
        rig.events.take([liquidation(NOW + 1.0, price=150.0)])
        await reader.until(lambda: _is(len(grids.asked) == 2), "no other heatmap was asked for")

        wire.hush()
        # A grid of another moment is another answer.
        grids.as_of = NOW + 1.0
        grids.held = [liquidation(NOW - 5.0)]
        grids.slow.set()

        await until_cell(reader, "longs 4.99k USD")


async def test_a_question_of_whose_answer_nothing_comes_is_given_up_and_put_again(browser: Browser, rig: Rig) -> None:
    held: list[Route] = []

    async def hold_first(route: Route) -> None:
        if held:
            await route.continue_()
        held.append(route)

    async with serving(rig) as client, reading(browser, address(client.port), path="/healthz") as reader:
        await reader.page.route("**/api/v1/heatmap/**", hold_first)
        await reader.page.goto(address(client.port), wait_until="load")

        await reader.until_shown("#stale", "No answer for 20 s")
        await loaded(reader)
        await reader.until_hidden("#stale")

    assert len(held) == 2


@pytest.mark.parametrize(
    ("frozen", "limit_s", "said"),
    [
        ("grid", 90, "The heatmap is as of 22:13:20 UTC: what you see is not current."),
        ("clusters", 30, "The clusters are as of 22:13:20 UTC: what you see is not current."),
    ],
)
async def test_what_stays_behind_the_servers_clock_is_said(
    browser: Browser, rig: Rig, grids: Grids, frozen: str, limit_s: int, said: str
) -> None:
    async with serving(rig) as client, reading(browser, address(client.port)) as reader:
        await reader.page.add_init_script(PASSES)
        await reader.page.reload(wait_until="load")
        await loaded(reader)
        # Of what comes less than half a second after another, the page remembers no time: one of the two it does.
        for second in (1, 2):
            await _pass(reader, 1)
            rig.clock.at = NOW + second
            await reader.until_shown("#state", f"data {second} s old")

        later = NOW + limit_s + 10.0
        rig.clock.at = later
        rig.board.snapshot = replace(rig.board.snapshot, marks={BTC: Mark(BTC, 100.0, later, later)})
        rig.board.feed_changed(FeedStatus("binance", alive=True, since=NOW, mark_at=later))
        if frozen == "grid":
            rig.board.snapshot = replace(rig.board.snapshot, as_of=later)
        else:
            grids.as_of = later
        await _pass(reader, limit_s + 1)

        await reader.until_shown("#stale", said)
        assert "not current, mark 100" in await reader.text("#state")


async def test_a_clock_of_the_browser_that_is_set_back_stops_nothing(browser: Browser, rig: Rig) -> None:
    async with serving(rig) as client, reading(browser, address(client.port)) as reader:
        await loaded(reader)

        await reader.page.evaluate("() => { const now = Date.now.bind(Date); Date.now = () => now() - 3600e3; }")
        rig.board.snapshot = replace(rig.board.snapshot, as_of=NOW + 1.0)

        await reader.until_shown("#asof", "as of 22:13:21 UTC")


@pytest.mark.parametrize(
    ("watched_s", "decay_s", "said"),
    [
        (1800.0, 3600.0, "as of 22:13:20 UTC, watching since 21:43 UTC"),
        (86_400.0, 90_000.0, "as of 22:13:20 UTC, watching since 11-13 22:13 UTC"),
        (259_200.0, 3600.0, "as of 22:13:20 UTC"),
    ],
)
async def test_since_when_is_watched_is_said_with_its_day_while_it_matters(
    browser: Browser, rig: Rig, grids: Grids, watched_s: float, decay_s: float, said: str
) -> None:
    grids.decay_s = decay_s
    rig.board.snapshot = replace(rig.board.snapshot, watching_since=NOW - watched_s)
    async with serving(rig) as client, reading(browser, address(client.port)) as reader:
        await loaded(reader)
        # The heatmap's answer, which knows the decay, has come too.
        await reader.until_shown("#low", "nothing stands")

        assert await reader.text("#asof") == said


async def test_each_is_asked_for_once_at_a_time_however_long_its_answer_takes(browser: Browser, rig: Rig) -> None:
    asked: list[str] = []

    async def hold(route: Route) -> None:
        asked.append(route.request.url.partition("/api/v1/")[2])

    async with serving(rig) as client, reading(browser, address(client.port), path="/healthz") as reader:
        await reader.page.add_init_script(PASSES)
        for kind in ("heatmap/**", "clusters", "clusters/**", "alerts?**"):
            await reader.page.route(f"**/api/v1/{kind}", hold)
        await reader.page.goto(address(client.port), wait_until="load")

        # So many words of the server, each of them an occasion to ask.
        for second in (1, 2, 3):
            await _pass(reader, 60)
            rig.clock.at = NOW + second
            await reader.until_shown("#state", f"data {second} s old")

    kinds = [each.partition("?")[0] for each in asked]
    assert sorted(kinds) == ["alerts", "clusters", "clusters/BTCUSDT", "heatmap/BTCUSDT"]


async def test_windows_that_take_each_others_connections_say_so(browser: Browser, rig: Rig) -> None:
    async with serving(rig) as client, reading(browser, address(client.port)) as reader:
        readers = [reader]
        for _ in range(5):
            await loaded(readers[-1])
            readers.append(Reader(await reader.page.context.new_page()))
            await readers[-1].page.goto(address(client.port), wait_until="commit")

        for each in readers:
            await each.until_shown("#stale", "too many windows of this page are open")


async def test_a_page_that_wakes_with_its_machine_does_not_call_old_things_live(
    browser: Browser, rig: Rig, grids: Grids
) -> None:
    """Of the two clocks of a browser one stands still while the machine sleeps."""
    async with over_wire(browser, rig) as (wire, reader):
        wire.cut()
        asked = len(grids.asked)

        await reader.page.evaluate("() => { const read = Date.now; Date.now = () => read() + 3600e3; }")
        await reader.until_shown("#stale", "No word from liqalert since 22:13:20 UTC")
        state = await reader.text("#state")
        wire.mend()

        await reader.until_hidden("#stale")
        await reader.until(lambda: _is(len(grids.asked) > asked), "no heatmap was asked for")
    assert "data 60 min old" in state


async def test_a_page_whose_cookie_has_run_out_says_what_opens_it_again(browser: Browser, rig: Rig) -> None:
    async with (
        serving(rig, Access("127.0.0.1", "t-1")) as client,
        reading(browser, address(client.port), path="/?token=t-1") as reader,
    ):
        await loaded(reader)

        await reader.page.context.clear_cookies()
        await reader.choose("ETHUSDT")

        await reader.until_shown("#stale", "open the link with ?token= once more. What you see is not live.")
        assert "?token=" in await reader.text("#hover")
        assert "Authorization" not in await reader.text("body")


async def _pass(reader: Reader, seconds: int) -> None:
    """Time of the browser, without its waiting for it."""
    await reader.page.evaluate("(ms) => { window.passed_ms += ms; }", seconds * 1000)


async def _is(fact: bool) -> bool:
    return fact
