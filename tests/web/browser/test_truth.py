"""What the page shows is so: while loads, events and choices overtake each other, and when the server falls silent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from liqalert.core.candles import Candle
from liqalert.core.heatmap import HeatmapGrid, Surroundings, build
from liqalert.core.heatmap_cells import RANGES
from liqalert.core.market import FeedStatus, Instrument, Liquidation, Mark, PositionSide
from liqalert.ports import StorageError
from liqalert.web import events as events_under_test
from tests.web import rig as rigs
from tests.web.browser.reader import BROWSER_TEST, Reader, reading
from tests.web.rig import BTC, ETH, NOW, Rig, cluster, serving, snapshot, zone

pytestmark = BROWSER_TEST

ROW_OF_ETH = "1,999.5 to 2,000.99: nothing stands"
MINUTE_OPENS = 1_699_999_980.0
"""The last column of an hour that is asked for at NOW, 20 s into it."""


def liquidation(received: float, *, price: float = 100.0, usd: float = 5000.0) -> Liquidation:
    return Liquidation(BTC, PositionSide.LONG, price, usd / price, usd, received, received)


@dataclass
class Grids(rigs.Grids):
    """Grids of `held`, by what had been received; candles around 100, and around 2000 for the other instrument."""

    held: list[Liquidation] = field(default_factory=list)
    slow: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.slow.set()

    async def grid(self, instrument: Instrument, range_name: str, at: float | None = None) -> HeatmapGrid:
        self.asked.append((instrument, range_name, at))
        if self.broken:
            raise self.broken
        as_of, shown = self.as_of, RANGES[range_name]
        known = [each for each in self.held if each.instrument == instrument and each.received_time <= as_of]
        middle = 100.0 if instrument == BTC else 2000.0
        opens = [shown.start(as_of) + column * shown.column_s for column in range(shown.columns)]
        candles = tuple(Candle(each, middle, middle * 1.01, middle * 0.99, middle) for each in opens)
        grid = build(known, shown, Surroundings(candles), instrument=instrument, as_of=as_of, decay_s=3600.0)
        await self.slow.wait()
        return grid


@pytest.fixture
def grids() -> Grids:
    return Grids()


@pytest.fixture
def rig(grids: Grids) -> Rig:
    rig = Rig(grids=grids)
    rig.board.snapshot = snapshot(
        cluster(), zones=[zone()], marks=[Mark(BTC, 100.0, NOW, NOW), Mark(ETH, 2000.0, NOW, NOW)]
    )
    rig.board.feed_changed(FeedStatus("binance", alive=True, since=NOW - 100.0, mark_at=NOW))
    return rig


def address(port: int) -> str:
    return f"http://127.0.0.1:{port}"


async def loaded(reader: Reader) -> None:
    await reader.until_shown("#state", "live, mark 100")
    await reader.until_shown("#hover", "Point at a cell")
    await reader.until_shown("#clusters", "long")


async def until_cell(reader: Reader, words: str) -> None:
    async def shown() -> bool:
        return words in await reader.newest_cell()

    await reader.until(shown, f"no cell with {words!r}")


async def test_a_liquidation_is_added_to_its_cell_without_asking_again(rig: Rig, grids: Grids) -> None:
    grids.held = [liquidation(NOW - 5.0)]
    async with serving(rig) as client, reading(address(client.port), path="/#BTCUSDT/1h") as reader:
        await loaded(reader)
        assert "longs 5k USD, shorts 0 USD, 1 liquidation" in await reader.newest_cell()

        rig.events.take(liquidation(NOW + 1.0, usd=2000.0))
        await until_cell(reader, "longs 7k USD, shorts 0 USD, 2 liquidations")

    assert len(grids.asked) == 1
    assert reader.complaints == []


async def test_a_liquidation_that_the_grid_holds_already_is_not_counted_again(rig: Rig, grids: Grids) -> None:
    grids.held = [liquidation(NOW - 5.0)]
    async with serving(rig) as client, reading(address(client.port), path="/#BTCUSDT/1h") as reader:
        await loaded(reader)

        rig.events.take(liquidation(NOW - 5.0))
        await reader.until_shown("#liquidations", "5k USD")

        assert "longs 5k USD, shorts 0 USD, 1 liquidation" in await reader.newest_cell()


async def test_a_liquidation_that_comes_while_a_grid_is_computed_is_not_lost(rig: Rig, grids: Grids) -> None:
    grids.slow.clear()
    async with serving(rig) as client, reading(address(client.port), path="/#BTCUSDT/1h") as reader:
        await reader.until_shown("#state", "live, mark 100")

        rig.events.take(liquidation(NOW + 1.0))
        await reader.until_shown("#liquidations", "5k USD")
        grids.slow.set()

        await until_cell(reader, "longs 5k USD, shorts 0 USD, 1 liquidation")


async def test_choosing_a_side_counts_nothing_twice(rig: Rig, grids: Grids) -> None:
    grids.held = [liquidation(NOW - 5.0)]
    async with serving(rig) as client, reading(address(client.port), path="/#BTCUSDT/1h") as reader:
        await loaded(reader)
        rig.events.take(liquidation(NOW + 1.0))
        await until_cell(reader, "longs 10k USD")

        await reader.page.select_option("#side", "short")
        assert await reader.text("#low") == "nothing stands"
        await reader.page.select_option("#side", "long")

        assert await reader.text("#high") == "10k USD standing"
        assert "longs 10k USD, shorts 0 USD, 2 liquidations" in await reader.newest_cell()


async def test_a_column_that_has_closed_stays_as_it_was(rig: Rig, grids: Grids) -> None:
    later = MINUTE_OPENS + 61.0
    async with serving(rig) as client, reading(address(client.port), path="/#BTCUSDT/1h") as reader:
        await loaded(reader)

        grids.as_of = later + 1.0
        grids.held = [liquidation(later)]
        rig.events.take(liquidation(later))
        await until_cell(reader, "22:14 UTC to 22:15 UTC")

        assert "longs 5k USD" in await reader.newest_cell()
        await reader.page.keyboard.press("ArrowLeft")
        assert "22:13 UTC to 22:14 UTC" in await reader.text("#hover")
        assert "nothing stands" in await reader.text("#hover")


async def test_many_liquidations_outside_of_what_is_shown_ask_for_one_grid_at_a_time(rig: Rig, grids: Grids) -> None:
    async with serving(rig) as client, reading(address(client.port), path="/#BTCUSDT/1h") as reader:
        await loaded(reader)
        grids.slow.clear()
        for number in range(100):
            rig.events.take(liquidation(NOW + 1.0, price=150.0 + number))
            await asyncio.sleep(0.05)

        asked = len(grids.asked)
        grids.slow.set()

    assert asked == 2
    assert reader.complaints == []


async def test_a_first_grid_shows_everything_whatever_came_while_it_was_computed(rig: Rig, grids: Grids) -> None:
    grids.slow.clear()
    async with serving(rig) as client, reading(address(client.port), path="/#BTCUSDT/1h") as reader:
        await reader.until_shown("#state", "live, mark 100")
        rig.events.take(liquidation(NOW + 1.0, price=150.0))
        await reader.until_shown("#liquidations", "150")
        grids.slow.set()
        await loaded(reader)

        # At the left edge stands the first column of the hour: each is some ten pixels wide.
        box = await reader.page.locator("#chart").bounding_box()
        assert box is not None
        await reader.page.mouse.move(box["x"] + 10.0, box["y"] + 200.0)
        await reader.until_shown("#hover", "21:14 UTC to 21:15 UTC")


async def test_nothing_of_one_instrument_stands_under_the_name_of_another(rig: Rig, grids: Grids) -> None:
    grids.held = [liquidation(NOW - 5.0)]
    async with serving(rig) as client, reading(address(client.port), path="/#BTCUSDT/1h") as reader:
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
        await until_cell(reader, "longs 5k USD")


async def test_under_an_unknown_name_nothing_is_shown_and_it_is_said(rig: Rig) -> None:
    async with serving(rig) as client, reading(address(client.port)) as reader:
        await loaded(reader)

        await reader.choose("NOSUCH")
        await reader.until_shown("#stale", "NOSUCH is not known here. What you see is not live.")
        assert "NOSUCH is not known here." in await reader.text("#hover")
        assert await reader.text("#clusters") == "none of this strength"
        await reader.choose("BTCUSDT")
        await loaded(reader)

        assert await reader.page.locator("#stale").is_hidden()


async def test_a_server_that_is_open_but_silent_is_left_and_asked_anew(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(rig) as client, reading(address(client.port)) as reader:
        await loaded(reader)

        monkeypatch.setattr(events_under_test, "STATE_S", 600.0)
        await reader.until_shown("#stale", "No word from liqalert since 22:13:20 UTC: what you see is not live.")
        monkeypatch.setattr(events_under_test, "STATE_S", 1.0)

        async def hidden() -> bool:
            return await reader.page.locator("#stale").is_hidden()

        await reader.until(hidden, "the page did not recover")

    assert len([each for each in reader.requests if "/api/v1/events" in each]) >= 2


async def test_a_feed_that_is_not_alive_and_an_instrument_without_marks_are_said(rig: Rig) -> None:
    async with serving(rig) as client, reading(address(client.port)) as reader:
        await loaded(reader)

        rig.clock.at = NOW + 40.0
        await reader.until_shown("#stale", "There has been no mark since 22:13:20 UTC. What you see is old.")
        assert "not current, mark 100, data 40 s old" in await reader.text("#state")
        rig.board.feed_changed(FeedStatus("binance", alive=False, since=NOW, mark_at=NOW, problem="no frame for 40 s"))
        await reader.until_shown("#stale", "The feed is not alive: no frame for 40 s.")


async def test_what_could_not_be_read_is_said_and_asked_for_again(rig: Rig, grids: Grids) -> None:
    grids.broken = StorageError("reading liquidations failed: disk I/O error")
    async with serving(rig) as client, reading(address(client.port)) as reader:
        await reader.until_shown("#stale", "reading liquidations failed: disk I/O error")

        grids.broken = None
        await loaded(reader)
        await asyncio.sleep(1.5)

        assert await reader.page.locator("#stale").is_hidden()


async def test_the_page_is_used_without_a_mouse(rig: Rig, grids: Grids) -> None:
    grids.held = [liquidation(NOW - 5.0), liquidation(NOW - 5.0, price=102.0, usd=3000.0)]
    async with serving(rig) as client, reading(address(client.port), path="/#BTCUSDT/1h") as reader:
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

    assert "longs 5k USD" in here
    assert "longs 3k USD" in above
    assert again == here
    assert "22:03 UTC to 22:04 UTC" in earlier
    assert reader.complaints == []


async def test_a_damaged_address_is_passed_over(rig: Rig) -> None:
    async with serving(rig) as client, reading(address(client.port), path="/#%E0%A4%A/9y/x/-3") as reader:
        await loaded(reader)

        assert "#BTCUSDT/24h/both/0.2" in reader.page.url
    assert reader.complaints == []
