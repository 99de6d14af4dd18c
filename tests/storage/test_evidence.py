"""What /why adds to an alert, and how a rule's alerts have ended."""

import pytest
from msgspec.structs import replace as changed

from liqalert.core.alerts import Alert
from liqalert.core.episodes import EpisodeState, Raised
from liqalert.core.market import Gap, Liquidation, PositionSide
from liqalert.core.outcomes import Members, TrackRecord
from liqalert.core.rules import Rule, RuleKind
from liqalert.storage.alerts import AlertStore
from liqalert.storage.database import Database
from liqalert.storage.journal import BatchJournal
from tests.changing import replace
from tests.storage.objects import BTC, BTC_RULE, ETH, T0, alert, cascade, liquidation, near, notice, zone

HOUR = 3600.0
LARGE = Rule(RuleKind.LARGE, BTC, 0.0, 0.0, 1e6)


def at(seconds: float, *, price: float = 60_200.0, usd: float = 1e5, late_s: float = 0.25) -> Liquidation:
    """A long of BTC, liquidated at T0 + `seconds` and received `late_s` later."""
    moment = T0 + seconds
    return Liquidation(BTC, PositionSide.LONG, price, 1.0, usd, moment, moment + late_s)


async def _journal(database: Database, *liquidations: Liquidation, gaps: tuple[Gap, ...] = ()) -> None:
    journal = BatchJournal(database)
    for each in liquidations:
        journal.liquidated([each])
    for gap in gaps:
        journal.gap(gap)
    await journal.flush()
    assert journal.problem is None


async def _members(alerts: AlertStore, what: Alert) -> Members | None:
    await alerts.record([Raised(what, what.decided_at)])
    row = await alerts.why(what.id)
    assert row is not None
    assert row.alert == what
    return row.members


async def test_members_of_a_zone_are_those_in_its_band_in_the_twelve_hours_up_to_its_peak(
    database: Database, alerts: AlertStore
) -> None:
    """The peak is at T0 + 60, the band from 60,000.1 to 60,500.2."""
    first, largest, last = at(60 - 12 * HOUR), at(0, price=60_000.1, usd=9e5), at(59, price=60_500.2)
    others = (
        at(59 - 12 * HOUR),
        at(59.5, late_s=1.0),
        at(10, price=60_000.0),
        at(10, price=60_500.3),
        changed(at(10), liquidated=PositionSide.SHORT),
        liquidation(10, ETH),
    )
    await _journal(database, *others, last, largest, first)

    members = await _members(alerts, alert(episode_id=None))

    assert members == Members(3, 1.1e6, first, last, largest)


@pytest.mark.parametrize(("history_s", "count"), [(2 * HOUR, 1), (48 * HOUR, 3)])
async def test_members_of_a_zone_are_sought_for_as_long_as_the_engine_keeps_them(
    database: Database, alerts: AlertStore, history_s: float, count: int
) -> None:
    await _journal(database, at(0), at(-3 * HOUR), at(-40 * HOUR))

    members = await _members(AlertStore(database, history_s=history_s), alert(episode_id=None))

    assert members is not None
    assert members.count == count


async def test_members_of_a_cascade_are_those_of_its_minute(database: Database, alerts: AlertStore) -> None:
    """From T0 + 10 to T0 + 60, decided at T0 + 61. The third is dated ahead of its receipt at T0 + 60."""
    mine = at(10, price=9.0), at(30, usd=2e5), at(62, late_s=-2.0)
    others = at(9.9), at(60.1), at(50, late_s=11.5), changed(at(30), liquidated=PositionSide.SHORT)
    await _journal(database, *others, *mine)

    assert await _members(alerts, cascade()) == Members(3, 4e5, mine[0], mine[2], mine[1])


async def test_the_only_member_of_a_large_liquidation_is_itself(alerts: AlertStore) -> None:
    one = at(5, usd=2e6)
    large = Alert("l1", "large", T0 + 6, "liquidation_at_least", rule=LARGE, liquidation=one)

    assert await _members(alerts, large) == Members(1, 2e6, one, one, one)


