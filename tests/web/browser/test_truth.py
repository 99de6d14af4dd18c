"""What the page shows is so: while loads, events and choices overtake each other, and when the server falls silent."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser

from liqalert.core.episodes import EpisodeState
from liqalert.core.market import FeedStatus, Mark
from liqalert.ports import AlertRow, StorageError
from liqalert.web import events as events_under_test
from tests.changing import replace
from tests.web.browser.reader import BROWSER_TEST, Reader, reading
from tests.web.browser.stage import Grids, address, liquidation, loaded, near, until_cell
from tests.web.rig import BTC, ETH, NOW, Rig, cluster, serving, snapshot, zone

pytestmark = BROWSER_TEST

ROW_OF_ETH = "1,999.5 to 2,000.99: nothing stands"
MINUTE_OPENS = 1_699_999_980.0
"""The last column of an hour that is asked for at NOW, 20 s into it."""


async def test_a_liquidation_is_added_to_its_cell_without_asking_again(
    browser: Browser, rig: Rig, grids: Grids
) -> None:
    grids.held = [liquidation(NOW - 5.0)]
    async with serving(rig) as client, reading(browser, address(client.port), path="/#BTCUSDT/1h") as reader:
        await loaded(reader)
        assert "longs 4.99k USD, shorts 0 USD, 1 liquidation" in await reader.newest_cell()

        rig.events.take([liquidation(NOW + 1.0, usd=2000.0)])
        await until_cell(reader, "longs 6.99k USD, shorts 0 USD, 2 liquidations")

    assert len(grids.asked) == 1
    assert reader.complaints == []


async def test_a_liquidation_that_the_grid_holds_already_is_not_counted_again(
    browser: Browser, rig: Rig, grids: Grids
) -> None:
    grids.held = [liquidation(NOW - 5.0)]
    async with serving(rig) as client, reading(browser, address(client.port), path="/#BTCUSDT/1h") as reader:
        await loaded(reader)

        rig.events.take([liquidation(NOW - 5.0)])
        await reader.until_shown("#liquidations", "5.00k")

        assert "longs 4.99k USD, shorts 0 USD, 1 liquidation" in await reader.newest_cell()


async def test_a_liquidation_that_comes_while_a_grid_is_computed_is_not_lost(
    browser: Browser, rig: Rig, grids: Grids
) -> None:
    grids.slow.clear()
    async with serving(rig) as client, reading(browser, address(client.port), path="/#BTCUSDT/1h") as reader:
        await reader.until_shown("#state", "live, mark 100")

        rig.events.take([liquidation(NOW + 1.0)])
        await reader.until_shown("#liquidations", "5.00k")
        grids.slow.set()

        await until_cell(reader, "longs 5.00k USD, shorts 0 USD, 1 liquidation")


async def test_choosing_a_side_counts_nothing_twice(browser: Browser, rig: Rig, grids: Grids) -> None:
    grids.held = [liquidation(NOW - 5.0)]
    async with serving(rig) as client, reading(browser, address(client.port), path="/#BTCUSDT/1h") as reader:
        await loaded(reader)
        rig.events.take([liquidation(NOW + 1.0)])
        await until_cell(reader, "longs 9.99k USD")

        await reader.page.select_option("#side", "short")
        assert await reader.text("#low") == "nothing stands"
        await reader.page.select_option("#side", "long")

        assert await reader.text("#high") == "9.99k USD standing"
        assert "longs 9.99k USD, shorts 0 USD, 2 liquidations" in await reader.newest_cell()


async def test_a_column_that_has_closed_stays_as_it_was(browser: Browser, rig: Rig, grids: Grids) -> None:
    later = MINUTE_OPENS + 61.0
    async with serving(rig) as client, reading(browser, address(client.port), path="/#BTCUSDT/1h") as reader:
        await loaded(reader)

        grids.as_of = later + 1.0
        grids.held = [liquidation(later)]
        rig.events.take([liquidation(later)])
        await until_cell(reader, "22:14 UTC to 22:15 UTC")

        assert "longs 5.00k USD" in await reader.newest_cell()
        await reader.page.keyboard.press("ArrowLeft")
        assert "22:13 UTC to 22:14 UTC" in await reader.text("#hover")
        assert "nothing stands" in await reader.text("#hover")


async def test_many_liquidations_outside_of_what_is_shown_ask_for_one_grid_at_a_time(
    browser: Browser, rig: Rig, grids: Grids
) -> None:
    async with serving(rig) as client, reading(browser, address(client.port), path="/#BTCUSDT/1h") as reader:
        await loaded(reader)
        grids.slow.clear()
        for number in range(100):
            rig.events.take([liquidation(NOW + 1.0, price=150.0 + number)])
            await asyncio.sleep(0.05)

        asked = len(grids.asked)
        grids.slow.set()

    assert asked == 2
    assert reader.complaints == []


async def test_a_first_grid_shows_everything_whatever_came_while_it_was_computed(
    browser: Browser, rig: Rig, grids: Grids
) -> None:
    grids.slow.clear()
    async with serving(rig) as client, reading(browser, address(client.port), path="/#BTCUSDT/1h") as reader:
        await reader.until_shown("#state", "live, mark 100")
        rig.events.take([liquidation(NOW + 1.0, price=150.0)])
        await reader.until_shown("#liquidations", "150")
        grids.slow.set()
        await loaded(reader)

        # At the left edge stands the first column of the hour: each is some ten pixels wide.
        await reader.page.mouse.move(*await reader.place(0.01, 0.3))
        await reader.until_shown("#hover", "21:14 UTC to 21:15 UTC")


async def test_nothing_of_one_instrument_stands_under_the_name_of_another(
    browser: Browser, rig: Rig, grids: Grids
) -> None:
    grids.held = [liquidation(NOW - 5.0)]
    async with serving(rig) as client, reading(browser, address(client.port), path="/#BTCUSDT/1h") as reader:
        await loaded(reader)

        grids.slow.clear()
        await reader.choose("eth")
        await reader.until_shown("#state", "live, mark 2,000")
        while_loading = await reader.newest_cell(), await reader.text("#high")
        grids.slow.set()
        await until_cell(reader, ROW_OF_ETH)

        assert "longs" not in while_loading[0]
        assert while_loading[1] == ""
        assert await reader.text("#clusters") == "none of this strength"
        assert await reader.page.input_value("#symbol") == "ETHUSDT"
        assert await reader.page.title() == "ETHUSDT 1h - liqalert"
        # The mark of one has not moved the candle of the other.
        await reader.choose("BTCUSDT")
        await until_cell(reader, "longs 4.99k USD")


async def test_a_zone_made_anew_is_called_grown_as_in_the_chat(browser: Browser, rig: Rig) -> None:
    told = near()
    assert told.episode is not None
    rig.alerts.rows = [replace(told, episode=replace(told.episode, state=EpisodeState.IDLE, outcome=None))]

    async with serving(rig) as client, reading(browser, address(client.port), path="/#BTCUSDT/1h") as reader:
        await reader.until_shown("#alerts", "grown")

        assert "idle" not in await reader.text("#alerts")


async def test_any_number_of_alerts_of_other_instruments_hides_none(browser: Browser, rig: Rig) -> None:
    mine = near()
    other = replace(mine.alert, id="a-2", zone=zone(instrument=ETH))
    rig.alerts.rows = [*[AlertRow(other, None, ()) for _ in range(200)], mine]
    async with serving(rig) as client, reading(browser, address(client.port), path="/#BTCUSDT/1h") as reader:
        await reader.until_shown("#alerts", "held")

        await reader.choose("ETHUSDT")
        await reader.until_shown("#alerts", "near")
        rig.events.take([liquidation(NOW - 4.0)])
        await reader.choose("BTCUSDT")
        await reader.until_shown("#alerts", "held")

        assert await reader.text("#liquidations") == "none since this list was begun"


@pytest.mark.parametrize(
    ("since", "said"),
    [(NOW - 1800.0, "11-14 21:43 UTC"), (NOW - 2.0, "11-14 22:13 UTC"), (NOW, "still open")],
    ids=["half an hour ago", "in the last column", "never"],
)
async def test_the_time_before_the_first_record_is_told_as_not_watched(
    browser: Browser, rig: Rig, grids: Grids, since: float, said: str
) -> None:
    grids.unwatched = ((0.0, since),)
    async with serving(rig) as client, reading(browser, address(client.port), path="/#BTCUSDT/1h") as reader:
        await loaded(reader)

        await reader.until_shown("#gaps", "nothing is recorded")
        cells = await reader.page.locator("#gaps td").all_inner_texts()

    assert cells == ["before", said, "all", "nothing is recorded"]


async def test_under_an_unknown_name_nothing_is_shown_and_it_is_said(browser: Browser, rig: Rig) -> None:
    async with serving(rig) as client, reading(browser, address(client.port)) as reader:
        await loaded(reader)

        await reader.choose("NOSUCH")
        await reader.until_shown("#stale", "NOSUCH is not known here. What you see is not live.")
        assert "NOSUCH is not known here." in await reader.text("#hover")
        assert await reader.text("#clusters") == "none of this strength"
        await reader.choose("BTCUSDT")
        await loaded(reader)

        assert await reader.page.locator("#stale").is_hidden()


async def test_a_server_that_is_open_but_silent_is_left_and_asked_anew(
    browser: Browser, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(rig) as client, reading(browser, address(client.port)) as reader:
        await loaded(reader)

        monkeypatch.setattr(events_under_test, "STATE_S", 600.0)
        await reader.until_shown("#stale", "No word from liqalert since 22:13:20 UTC: what you see is not live.")
        monkeypatch.setattr(events_under_test, "STATE_S", 1.0)
        await reader.until_hidden("#stale")

    assert len([each for each in reader.requests if "/api/v1/events" in each]) >= 2


async def test_a_feed_that_is_not_alive_and_an_instrument_without_marks_are_said(browser: Browser, rig: Rig) -> None:
    async with serving(rig) as client, reading(browser, address(client.port)) as reader:
        await loaded(reader)

        rig.clock.at = NOW + 40.0
        await reader.until_shown("#stale", "There has been no mark since 22:13:20 UTC. What you see is old.")
        assert "not current, mark 100, data 40 s old" in await reader.text("#state")
        rig.board.feed_changed(FeedStatus("binance", alive=False, since=NOW, mark_at=NOW, problem="no frame for 40 s."))
        await reader.until_shown("#stale", "The feed is not alive: no frame for 40 s.")


async def test_what_could_not_be_read_is_said_and_asked_for_again(browser: Browser, rig: Rig, grids: Grids) -> None:
    grids.broken = StorageError("reading liquidations failed: disk I/O error")
    async with serving(rig) as client, reading(browser, address(client.port)) as reader:
        await reader.until_shown("#stale", "reading liquidations failed: disk I/O error")

        grids.broken = None
        await loaded(reader)
        await asyncio.sleep(1.5)

        assert await reader.page.locator("#stale").is_hidden()


async def test_the_page_is_used_without_a_mouse(browser: Browser, rig: Rig, grids: Grids) -> None:
    grids.held = [liquidation(NOW - 5.0), liquidation(NOW - 5.0, price=102.0, usd=3000.0)]
    async with serving(rig) as client, reading(browser, address(client.port), path="/#BTCUSDT/1h") as reader:
        await loaded(reader)

        here = await reader.newest_cell()
        await reader.page.keyboard.press("ArrowUp")
        above = await reader.text("#hover")
        await reader.page.keyboard.press("ArrowDown")
        again = await reader.text("#hover")
        await reader.page.keyboard.press("Shift+ArrowLeft")
        earlier = await reader.text("#hover")
        for key in ("+", "-", "0", "Home"):
            await reader.page.keyboard.press(key)

    assert "longs 4.99k USD" in here
    assert "longs 3.00k USD" in above
    assert again == here
    assert "22:03 UTC to 22:04 UTC" in earlier
    assert reader.complaints == []


async def test_a_damaged_address_is_passed_over(browser: Browser, rig: Rig) -> None:
    async with serving(rig) as client, reading(browser, address(client.port), path="/#%E0%A4%A/9y/x/-3") as reader:
        await loaded(reader)

        assert "#BTCUSDT/24h/both/0.2" in reader.page.url
    assert reader.complaints == []


async def test_an_alert_whose_zone_was_made_anew_has_grown(browser: Browser, rig: Rig) -> None:
    rig.alerts.rows = [near(EpisodeState.IDLE, None)]
    async with serving(rig) as client, reading(browser, address(client.port), path="/#BTCUSDT/1h") as reader:
        await loaded(reader)
        await reader.until_shown("#alerts", "grown")


async def test_without_javascript_the_empty_page_says_why(browser: Browser, rig: Rig) -> None:
    async with serving(rig) as client, reading(browser, address(client.port), java_script_enabled=False) as reader:
        assert await reader.page.locator("noscript p").is_visible()


async def test_clusters_are_told_from_the_mark_that_stands_above_them(browser: Browser, rig: Rig) -> None:
    rig.board.snapshot = snapshot(
        cluster("c-1", low=98.0, high=99.0), cluster("c-2", low=105.0, high=106.0), marks=[Mark(BTC, 100.0, NOW, NOW)]
    )
    async with serving(rig) as client, reading(browser, address(client.port), path="/#BTCUSDT/1h") as reader:
        await reader.until_shown("#clusters", "105")
        before = await first_columns(reader)

        rig.board.snapshot = replace(rig.board.snapshot, marks={BTC: Mark(BTC, 104.0, NOW, NOW)})
        await reader.until_shown("#state", "mark 104")

        # In the same moment, and not when clusters are asked for again.
        assert await first_columns(reader) == [("0.96\u00a0%", "105 to 106"), ("4.81\u00a0%", "98 to 99")]
        assert before == [("1\u00a0%", "98 to 99"), ("5\u00a0%", "105 to 106")]


async def first_columns(reader: Reader) -> list[tuple[str, str]]:
    """How far away each cluster is, and its range."""
    cells = await reader.page.locator("#clusters td").all_inner_texts()
    return [*zip(cells[0::7], cells[4::7], strict=True)]
