"""The same commands against a real web server, and against the database when none runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from liqalert.cli import main
from liqalert.clock import SystemClock
from liqalert.core.episodes import EpisodeState, Reason, Transition, ZoneEnded, ZoneOpened
from liqalert.core.market import FeedStatus, Liquidation, PositionSide
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.zones import ZoneEnd
from liqalert.ports import AlertRow, DeliveryRow, DeliveryStatus
from liqalert.render import colours
from liqalert.storage.alerts import AlertStore
from liqalert.storage.database import Database
from liqalert.storage.journal import BatchJournal
from liqalert.storage.schema import migrate
from liqalert.web.access import Access
from tests.changing import replace
from tests.storage import objects
from tests.web.rig import BTC, NOW, Rig, cluster, mark, serving, snapshot, zone


async def _run(line: str) -> int:
    return await asyncio.to_thread(main, line.split())


@pytest.fixture
async def daemon(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    """A web server like the daemon's, which knows one cluster, one zone and one alert."""
    rig = Rig()
    rig.board.snapshot = snapshot(cluster(), zones=[zone()], marks=[mark()], watching_since=NOW - 7200.0)
    rig.board.feed_changed(FeedStatus("binance", alive=False, since=NOW, problem="Its name could not be resolved."))
    sent = DeliveryRow("telegram", "42", DeliveryStatus.SENT, 1, NOW)
    rig.alerts.rows = [AlertRow(objects.alert(), objects.held().episode, (sent,), (objects.armed(), objects.near()))]
    async with serving(rig) as client:
        monkeypatch.setenv("LIQALERT_WEB__PORT", str(client.port))
        yield rig


@pytest.fixture
async def database(empty_place: Path) -> Path:
    """A database that holds one live zone, two that are over, and one alert.

    One of these two has grown too old while no daemon was there to end it.
    """
    path = empty_place / "liqalert.db"
    async with Database("sqlite+aiosqlite:///liqalert.db") as database:
        await migrate(database)
        ended = objects.zone("z2", low=1.0, high=2.0)
        now = SystemClock().now()
        await AlertStore(database).record(
            [
                ZoneOpened(objects.zone(peak_at=now - 23 * 3600.0), objects.T0),
                ZoneOpened(objects.zone("z3", low=3.0, high=4.0, peak_at=now - 25 * 3600.0), objects.T0),
                ZoneOpened(ended, objects.T0),
                ZoneEnded(ended, objects.T0 + 1, ZoneEnd.EXPIRED),
                objects.armed(),
                objects.near(),
            ]
        )
    return path


# ---------------------------------------------------------------- the running daemon


