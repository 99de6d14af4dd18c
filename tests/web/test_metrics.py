from __future__ import annotations

import platform

from prometheus_client.parser import text_string_to_metric_families

from liqalert import __version__
from liqalert.core.market import FeedStatus, Gap, PositionSide
from liqalert.web.health import Health, Readiness
from liqalert.web.metrics_state import OutboxFigures
from liqalert.web.metrics_storage import StorageFigures
from tests.web.rig import NOW, Client, Rig, cluster, mark, snapshot, zone


async def scraped(client: Client) -> dict[tuple[str, str], float]:
    """Every sample by its name and the values of its labels, joined."""
    async with client.session.get("/metrics") as response:
        assert response.status == 200
        text = await response.text()
    return {
        (sample.name, " ".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_feeds_are_read_when_scraped(rig: Rig, client: Client) -> None:
    rig.board.feed_changed(
        FeedStatus(
            "binance",
            alive=True,
            since=NOW - 60.0,
            mark_at=NOW - 0.5,
            latency_s=0.125,
            reconnects=2,
            rejected=(("malformed", 3),),
            unseen_s=(("all", 90.0), ("liquidations", 30.0)),
            gaps=(Gap("binance", NOW - 100.0, NOW - 90.0, "closed"), Gap("binance", NOW - 5.0, None, "silent")),
        )
    )

    samples = await scraped(client)

    assert samples["liqalert_feed_alive", "binance"] == 1
    assert samples["liqalert_feed_mark_age_seconds", "binance"] == 0.5
    assert samples["liqalert_feed_latency_seconds", "binance"] == 0.125
    assert samples["liqalert_feed_reconnects_total", "binance"] == 2
    assert samples["liqalert_feed_rejected_total", "binance malformed"] == 3
    assert samples["liqalert_feed_recent_gaps", "binance"] == 2
    assert samples["liqalert_feed_gap_seconds_total", "binance all"] == 5.0 + 90.0
    assert samples["liqalert_feed_gap_seconds_total", "binance liquidations"] == 30.0
    assert samples["liqalert_feed_recent_gaps_duration_seconds", "binance"] == 15.0


async def test_a_feed_that_dies_between_two_scrapes_is_seen(rig: Rig, client: Client) -> None:
    rig.board.feed_changed(FeedStatus("binance", alive=True, since=NOW))
    before = await scraped(client)
    rig.board.feed_changed(FeedStatus("binance", alive=False, since=NOW))
    after = await scraped(client)

    assert before["liqalert_feed_alive", "binance"] == 1
    assert after["liqalert_feed_alive", "binance"] == 0
    assert ("liqalert_feed_mark_age_seconds", "binance") not in after


async def test_clusters_and_zones_are_counted(rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(
        cluster("a"),
        cluster("b", low=90.0, high=91.0),
        cluster("c", liquidated=PositionSide.SHORT),
        zones=[zone()],
        marks=[mark()],
    )
    rig.clock.at = NOW + 4.0

    samples = await scraped(client)

    assert samples["liqalert_clusters", "long"] == 2
    assert samples["liqalert_clusters", "short"] == 1
    assert samples["liqalert_zones", "armed"] == 1
    assert samples["liqalert_zones", "near"] == 0
    assert samples["liqalert_instruments", ""] == 1
    assert samples["liqalert_snapshot_age_seconds", ""] == 4.0


async def test_the_outbox_shows_its_depth_its_age_and_what_was_settled(rig: Rig, client: Client) -> None:
    rig.outbox = OutboxFigures(depth=4, oldest_at=NOW - 12.0, settled=(("telegram", "sent", 9), ("console", "dead", 1)))

    samples = await scraped(client)

    assert samples["liqalert_outbox_depth", ""] == 4
    assert samples["liqalert_outbox_oldest_age_seconds", ""] == 12.0
    assert samples["liqalert_deliveries_total", "telegram sent"] == 9
    assert samples["liqalert_deliveries_total", "console dead"] == 1


async def test_health_and_readiness_are_there_for_alerting(rig: Rig, client: Client) -> None:
    rig.health = Health(on_time=False, caught=(("tick", 2),))
    rig.readiness = Readiness(blocking=("binance is not alive",))

    samples = await scraped(client)

    assert samples["liqalert_ready", ""] == 0
    assert samples["liqalert_healthy", ""] == 0
    assert samples["liqalert_caught_exceptions_total", "tick"] == 2


async def test_reported_durations_are_kept(rig: Rig, client: Client) -> None:
    rig.metrics.tick_took(0.02)
    rig.metrics.tick_took(3.0)
    rig.metrics.loop_lagged(0.004)
    rig.metrics.received(0.3)

    samples = await scraped(client)

    assert samples["liqalert_tick_duration_seconds_count", ""] == 2
    assert samples["liqalert_tick_duration_seconds_bucket", "0.025"] == 1
    assert samples["liqalert_loop_lag_seconds", ""] == 0.004
    assert samples["liqalert_feed_message_latency_seconds_bucket", "0.5"] == 1
    assert samples["liqalert_feed_message_latency_seconds_bucket", "0.25"] == 0


async def test_process_and_build_are_named(client: Client) -> None:
    samples = await scraped(client)

    assert samples["process_resident_memory_bytes", ""] > 0
    assert samples["liqalert_build_info", f"{platform.python_version()} {__version__}"] == 1


async def test_any_accept_header_gets_the_plain_text_form(client: Client) -> None:
    accept = {"Accept": "application/openmetrics-text; version=no"}

    async with client.session.get("/metrics", headers=accept) as response:
        content_type = response.headers["Content-Type"]

    assert response.status == 200
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"


async def test_the_database_says_what_waits_for_it_and_what_was_given_up(rig: Rig, client: Client) -> None:
    rig.storage = StorageFigures(
        writable=False, free_bytes=4_096, waiting=(("liquidations", 12),), dropped=(("candles", 3),)
    )

    samples = await scraped(client)

    assert samples["liqalert_database_writable", ""] == 0
    assert samples["liqalert_database_free_bytes", ""] == 4_096
    assert samples["liqalert_database_waiting", "liquidations"] == 12
    assert samples["liqalert_database_dropped_total", "candles"] == 3


async def test_a_server_has_no_free_bytes_of_ours(rig: Rig, client: Client) -> None:
    rig.storage = StorageFigures(free_bytes=None)

    assert ("liqalert_database_free_bytes", "") not in await scraped(client)
