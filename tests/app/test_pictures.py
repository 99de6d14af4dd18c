"""Pictures for whoever asks: what is drawn, how often, and where."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import pytest

from liqalert.app import pictures as under_test
from liqalert.app.pictures import Pictures
from liqalert.board import Board
from liqalert.core.episodes import EpisodeState, Transition
from liqalert.core.heatmap import HeatmapGrid
from liqalert.core.market import FeedStatus
from liqalert.ports import AlertRow, StorageError
from liqalert.render.picture import Around, Pin
from tests.changing import replace
from tests.storage import objects
from tests.web.rig import BTC, ETH, NOW, FixedClock, Grids, StoredAlerts, cluster, mark, snapshot, zone


@dataclass
class Drawn:
    """In place of the drawing: what was to be drawn, and how long it takes."""

    arounds: list[Around] = field(default_factory=list)
    takes_s: float = 0.0

    def __call__(self, grid: HeatmapGrid, around: Around) -> bytes:
        self.arounds.append(around)
        time.sleep(self.takes_s)
        return b"\x89PNG"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    drawn = Drawn()
    monkeypatch.setattr(under_test, "heatmap_png", drawn)
    return drawn


@pytest.fixture
def alerts() -> StoredAlerts:
    return StoredAlerts()


@pytest.fixture
def board() -> Board:
    board = Board(snapshot(cluster(), zones=[zone()], marks=[mark()]))
    board.feed_changed(FeedStatus("binance", alive=True, since=NOW - 100.0, mark_at=NOW))
    return board


@pytest.fixture
def pictures(board: Board, alerts: StoredAlerts) -> Pictures:
    return Pictures(Grids(), board, alerts, clock=FixedClock(), zone_name="UTC")


async def test_many_askers_cost_one_drawing(pictures: Pictures, drawn: Drawn) -> None:
    found = await asyncio.gather(*(pictures.png(BTC, "24h", None) for _ in range(50)))

    assert set(found) == {b"\x89PNG"}
    assert len(drawn.arounds) == 1


async def test_while_it_is_drawn_the_loop_goes_on(pictures: Pictures, drawn: Drawn) -> None:
    drawn.takes_s = 0.5
    turns = 0

    async with asyncio.TaskGroup() as tasks:
        drawing = tasks.create_task(pictures.png(BTC, "24h", None), name="draw")
        while not drawing.done():
            await asyncio.sleep(0.01)
            turns += 1

    assert turns > 3


async def test_as_it_stands_there_are_the_mark_its_age_and_the_zones(pictures: Pictures, drawn: Drawn) -> None:
    await pictures.png(BTC, "24h", None)

    [around] = drawn.arounds
    assert around.mark is not None
    assert (around.mark.price, around.mark.age_s) == (100.0, 1.0)
    assert [(band.low, band.high, band.strength) for band in around.bands] == [(98.0, 99.0, 0.84)]


async def test_of_the_past_there_is_neither_the_mark_of_now_nor_its_zones(pictures: Pictures, drawn: Drawn) -> None:
    await pictures.png(BTC, "24h", NOW - 3600.0)

    [around] = drawn.arounds
    assert (around.mark, around.bands, around.warnings) == (None, (), ())
    assert around.past


async def test_of_a_simulated_past_it_says_so_and_nothing_of_the_troubles_of_now(
    pictures: Pictures, drawn: Drawn, board: Board
) -> None:
    board.banner = "SIMULATED MARKET"
    board.warnings = ("not recorded: database unwritable",)
    board.feed_changed(FeedStatus("binance", alive=False, since=NOW, mark_at=NOW, problem="no frame for 40 s"))

    await pictures.png(BTC, "24h", NOW - 3600.0)

    assert drawn.arounds[0].warnings == ("SIMULATED MARKET",)


async def test_it_says_what_must_be_read_first(pictures: Pictures, drawn: Drawn, board: Board) -> None:
    board.banner = "SIMULATED MARKET"
    board.feed_changed(FeedStatus("binance", alive=False, since=NOW, mark_at=NOW, problem="no frame for 40 s"))

    await pictures.png(BTC, "24h", None)

    assert drawn.arounds[0].warnings == ("SIMULATED MARKET", "The feed is not alive. no frame for 40 s")


@pytest.mark.parametrize(
    ("state", "outcome", "words"),
    [
        (EpisodeState.NEAR, None, "near"),
        (EpisodeState.TOUCHED, None, "near: touched"),
        (EpisodeState.COOLING, EpisodeState.HELD, "near: held"),
        (EpisodeState.IDLE, EpisodeState.HELD, "near: held"),
        (EpisodeState.IDLE, None, "near: grown"),
    ],
)
async def test_an_alert_says_what_became_of_it(
    pictures: Pictures,
    drawn: Drawn,
    alerts: StoredAlerts,
    state: EpisodeState,
    outcome: EpisodeState | None,
    words: str,
) -> None:
    episode = objects.episode(state, since=NOW - 60.0, alert_id="a1", outcome=outcome)
    alerts.rows = [AlertRow(objects.alert(decided_at=NOW - 120.0), episode, ())]

    await pictures.png(BTC, "24h", None)

    assert drawn.arounds[0].pins == (Pin(NOW - 120.0, objects.EVIDENCE.mark_price, words),)


@pytest.mark.parametrize(
    ("at", "words"),
    [(NOW - 130.0, "near"), (NOW - 100.0, "near: touched"), (NOW - 70.0, "near: held"), (NOW - 1.0, "near: held")],
)
async def test_of_the_past_an_alert_says_what_had_become_of_it_by_then(
    pictures: Pictures, drawn: Drawn, alerts: StoredAlerts, at: float, words: str
) -> None:
    def entered(state: EpisodeState, ago_s: float, outcome: EpisodeState | None = None) -> Transition:
        episode = objects.episode(state, since=NOW - ago_s, alert_id="a1", outcome=outcome)
        return replace(objects.near(), episode=episode, at=NOW - ago_s)

    steps = (
        entered(EpisodeState.NEAR, 140.0),
        entered(EpisodeState.TOUCHED, 110.0),
        entered(EpisodeState.HELD, 80.0, EpisodeState.HELD),
        entered(EpisodeState.COOLING, 60.0, EpisodeState.HELD),
    )
    alerts.rows = [AlertRow(objects.alert(decided_at=NOW - 140.0), steps[-1].episode, (), steps)]

    await pictures.png(BTC, "24h", at)

    assert [pin.words for pin in drawn.arounds[0].pins] == [words]


async def test_of_the_past_an_alert_of_which_nothing_is_kept_has_no_outcome(
    pictures: Pictures, drawn: Drawn, alerts: StoredAlerts
) -> None:
    held = objects.episode(EpisodeState.COOLING, since=NOW - 60.0, alert_id="a1", outcome=EpisodeState.HELD)
    alerts.rows = [AlertRow(objects.alert(decided_at=NOW - 140.0), held, ())]

    await pictures.png(BTC, "24h", NOW - 100.0)

    assert [pin.words for pin in drawn.arounds[0].pins] == ["near"]


async def test_any_number_of_newer_alerts_of_other_instruments_hides_none(
    pictures: Pictures, drawn: Drawn, alerts: StoredAlerts
) -> None:
    others = [objects.alert(zone=zone(instrument=ETH)) for _ in range(200)]
    alerts.rows = [AlertRow(each, None, ()) for each in (*others, objects.alert(decided_at=NOW - 120.0))]

    await pictures.png(BTC, "24h", None)

    assert drawn.arounds[0].pins == (Pin(NOW - 120.0, objects.EVIDENCE.mark_price, "near"),)


async def test_without_a_database_for_alerts_there_is_a_picture_all_the_same(
    pictures: Pictures, drawn: Drawn, alerts: StoredAlerts
) -> None:
    alerts.broken = StorageError("reading alerts failed")

    assert await pictures.png(BTC, "24h", None) == b"\x89PNG"
    assert drawn.arounds[0].pins == ()