async def test_clusters_are_shown_as_a_table_with_what_is_wrong_first(
    daemon: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await _run("clusters") == 0

    assert capsys.readouterr().out == (
        "as of 2023-11-14 22:13:20 UTC\n"
        "feed binance not alive since 2023-11-14 22:13:20 UTC: Its name could not be resolved.\n"
        "mark BTCUSDT 100 at 2023-11-14 22:13:19 UTC\n"
        "SYMBOL   LIQUIDATED  FROM  TO  AWAY  STRENGTH  AMOUNT     COUNT  NEWEST                   BASIS\n"
        "BTCUSDT  long        98    99  1 %   0.50      1.00M USD  12     2023-11-14 22:13:19 UTC  realised\n"
        "\n"
        "ZONE     LIQUIDATED  FROM  TO  STATE  STRENGTH  AMOUNT     COUNT  PEAK\n"
        "BTCUSDT  long        98    99  armed  0.84      2.00M USD  20     2023-11-14 21:43:20 UTC\n"
        "\n"
        "AWAY is from the mark to the nearest edge, in per cent of the mark. "
        "AMOUNT is time-weighted (to 37 % in 60 min), a zone's as of its PEAK.\n"
        "STRENGTH, 0 to 1, is how unusual this is for the instrument and position side.\n"
    )


async def test_a_strength_that_is_a_guess_is_explained_below_the_table(
    daemon: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    guessed = replace(cluster(), baseline=replace(cluster().baseline, calibrated=False))
    daemon.board.snapshot = snapshot(guessed, marks=[mark()], watching_since=NOW - 7200.0)

    assert await _run("clusters") == 0

    shown = capsys.readouterr().out
    assert "0.50?" in shown
    assert shown.endswith("for the instrument and position side; ?: open interest unknown.\n")


async def test_where_no_feed_is_watched_nothing_looks_like_a_quiet_market(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(Rig()) as client:
        monkeypatch.setenv("LIQALERT_WEB__PORT", str(client.port))

        assert await _run("clusters") == 0

    assert capsys.readouterr().out.splitlines()[1].startswith("no feed is being watched")


@pytest.mark.parametrize(
    ("watching_since", "line"),
    [
        (
            NOW - 720.0,
            "watching since 2023-11-14 22:01:20 UTC, 12 min of 60 min: clusters look weaker than they are",
        ),
        (None, "nothing has been watched yet, because no mark price has arrived"),
    ],
)
async def test_until_the_window_has_been_watched_clusters_say_so(
    daemon: Rig, capsys: pytest.CaptureFixture[str], watching_since: float | None, line: str
) -> None:
    daemon.board.snapshot = snapshot(cluster(), marks=[mark()], watching_since=watching_since)

    assert await _run("clusters") == 0

    assert capsys.readouterr().out.splitlines()[1] == line


async def test_clusters_say_that_the_stream_of_liquidations_may_be_mute(
    daemon: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon.board.feed_changed(
        FeedStatus("binance", alive=True, since=NOW - 7200.0, mark_at=NOW, mute_since=NOW - 1500.0)
    )

    assert await _run("clusters") == 0

    assert capsys.readouterr().out.splitlines()[1] == (
        "no liquidation of any instrument on binance since 2023-11-14 21:48:20 UTC: it may be mute"
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (FeedStatus("binance", True, NOW, mark_at=NOW, latency_s=180.0, late_s=180.0), "arrives 180 s late"),
        (FeedStatus("binance", True, NOW, mark_at=NOW, latency_s=-90.0), "clock is 90 s behind Binance's"),
    ],
    ids=["late", "liquidations refused"],
)
async def test_clusters_say_why_a_feed_that_is_alive_cannot_be_relied_upon(
    daemon: Rig, capsys: pytest.CaptureFixture[str], status: FeedStatus, words: str
) -> None:
    daemon.board.feed_changed(status)

    assert await _run("clusters") == 0

    assert words in capsys.readouterr().out.splitlines()[1]


async def test_clusters_as_json_are_the_answer_of_the_daemon(daemon: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert await _run("clusters BTCUSDT --json") == 0

    answer = msgspec.json.decode(capsys.readouterr().out)
    assert [found["id"] for found in answer["clusters"]] == ["c-1"]


async def test_unknown_symbol_gets_the_daemons_objection(daemon: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert await _run("clusters NOSUCHCOIN") == 1

    assert "answers 404: " in capsys.readouterr().err


async def test_alerts_are_shown_with_outcome_and_deliveries(daemon: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert await _run("alerts") == 0

    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["DECIDED", "KIND", "SYMBOL", "LIQUIDATED", "OUTCOME", "DELIVERED", "ID"]
    assert row.split()[3:] == ["near", "BTCUSDT", "long", "held", "1", "of", "1", "a1"]


async def test_chats_that_are_not_listed_count_among_those_told(
    daemon: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon.alerts.rows = [replace(daemon.alerts.rows[0], more={DeliveryStatus.SENT: 19_000, DeliveryStatus.DEAD: 900})]

    assert await _run("alerts") == 0

    assert "19001 of 19901" in capsys.readouterr().out


async def test_why_shows_zone_evidence_steps_and_deliveries(daemon: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert await _run("why a1") == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Alert a1: BTCUSDT: 0.3 % from a cluster of liquidated longs"
    assert "Rule: BTCUSDT within 1 %, strength at least 0.6" in lines
    assert any(line.startswith("Strength: zone 0.84, live at that moment 0.10") for line in lines)
    assert any(line.startswith("• 18 Nov 11:08 UTC armed → near: the mark came within") for line in lines)
    assert any(line.startswith("Outcome: held") for line in lines)
    assert lines[-1].startswith("• telegram, 42: sent ")


async def test_unknown_alert_is_a_problem(daemon: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert await _run("why nosuch") == 1

    assert "There is no alert" in capsys.readouterr().err


async def test_token_of_the_settings_opens_the_door(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(Rig(), Access("127.0.0.1", "geheim")) as client:
        monkeypatch.setenv("LIQALERT_WEB__PORT", str(client.port))

        assert await _run("alerts") == 1
        assert "answers 401: " in capsys.readouterr().err
        monkeypatch.setenv("LIQALERT_WEB__TOKEN", "geheim")
        assert await _run("alerts") == 0


async def test_proxy_of_the_environment_is_not_used(
    daemon: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert await _run("alerts") == 0


# ---------------------------------------------------------------- no daemon


async def test_alerts_come_from_the_database_when_no_daemon_runs(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await _run("alerts --json") == 0

    shown = capsys.readouterr()
    assert "nothing answers on 127.0.0.1:" in shown.err
    assert [found["id"] for found in msgspec.json.decode(shown.out)["alerts"]] == ["a1"]


async def test_why_comes_from_the_database_when_no_daemon_runs(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await _run("why a1") == 0

    shown = capsys.readouterr().out
    assert "Alert a1: BTCUSDT: 0.3 % from a cluster of liquidated longs" in shown
    assert "idle → armed" in shown


@pytest.mark.parametrize("symbol", ["", " BTCUSDT", " btc", " BTC/USDT", " BTC/USDT:USDT"])
async def test_live_zones_come_from_the_database_when_no_daemon_runs(
    symbol: str, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await _run(f"clusters{symbol}") == 0

    shown = capsys.readouterr()
    assert "these are the zones in the database" in shown.err
    head, zone_row, *legend = shown.out.splitlines()[-5:]
    assert head.startswith("ZONE ")
    assert legend[:2] == ["", "AMOUNT is time-weighted (to 37 % in 60 min), a zone's as of its PEAK."]
    assert zone_row.split()[:-3] == ["BTCUSDT", "long", "60,000.1", "60,500.2", "near", "0.84", "1.23M", "USD", "17"]


async def test_the_most_advanced_episode_on_a_zone_is_shown_as_by_the_daemon(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Rule(RuleKind.NEAR, BTC, 2.0, 0.6)
    cooling = objects.episode(EpisodeState.COOLING, id="e2", rule=other, since=objects.T0 + 90)
    async with Database("sqlite+aiosqlite:///liqalert.db") as opened:
        cooled = Transition(cooling, EpisodeState.HELD, cooling.since, Reason.COOLDOWN_BEGINS, objects.EVIDENCE)
        await AlertStore(opened).record([cooled])

    assert await _run("clusters btc --json") == 0

    assert [zone["state"] for zone in msgspec.json.decode(capsys.readouterr().out)["zones"]] == ["near"]


async def test_zones_of_another_symbol_are_left_out(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await _run("clusters ethusdt") == 0

    assert capsys.readouterr().out.splitlines()[-1] == "no zones"


@pytest.mark.parametrize("line", ["alerts", "why a1", "clusters"])
async def test_neither_daemon_nor_database_is_a_problem_and_creates_nothing(
    line: str, empty_place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await _run(line) == 1

    assert "there is no database" in capsys.readouterr().err
    assert list(empty_place.iterdir()) == []


# ---------------------------------------------------------------- the picture


async def test_the_picture_of_the_daemon_is_written(
    daemon: Rig, empty_place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await _run("heatmap btc -o btc.png --range 7d") == 0

    assert empty_place.joinpath("btc.png").read_bytes() == b"\x89PNG"
    assert capsys.readouterr().out == "btc.png: btc, 7d\n"
    assert [(instrument.symbol, name) for instrument, name, _ in daemon.grids.asked] == [("BTCUSDT", "7d")]


async def test_without_a_daemon_it_is_drawn_from_the_database(
    database: Path, empty_place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Database("sqlite+aiosqlite:///liqalert.db") as opened:
        journal, now = BatchJournal(opened), SystemClock().now()
        journal.liquidated([Liquidation(BTC, PositionSide.LONG, 100.0, 1.0, 1e6, now - 5.0, now - 5.0)])
        await journal.flush()

    assert await _run("heatmap BTC -o btc.png") == 0

    assert empty_place.joinpath("btc.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert "this is what the database holds" in capsys.readouterr().err


async def test_what_has_passed_since_the_daemon_was_stopped_is_hatched(database: Path, empty_place: Path) -> None:
    async with Database("sqlite+aiosqlite:///liqalert.db") as opened:
        journal, now = BatchJournal(opened), SystemClock().now()
        journal.liquidated([Liquidation(BTC, PositionSide.LONG, 100.0, 1.0, 1e6, now - 5e4, now - 5e4)])
        journal.alive("binance", now - 1e6, now - 43_200.0)
        await journal.flush()

    await _run("heatmap BTC -o btc.png")

    # The cells of the second half of 24 h, and of the first, without what stands there.
    picture = Image.open(empty_place / "btc.png").convert("RGB")
    halves = [picture.crop((left, 150, left + 200, 200)) for left in (650, 50)]
    assert [any(colour == colours.GAP for _, colour in half.getcolors() or ()) for half in halves] == [True, False]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("heatmap NOSUCH -o x.png", "the database holds nothing of NOSUCHUSDT"),
        ("heatmap B?C -o x.png", "is no symbol"),
        ("heatmap BTC -o x.png --range 2y", "invalid choice"),
    ],
)
async def test_a_picture_that_cannot_be_is_one_line(
    database: Path, line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await _run(line) in (1, 2)

    assert said in capsys.readouterr().err
    assert not Path("x.png").exists()