@pytest.mark.parametrize("what", [alert(episode_id=None), notice()], ids=["forgotten", "a notice"])
async def test_without_liquidations_there_are_no_members(alerts: AlertStore, what: Alert) -> None:
    assert await _members(alerts, what) is None


async def test_gaps_are_those_of_the_exchange_in_the_two_hours_before(database: Database, alerts: AlertStore) -> None:
    """The alert is decided at T0 + 80."""
    decided = T0 + 80
    mine = (
        Gap("binance", decided - 3 * HOUR, decided - 2 * HOUR, "reaches in"),
        Gap("binance", decided - 60, decided - 50, "short"),
        Gap("binance", decided, None, "lasts"),
    )
    others = (
        Gap("binance", decided - 4 * HOUR, decided - 2 * HOUR - 1, "before"),
        Gap("binance", decided + 1, decided + 2, "after"),
        Gap("bybit", decided - 60, decided - 50, "elsewhere"),
    )
    await _journal(database, gaps=(*reversed(mine), *others))
    await alerts.record([near()])

    row = await alerts.why("a1")

    assert row is not None
    assert row.gaps == mine


async def _ended(alerts: AlertStore, number: int, outcome: EpisodeState | None, rule: Rule = BTC_RULE) -> None:
    """The `number`th alert of a series, and how its episode ended."""
    name, state = f"r{number}", outcome or EpisodeState.NEAR
    ended = replace(near().episode, id=f"re{number}", rule=rule, alert_id=name, state=state, outcome=outcome)
    told = alert(name, episode_id=f"re{number}", rule=rule, decided_at=T0 + number)
    await alerts.record([replace(near(), episode=ended, alert=told, at=T0 + number)])


async def test_a_track_record_counts_how_the_alerts_of_a_rule_ended(alerts: AlertStore) -> None:
    """Open ones, and those of other rules, are left out."""
    swept, held, faded = EpisodeState.SWEPT, EpisodeState.HELD, EpisodeState.FADED
    for number, outcome in enumerate((swept, held, held, None, faded, held)):
        await _ended(alerts, number, outcome)
    await _ended(alerts, 6, swept, replace(BTC_RULE, distance_pct=2.0))

    assert await alerts.track_record(BTC_RULE.id) == TrackRecord(swept=1, held=3, faded=1)
    assert await alerts.track_record("near:*:1:0.6") == TrackRecord()


async def test_a_track_record_goes_back_twenty_alerts(alerts: AlertStore) -> None:
    for number in range(25):
        await _ended(alerts, number, EpisodeState.SWEPT if number < 6 else EpisodeState.HELD)

    assert await alerts.track_record(BTC_RULE.id) == TrackRecord(swept=1, held=19)


async def test_a_restart_is_given_the_cascades_of_the_last_day(alerts: AlertStore) -> None:
    young, younger = cascade("c2", decided_at=T0 + 10), cascade("c3", decided_at=T0 + 20)
    await alerts.record([Raised(each, T0) for each in (younger, young, cascade("c1", decided_at=T0 - 1))])
    await alerts.record([near()])

    assert (await alerts.restore(T0 + 24 * HOUR, 0)).told == (young, younger)


async def test_alerts_without_a_zone_are_found_by_what_they_are_about(database: Database, alerts: AlertStore) -> None:
    await alerts.record([Raised(cascade(zone=None), T0), Raised(alert(zone=zone(instrument=ETH)), T0)])

    async with database.read("test") as connection:
        rows = await connection.exec_driver_sql("SELECT id, symbol, liquidated, zone_id FROM alerts ORDER BY id")
        assert [tuple(row) for row in rows] == [("a1", "ETHUSDT", "long", "z1"), ("c1", "BTCUSDT", "long", None)]
