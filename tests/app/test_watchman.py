"""The owner is told once per occurrence."""

from __future__ import annotations

from collections.abc import Sequence

from liqalert.app.watchman import Sight, Watchman
from liqalert.core.alerts import Alert
from liqalert.core.engine import Snapshot
from liqalert.core.market import FeedStatus, Gap, Instrument, Mark, Stream
from tests.changing import replace

T0 = 1_790_000_000.0


def lost(since: float, problem: str = "the connection was closed: liqalert keeps trying.") -> FeedStatus:
    return FeedStatus("binance", False, since, mark_at=since - 5, problem=problem)


def alive(latency_s: float | None = None, frames: int = 60) -> FeedStatus:
    return FeedStatus("binance", True, T0, mark_at=T0, latency_s=latency_s, latency_frames=frames)


def reasons(watchman: Watchman, feed: FeedStatus, now: float) -> list[str]:
    return [alert.reason for alert in watchman.look(Sight((feed,)), now)]


def test_a_feed_that_is_back_soon_is_not_mentioned() -> None:
    watchman = Watchman()

    assert reasons(watchman, lost(T0), T0 + 14) == []
    assert reasons(watchman, alive(), T0 + 15) == []


def test_a_lost_feed_is_told_once_and_its_return_with_the_length() -> None:
    watchman = Watchman()

    assert reasons(watchman, lost(T0), T0 + 15) == ["feed_lost"]
    assert reasons(watchman, lost(T0), T0 + 30) == []
    (back,) = watchman.look(Sight((replace(alive(), since=T0 + 40),)), T0 + 101)
    assert back.text == "Binance is being watched again, after 45 s in which nothing was seen."
    assert reasons(watchman, alive(), T0 + 102) == []


