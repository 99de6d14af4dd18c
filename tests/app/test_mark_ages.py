"""Contracts whose marks stop while the feed is alive: judged, and told once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from liqalert.app.mark_ages import AgesOfTick, all_stopped, mark_ages, never_sentence, stopped_sentence
from liqalert.app.watchman import Sight, Watchman
from liqalert.core.alerts import Alert
from liqalert.core.engine import Snapshot
from liqalert.core.market import FeedStatus, Instrument, Mark

T0 = 1_790_000_000.0
BTC, ETH, GOLD, COIN = (Instrument("binance", name) for name in ("BTCUSDT", "ETHUSDT", "XAUUSDT", "BTCUSD_PERP"))
ALIVE = FeedStatus("binance", True, T0, mark_at=T0)


def seen(at: float, newest: Mapping[Instrument, float]) -> Snapshot:
    """After a tick at `at`; `newest`: when each one's newest mark was received."""
    return Snapshot(at, 3600.0, marks={each: Mark(each, 100.0, when, when) for each, when in newest.items()})


def test_marks_that_others_have_outrun_by_more_than_fifteen_seconds_have_stopped() -> None:
    ages = [
        mark_ages([ALIVE], seen(T0 + 100.0, {BTC: T0 + 100.0 - lag_s, GOLD: T0 + 100.0}), [BTC]) for lag_s in (15, 16)
    ]

    assert [stopped_sentence(each) for each in ages] == [
        None,
        "No marks of BTCUSDT (for 16 s) come, though those of other contracts do: alerts that rest on them cannot "
        "come.",
    ]


def test_nothing_is_judged_while_the_feed_is_not_alive_or_the_machine_was_held_up() -> None:
    late = seen(T0 + 300.0, {BTC: T0 + 200.0, GOLD: T0 + 200.0})

    assert mark_ages([replace(ALIVE, alive=False)], late, [BTC]) == ()
    assert not any(each.missing for each in mark_ages([ALIVE], late, [BTC]))
    assert not any(each.missing for each in mark_ages([ALIVE], seen(0.0, {}), [BTC]))


def test_silence_counts_from_when_the_feed_came_alive() -> None:
    back = replace(ALIVE, since=T0 + 500.0)

    [young] = mark_ages([back], seen(T0 + 515.0, {BTC: T0, GOLD: T0 + 515.0}), [BTC])
    [old] = mark_ages([back], seen(T0 + 516.0, {BTC: T0, GOLD: T0 + 516.0}), [BTC])

    assert (young.missing, old.missing, old.silent_s) == (False, True, 16.0)


def test_a_contract_without_any_mark_is_given_a_minute() -> None:
    ages = [mark_ages([ALIVE], seen(T0 + after_s, {GOLD: T0 + after_s}), [COIN]) for after_s in (60.0, 61.0)]

    assert [never_sentence(each) for each in ages] == [
        None,
        "There are no marks of BTCUSD_PERP in the stream: alerts that rest on them cannot come.",
    ]
    assert not all_stopped(ages[1])


def test_all_have_stopped_when_none_that_had_marks_has_any() -> None:
    some = mark_ages([ALIVE], seen(T0 + 100.0, {BTC: T0, ETH: T0 + 100.0}), [BTC, ETH, COIN])
    none = mark_ages([ALIVE], seen(T0 + 100.0, {BTC: T0, ETH: T0, GOLD: T0 + 100.0}), [BTC, ETH, COIN])

    assert (all_stopped(some), all_stopped(none)) == (False, True)


def test_they_are_found_anew_only_when_a_tick_a_feed_or_the_rules_have_changed() -> None:
    ages, asked = AgesOfTick(), 0

    def of(lag_s: float, at: float, *, feed: FeedStatus = ALIVE, ruled: tuple[Instrument, ...] = (BTC,)) -> list[float]:
        def instruments() -> tuple[Instrument, ...]:
            nonlocal asked
            asked += 1
            return ruled

        snapshot = seen(T0 + at, {BTC: T0 + at - lag_s, ETH: T0 + at - lag_s, GOLD: T0 + at})
        return [each.silent_s for each in ages.of([feed], snapshot, frozenset(ruled), instruments)]

    silences = [of(16.0, 100.0), of(99.0, 100.0), of(21.0, 105.0), of(21.0, 105.0, ruled=(BTC, ETH))]
    lost = of(21.0, 105.0, feed=replace(ALIVE, alive=False))
    back = of(21.0, 105.0, feed=replace(ALIVE, since=T0 + 95.0))

    assert (silences, lost, back) == ([[16.0], [16.0], [21.0], [21.0, 21.0]], [], [10.0])
    assert asked == 5


