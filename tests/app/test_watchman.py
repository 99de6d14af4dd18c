"""The owner is told once per occurrence."""

from __future__ import annotations

from dataclasses import replace

from liqalert.app.watchman import Watchman
from liqalert.core.market import FeedStatus, Gap, Stream

T0 = 1_790_000_000.0


def lost(since: float, problem: str = "the connection was closed: liqalert keeps trying.") -> FeedStatus:
    return FeedStatus("binance", False, since, mark_at=since - 5, problem=problem)


def alive(latency_s: float | None = None, frames: int = 60) -> FeedStatus:
    return FeedStatus("binance", True, T0, mark_at=T0, latency_s=latency_s, latency_frames=frames)


def reasons(watchman: Watchman, feed: FeedStatus, now: float) -> list[str]:
    return [alert.reason for alert in watchman.look([feed], now)]


def test_a_feed_that_is_back_soon_is_not_mentioned() -> None:
    watchman = Watchman()

    assert reasons(watchman, lost(T0), T0 + 14) == []
    assert reasons(watchman, alive(), T0 + 15) == []


def test_a_lost_feed_is_told_once_and_its_return_with_the_length() -> None:
    watchman = Watchman()

    assert reasons(watchman, lost(T0), T0 + 15) == ["feed_lost"]
    assert reasons(watchman, lost(T0), T0 + 600) == []
    (back,) = watchman.look([alive()], T0 + 715)
    assert back.text == "Binance is being watched again, after 12 min in which nothing was seen."
    assert reasons(watchman, alive(), T0 + 716) == []


def test_a_refusal_is_told_in_one_sentence_with_the_remedy() -> None:
    watchman = Watchman()
    problem = "Binance answers HTTP 451, not available in this country: run liqalert where it is."

    (notice,) = watchman.look([lost(T0, problem)], T0 + 15)

    assert notice.text == f"Binance is not being watched: {problem} No alert can come until it is back."
    assert (notice.kind, notice.reason) == ("notice", "feed_lost")


def test_a_clock_that_is_off_is_told_once_until_it_was_right_again() -> None:
    watchman = Watchman()

    assert reasons(watchman, alive(0.1), T0) == []
    assert reasons(watchman, alive(-2.1), T0) == ["clock_off"]
    assert reasons(watchman, alive(-30.0), T0) == []
    assert reasons(watchman, alive(0.1), T0) == []
    assert reasons(watchman, alive(10.1), T0) == ["clock_off"]


def test_a_clock_is_judged_by_sixty_frames() -> None:
    watchman = Watchman()

    assert reasons(watchman, alive(30.0, frames=59), T0) == []
    assert reasons(watchman, alive(30.0, frames=60), T0) == ["clock_off"]


def test_a_latency_that_wobbles_around_the_limit_is_told_once() -> None:
    watchman = Watchman()

    told = [reasons(watchman, alive(latency_s), T0) for latency_s in (10.1, 9.9, 10.1, 8.1, 10.1, 7.9, 10.1)]

    assert told == [["clock_off"], [], [], [], [], [], ["clock_off"]]


def test_a_clock_that_jumped_is_told_although_liqalert_does_not_follow_it() -> None:
    watchman = Watchman()

    (notice,) = watchman.look([alive(0.1)], T0, clock_off_s=259_200.0)

    assert (notice.reason, notice.text[:51]) == ("clock_off", "This machine's clock is 259200 s ahead of Binance's")


def test_a_mute_stream_is_told_once_and_its_end_with_the_length() -> None:
    watchman, gap = Watchman(), Gap("binance", T0 - 900, None, "no liquidation came, though 14 were likely")
    mute = replace(alive(), mute_since=T0 - 900, gaps=(replace(gap, stream=Stream.LIQUIDATIONS),))

    (notice,) = watchman.look([mute], T0)
    assert notice.reason == "liquidations_mute"
    assert "no liquidation for 15 min: no liquidation came, though 14 were likely." in (notice.text or "")
    assert reasons(watchman, mute, T0 + 600) == []

    (back,) = watchman.look([alive()], T0 + 900)
    assert back.text == "Binance sends liquidations again, after 30 min in which none was seen."
    assert reasons(watchman, alive(), T0 + 901) == []