def test_a_feed_that_comes_and_goes_is_one_occurrence_once_it_has_been_lost_again() -> None:
    """Alive for 10 s of each 45 s, for half an hour, and then for good."""
    watchman, told = Watchman(), []
    for second in range(2_400):
        began = T0 + min(second // 45, 40) * 45
        gone = second < 1_800 and second % 45 >= 10
        feed = lost(began + 10) if gone else replace(alive(), since=began)
        sight = Sight((feed,), Snapshot(T0 + second, 3600.0))
        told += [(second, alert) for alert in watchman.look(sight, T0 + second)]

    assert [(second, alert.reason) for second, alert in told] == [
        (25, "feed_lost"),
        (45, "feed_back"),
        (70, "feed_lost"),
        (670, "feed_still_lost"),
        (2_100, "feed_back"),
    ]
    assert "is being watched only at times, for 10 min now" in (told[3][1].text or "")
    assert "watched again, after 29 min in which it came and went." in (told[4][1].text or "")


def test_a_refusal_is_told_in_one_sentence_with_the_remedy() -> None:
    watchman = Watchman()
    problem = "Binance answers HTTP 451, not available in this country: run liqalert where it is."

    (notice,) = watchman.look(Sight((lost(T0, problem),)), T0 + 15)

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

    (notice,) = watchman.look(Sight((alive(0.1),), clock_off_s=259_200.0), T0)

    assert (notice.reason, notice.text[:51]) == ("clock_off", "This machine's clock is 259200 s ahead of Binance's")


def test_a_clock_so_far_behind_that_liquidations_are_refused_is_told_of_as_that() -> None:
    watchman, behind = Watchman(), alive(-90.0)

    told = [reasons(watchman, behind, T0 + second) for second in range(60)]
    assert [(second, each) for second, each in enumerate(told) if each] == [(15, ["liquidations_refused"])]

    told = [reasons(watchman, alive(0.1), T0 + second) for second in range(60, 120)]
    assert [(second, each) for second, each in enumerate(told, 60) if each] == [(89, ["liquidations_refused_over"])]


def test_a_clock_that_goes_on_falling_behind_is_told_of_again_when_liquidations_are_refused() -> None:
    watchman = Watchman()

    assert reasons(watchman, alive(-30.0), T0) == ["clock_off"]
    told = watchman.look(Sight((alive(-61.0),)), T0 + 1) + watchman.look(Sight((alive(-61.0),)), T0 + 16)

    assert [alert.text for alert in told] == [
        "This machine's clock is 61 s behind Binance's: liquidations are left out as not having happened yet. Switch "
        "on time synchronisation (timedatectl)."
    ]


def test_a_mute_stream_is_told_once_and_its_end_with_the_length() -> None:
    watchman, gap = Watchman(), Gap("binance", T0 - 900, None, "no liquidation came, though 14 were likely")
    mute = replace(alive(), mute_since=T0 - 900, gaps=(replace(gap, stream=Stream.LIQUIDATIONS),))

    (notice,) = watchman.look(Sight((mute,)), T0)
    assert notice.reason == "liquidations_mute"
    assert "no liquidation for 15 min: no liquidation came, though 14 were likely." in (notice.text or "")
    assert reasons(watchman, mute, T0 + 600) == []

    (back,) = watchman.look(Sight((alive(),)), T0 + 900)
    assert back.text == "Binance sends liquidations again, after 30 min in which none was seen."
    assert reasons(watchman, alive(), T0 + 901) == []


BTC = Instrument("binance", "BTCUSDT")


def seen(price: float, at: float) -> Snapshot:
    return Snapshot(at, 3600.0, marks={BTC: Mark(BTC, price, at, at)})


def test_a_feed_that_stays_lost_is_told_again_at_growing_intervals() -> None:
    watchman, told = Watchman(), []
    for second in range(0, 6 * 3600, 5):
        told += [(second, reason) for reason in reasons(watchman, lost(T0), T0 + second) if reason != "not_watched"]

    assert told == [(15, "feed_lost"), (615, "feed_still_lost"), (2415, "feed_still_lost"), (7815, "feed_still_lost")]


def test_nothing_is_said_of_a_price_of_which_no_mark_has_come_since() -> None:
    watchman, before = Watchman(), seen(60_000.0, T0)
    watchman.look(Sight((lost(T0),), before, watched=[BTC]), T0 + 15)

    (back,) = watchman.look(
        Sight((replace(alive(), since=T0 + 40),), replace(before, as_of=T0 + 45), watched=[BTC]), T0 + 46
    )

    assert back.text == "Binance is being watched again, after 45 s in which nothing was seen."


def test_every_chat_is_told_once_that_it_is_not_being_watched_and_once_that_it_is_again() -> None:
    watchman, everyone = Watchman(), []
    for second in range(0, 900, 5):
        sight = Sight((lost(T0),), seen(60_000.0, T0), watched=[BTC])
        everyone += [alert for alert in watchman.look(sight, T0 + second) if alert.kind == "watching"]
    (not_watched,) = everyone
    assert not_watched.text == (
        "Binance is not being watched, for 1 min now. No alert can come until it is back; you will be told."
    )

    back_again = replace(alive(), since=T0 + 900)
    # The last tick is from before: the price of now is not known yet.
    assert watchman.look(Sight((back_again,), seen(60_000.0, T0), watched=[BTC]), T0 + 901) == ()
    owner, chats = watchman.look(Sight((back_again,), seen(58_800.0, T0 + 905), watched=[BTC]), T0 + 906)

    assert (owner.kind, chats.kind, owner.text) == ("notice", "watching", chats.text)
    assert chats.text == (
        "Binance is being watched again, after 15 min in which nothing was seen. Meanwhile BTCUSDT went from 60,000 to "
        "58,800 (-2 %); where that concerns a zone you are told of, an alert follows and says so."
    )
    assert watchman.look(Sight((back_again,), seen(58_800.0, T0 + 910), watched=[BTC]), T0 + 911) == ()


def told(watchman: Watchman, feed: FeedStatus, *, until: int) -> list[Alert]:
    """What is told in the seconds up to T0 + `until`."""
    return [alert for second in range(0, until + 1, 5) for alert in watchman.look(Sight((feed,)), T0 + second)]


def restarted(earlier: Sequence[Alert]) -> Watchman:
    """One that begins after `earlier` was told; the last mark came 5 s before T0."""
    watchman = Watchman()
    watchman.take_up("binance", earlier, T0 - 5)
    return watchman


def test_after_a_restart_everyone_who_was_told_is_told_that_it_is_watched_again() -> None:
    watchman = restarted(told(Watchman(), lost(T0), until=60))
    back_again = replace(alive(), since=T0 + 895)

    owner, chats = watchman.look(Sight((back_again,), seen(58_800.0, T0 + 900), watched=[BTC]), T0 + 901)

    assert [(owner.kind, owner.reason), (chats.kind, chats.reason)] == [
        ("notice", "feed_back"),
        ("watching", "watched_again"),
    ]
    # What price did meanwhile is not known.
    assert owner.text == chats.text == "Binance is being watched again, after 15 min in which nothing was seen."
    assert reasons(watchman, back_again, T0 + 1000) == []


def test_after_a_restart_a_feed_that_is_still_lost_is_told_as_if_there_had_been_none() -> None:
    refused = lost(T0, "Binance answers HTTP 451, not available in this country: run liqalert where it is.")
    watchman = restarted(told(Watchman(), refused, until=700))

    assert [(alert.decided_at - T0, alert.reason, alert.text) for alert in told(watchman, refused, until=2500)] == [
        (
            2415,
            "feed_still_lost",
            f"Binance is still not being watched, for 40 min now: {refused.problem}",
        )
    ]


def test_after_a_restart_chats_that_were_not_told_yet_are_told_in_time() -> None:
    watchman = restarted(told(Watchman(), lost(T0), until=30))

    assert [alert.reason for alert in told(watchman, lost(T0), until=100)] == ["not_watched"]


def test_after_a_restart_nothing_is_said_of_what_was_over_or_is_another_exchange_s() -> None:
    before = Watchman()
    over = [*told(before, lost(T0), until=60), *told(before, replace(alive(), since=T0 + 70), until=135)]
    others = [replace(alert, text=f"Other{alert.text}") for alert in told(Watchman(), lost(T0), until=60)]

    assert [alert.reason for alert in over] == ["feed_lost", "not_watched", "feed_back", "watched_again"]
    assert told(restarted(over), alive(), until=100) == []
    assert told(restarted(others), alive(), until=100) == []


def test_after_a_crash_between_the_two_the_chats_alone_are_told_of_the_return() -> None:
    before = Watchman()
    earlier = [*told(before, lost(T0), until=60), *told(before, replace(alive(), since=T0 + 70), until=135)][:3]

    assert [alert.reason for alert in told(restarted(earlier), alive(), until=100)] == ["watched_again"]


def test_something_new_in_the_messages_is_told_for_ever_once() -> None:
    new = replace(alive(), unknown=("markPriceUpdate.x",))

    (first,) = Watchman().look(Sight((new,)), T0)
    (after_a_restart,) = Watchman().look(Sight((new,)), T0 + 86_400)

    assert "something new: markPriceUpdate.x." in (first.text or "")
    # The same id: what is recorded under it already is not sent again.
    assert first.id == after_a_restart.id
