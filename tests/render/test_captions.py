"""The numbers under a picture: what stands, what is nearest, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from liqalert.core.clusters import Cluster
from liqalert.core.engine import Snapshot
from liqalert.core.heatmap import HeatmapGrid, Surroundings, build
from liqalert.core.heatmap_cells import RANGES
from liqalert.core.market import FeedStatus, Gap, Instrument, Liquidation, PositionSide
from liqalert.render.answers import View
from liqalert.render.captions import heatmap_caption
from liqalert.render.text import CAPTION_LIMIT, units
from tests.round_market import ALIVE, BTC, DEAD, EMPTY, HOUR, MINUTE, NOW, cluster, mark, market, snapshot
from tests.telegram_rules import parse_html


def grid(*, instrument: Instrument = BTC, unwatched_s: float = 0.0, as_of: float = NOW) -> HeatmapGrid:
    """1M USD of longs and 2M USD of shorts, both at `as_of`; `unwatched_s` until then."""
    spec = RANGES["24h"]
    known = [
        Liquidation(instrument, PositionSide.LONG, 60_000.0, 1.0, 1e6, as_of, as_of),
        Liquidation(instrument, PositionSide.SHORT, 60_100.0, 1.0, 2e6, as_of, as_of),
    ]
    around = Surroundings((None,) * spec.columns, (), ((as_of - unwatched_s, as_of),))
    return build(known, spec, around, instrument=instrument, as_of=as_of, decay_s=HOUR)


def caption(seen: Snapshot, feeds: Sequence[FeedStatus] = (ALIVE,), *, of: HeatmapGrid | None = None) -> str:
    return heatmap_caption(View(seen, tuple(feeds), NOW, "UTC"), of or grid()).plain


def btc(*clusters: Cluster) -> Snapshot:
    return snapshot(*clusters, marks=[mark(BTC, 60_000.0)])


def test_it_gives_the_mark_what_stands_and_the_nearest_cluster_on_either_side() -> None:
    assert caption(market()).splitlines() == [
        "BTCUSDT, 24h, realised, as of 14:05 UTC",
        "Mark: 60,000, 1 s ago",
        "Standing at the prices shown: longs 1.00M USD, shorts 2.00M USD",
        "(time-weighted: to 37 % in 60 min)",
        "Nearest above, 0.5 %: shorts 60,300, 2.00M USD, strength 0.62?",
        "Nearest below, 0.83 %: longs 59,000 to 59,500, 5.00M USD, strength 0.76",
        "Binance shows at most one liquidation per symbol per second.",
    ]


def test_a_cluster_around_the_mark_is_neither_above_nor_below() -> None:
    text = caption(btc(cluster(59_900.0, 60_100.0)))

    assert "Around the mark: longs 59,900 to 60,100, 5.00M USD" in text
    assert "Nearest" not in text


def test_the_nearest_of_several_is_named() -> None:
    seen = btc(*(cluster(low, low + 100.0) for low in (57_000.0, 58_000.0, 61_000.0, 62_000.0)))

    assert [line.split(",")[0:2] for line in caption(seen).splitlines() if "Nearest" in line] == [
        ["Nearest above", " 1.67 %: longs 61"],
        ["Nearest below", " 3.17 %: longs 58"],
    ]


def test_weak_clusters_are_not_named_here_as_in_the_list() -> None:
    text = caption(btc(cluster(60_300.0, 60_300.0, usd=10.0)))

    assert "No cluster of strength 0.2 or more" in text
    assert "Nearest" not in text


def test_without_a_mark_there_are_no_distances() -> None:
    text = caption(snapshot(cluster(60_300.0, 60_300.0)))

    assert "No mark yet" in text
    assert "Nearest" not in text


@pytest.mark.parametrize(
    ("feeds", "sentence"),
    [((DEAD,), "The feed is not alive since"), ((), "No feed has been proven alive yet."), ((ALIVE,), None)],
)
def test_it_says_first_when_the_feed_is_not_alive(feeds: tuple[FeedStatus, ...], sentence: str | None) -> None:
    second = caption(market(), feeds).splitlines()[1]

    assert second.startswith(sentence or "Mark: ")


def test_time_that_was_not_watched_is_told() -> None:
    assert "Not watched: 20 min of 24h" in caption(market(), of=grid(unwatched_s=20 * MINUTE))


def test_the_last_column_counts_as_long_as_it_has_lasted() -> None:
    """14:05:59 is 59 seconds into a column of five minutes."""
    of = grid(unwatched_s=59.0, as_of=NOW + 59.0)

    assert "Not watched: 59 s of 24h" in caption(market(), of=of)


def test_nothing_is_said_of_gaps_where_there_are_none() -> None:
    assert "Not watched" not in caption(market())


def test_it_says_since_when_it_watches_until_a_decay_has_passed() -> None:
    young = replace(market(), watching_since=NOW - 12 * MINUTE)

    assert "Watching since 12 min of 60 min: clusters look weaker than they are" in caption(young)
    assert "Nothing has been watched yet" in caption(EMPTY)
    assert "Watching" not in caption(market())


def test_a_foreign_symbol_is_escaped_and_the_longest_caption_fits() -> None:
    instrument = Instrument("binance", "<币安人生>&USDT")
    seen = snapshot(
        cluster(1e-8, 1.1e-8, instrument=instrument, usd=1e12),
        cluster(1.23456e-7, 1.23457e-7, instrument=instrument, usd=1e12),
        cluster(2e-7, 2.1e-7, instrument=instrument, usd=1e12),
        marks=[mark(instrument, 1.23456e-7)],
    )
    seen = replace(seen, watching_since=NOW - 1.0)

    of = grid(instrument=instrument, unwatched_s=80_000.0)
    text = heatmap_caption(View(seen, (DEAD,), NOW, "UTC"), of)

    assert units(text.html) <= CAPTION_LIMIT
    assert parse_html(text.html) == text.plain


def test_it_names_the_newest_gap_and_the_saturated_seconds() -> None:
    blind = grid(unwatched_s=600.0)
    gap = Gap("binance", NOW - 600.0, NOW, "the connection broke")
    saturated = blind.saturated_s.copy()
    saturated[-1] = 12

    text = caption(market(), of=replace(blind, gaps=(gap,), saturated_s=saturated))

    assert "Not watched: 10 min of 24h, last: the connection broke" in text
    assert "Saturated: 12 s in which each second had a liquidation, so more were than are shown" in text
