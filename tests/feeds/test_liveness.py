from __future__ import annotations

from liqalert.core.market import Gap, Stream
from liqalert.feeds.liveness import Liveness, Outage, Past

CUT = Outage("the connection broke")
BLOCKED = Outage("blocked", "move", refused=True)


def test_feed_is_not_alive_before_its_first_mark() -> None:
    status = Liveness("binance", 100.0).status()

    assert (status.alive, status.since, status.mark_at, status.problem, status.gaps) == (False, 100.0, None, None, ())


def test_first_mark_proves_it_alive_and_is_no_gap() -> None:
    liveness = Liveness("binance", 100.0)

    assert liveness.marked(101.0, 100.9) is None
    status = liveness.status()
    assert (status.alive, status.since, status.mark_at, status.gaps) == (True, 101.0, 101.0, ())


def test_gap_runs_from_the_last_mark_to_the_next_and_keeps_its_first_cause() -> None:
    liveness = Liveness("binance", 100.0)
    liveness.marked(101.0, None)
    liveness.marked(102.0, None)

    liveness.lost(104.0, CUT)
    assert liveness.status().gaps == (Gap("binance", 102.0, None, "the connection broke"),)

    liveness.lost(105.0, BLOCKED)
    assert liveness.status().problem == "blocked: move."
    assert liveness.status().since == 104.0

    ended = liveness.marked(110.0, None)
    assert ended == Gap("binance", 102.0, 110.0, "the connection broke")
    assert liveness.status().gaps == (ended,)
    assert liveness.status().problem is None


def test_start_that_fails_is_a_gap_from_the_start() -> None:
    liveness = Liveness("binance", 100.0)
    liveness.lost(103.0, CUT)

    assert liveness.marked(110.0, None) == Gap("binance", 100.0, 110.0, "the connection broke")


def test_time_since_an_earlier_run_is_a_gap() -> None:
    liveness = Liveness("binance", 100.0, Past(watched_until=40.0))
    liveness.lost(103.0, CUT)

    assert liveness.marked(110.0, None) == Gap("binance", 40.0, 110.0, "liqalert was not running")


def test_gap_before_a_start_with_the_clock_hours_ahead_ends_by_the_exchanges_clock() -> None:
    liveness = Liveness("binance", 28_900.0, Past(watched_until=40.0))

    assert liveness.marked(28_901.0, 101.0) == Gap("binance", 40.0, 101.0, "liqalert was not running")
    assert liveness.status().since == 101.0


def test_gap_with_a_clock_that_was_always_ahead_ends_by_that_clock() -> None:
    liveness = Liveness("binance", 28_900.0, Past(watched_until=28_840.0))

    assert liveness.marked(28_901.0, 101.0) == Gap("binance", 28_840.0, 28_901.0, "liqalert was not running")

    liveness.lost(29_000.0, CUT)
    assert liveness.marked(29_010.0, 210.0) == Gap("binance", 28_901.0, 29_010.0, "the connection broke")


def test_gap_never_ends_before_it_began() -> None:
    liveness = Liveness("binance", 100.0)
    liveness.marked(200.0, None)
    liveness.lost(201.0, CUT)

    assert liveness.marked(150.0, None) == Gap("binance", 200.0, 200.0, "the connection broke")


def test_twenty_newest_gaps_are_kept_the_running_one_last() -> None:
    liveness = Liveness("binance", 0.0)
    for second in range(0, 60, 2):
        liveness.marked(float(second), None)
        liveness.lost(second + 1.0, CUT)

    gaps = liveness.status().gaps

    assert len(gaps) == 20
    assert (gaps[0].start, gaps[-1].start, gaps[-2].end, gaps[-1].end) == (20.0, 58.0, 58.0, None)


def test_latency_is_the_median_of_the_last_sixty_frames() -> None:
    liveness = Liveness("binance", 0.0)
    for _ in range(60):
        liveness.marked(1000.0, 900.0)
    for _ in range(31):
        liveness.marked(1000.0, 999.5)

    assert liveness.status().latency_s == 0.5


def test_a_feed_whose_frames_are_a_minute_old_is_late() -> None:
    punctual, late = Liveness("binance", 0.0), Liveness("binance", 0.0)
    punctual.marked(1000.0, 941.0)
    late.marked(1000.0, 940.0)

    assert (punctual.status().late_s, late.status().late_s) == (None, 60.0)


def test_of_what_is_new_in_messages_the_first_twenty_are_named() -> None:
    liveness = Liveness("binance", 0.0)

    liveness.unknown(f"field{number}" for number in range(1000))

    assert liveness.status().unknown == tuple(f"field{number}" for number in range(20))


def test_refused_events_are_counted_by_kind() -> None:
    liveness = Liveness("binance", 0.0)

    assert [liveness.rejected(kind) for kind in ("malformed", "bad_value", "malformed")] == [True, True, False]
    assert liveness.status().rejected == (("bad_value", 1), ("malformed", 2))


def test_a_mute_stream_is_a_gap_of_its_own_beside_lively_marks() -> None:
    liveness = Liveness("binance", 100.0)
    liveness.marked(101.0, None)

    liveness.mute(50.0, "no liquidation")
    liveness.mute(60.0, "still none")
    assert (liveness.alive, liveness.status().mute_since) == (True, 50.0)
    assert liveness.status().gaps == (Gap("binance", 50.0, None, "no liquidation", Stream.LIQUIDATIONS),)

    assert liveness.liquidated(200.0) == Gap("binance", 50.0, 200.0, "no liquidation", Stream.LIQUIDATIONS)
    assert liveness.liquidated(201.0) is None
    assert (liveness.status().mute_since, len(liveness.status().gaps)) == (None, 1)


def test_gaps_of_earlier_runs_are_remembered() -> None:
    earlier = Gap("binance", 10.0, 20.0, "the connection broke")

    assert Liveness("binance", 100.0, Past(gaps=[earlier])).status().gaps == (earlier,)


def test_all_that_was_not_watched_is_added_up_by_stream() -> None:
    liveness = Liveness("binance", 100.0, Past(watched_until=40.0))
    liveness.marked(110.0, None)
    liveness.lost(120.0, CUT)
    liveness.marked(150.0, None)

    liveness.missed(Gap("binance", 160.0, 165.0, "too many", Stream.LIQUIDATIONS))

    assert liveness.status().unseen_s == (("all", 110.0), ("liquidations", 5.0))