class Play:
    """A watchman who looks every second at contracts whose marks come, or do not."""

    def __init__(self, *instruments: Instrument) -> None:
        self.watchman = Watchman()
        self.newest = {GOLD: T0, ETH: T0}
        self.instruments = instruments
        self.at = T0

    def on(self, seconds: int, *marked: Instrument) -> list[Alert]:
        told: list[Alert] = []
        for _ in range(seconds):
            self.at += 1.0
            self.newest |= dict.fromkeys((*marked, GOLD), self.at)
            ages = mark_ages([ALIVE], seen(self.at, self.newest), self.instruments)
            told += self.watchman.look(Sight((ALIVE,), mark_ages=ages), self.at)
        return told


def test_a_stop_is_told_once_and_the_return_once() -> None:
    play = Play(BTC, ETH)
    play.on(10, BTC, ETH)

    assert play.on(29, ETH) == []
    [stopped] = play.on(270, ETH)
    [back] = play.on(120, BTC, ETH)

    assert (stopped.kind, stopped.reason, stopped.text) == (
        "notice",
        "marks_stopped",
        "No marks of BTCUSDT (for 30 s) come, though those of other contracts do: alerts that rest on them cannot "
        "come. You will be told when they are back.",
    )
    assert (back.reason, back.text) == ("marks_back", "Marks of BTCUSDT come again, after 5 min without.")


def test_several_are_told_of_together_with_the_first_names() -> None:
    many = [Instrument("binance", f"COIN{number}USDT") for number in range(5)]
    play = Play(*many, ETH)
    play.on(10, *many, ETH)

    [stopped] = play.on(300, ETH)
    [back] = play.on(120, *many, ETH)

    assert (stopped.text or "").startswith(
        "No marks of COIN0USDT (for 30 s), COIN1USDT (for 30 s), COIN2USDT (for 30 s) and 2 more come, though"
    )
    assert back.text == "Marks of COIN0USDT, COIN1USDT, COIN2USDT and 2 more come again, after 5 min without."


def test_everyone_is_told_once_when_marks_of_nothing_with_rules_come() -> None:
    play = Play(BTC)
    play.on(10, BTC)

    told = play.on(300) + play.on(120, BTC)

    assert [(alert.kind, alert.reason) for alert in told] == [
        ("notice", "marks_stopped"),
        ("watching", "not_marked"),
        ("notice", "marks_back"),
        ("watching", "marked_again"),
    ]


def test_marks_that_come_now_and_then_are_one_occurrence() -> None:
    play, told = Play(BTC, ETH), []
    play.on(10, BTC, ETH)
    for _ in range(20):
        told += play.on(40, ETH) + play.on(10, BTC, ETH)

    assert [alert.reason for alert in told] == ["marks_stopped"]


def test_what_was_never_marked_is_told_once_for_ever() -> None:
    [first] = Play(COIN, ETH).on(300, ETH)
    later = Play(COIN, ETH)
    later.at = T0 + 86_400.0
    later.newest[ETH] = later.at
    [after_a_restart] = later.on(300, ETH)

    assert first.text == (
        "There are no marks of BTCUSD_PERP in the stream: alerts that rest on them cannot come. See whether Binance "
        "trades it under this name."
    )
    assert first.id == after_a_restart.id


def test_what_nobody_waits_for_any_more_is_not_told_of() -> None:
    play = Play(BTC, ETH)
    play.on(10, BTC, ETH)
    play.on(100, ETH)
    play.instruments = (ETH,)
    play.on(1, ETH)
    play.instruments = (BTC, ETH)

    assert play.on(120, BTC, ETH) == []
