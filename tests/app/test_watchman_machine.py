"""What the owner is told of the machine and of listings, once per occurrence."""

from __future__ import annotations

from liqalert.app.notices.machine import crash_loop
from liqalert.app.watchman import Sight, Watchman

T0 = 1_790_000_000.0


def test_what_is_wrong_with_the_machine_is_told_once_and_its_end() -> None:
    watchman = Watchman()
    wrong = Sight(
        database_problems=["disk full"], free_bytes=1_000_000, channel_problems={"telegram": ["telegram: wrong token"]}
    )

    told = [[alert.reason for alert in watchman.look(wrong, T0 + second)] for second in (0, 5, 59, 60, 600)]
    assert told == [["disk_low"], ["database_unwritable"], [], ["channel_failing"], []]

    fine = Sight(free_bytes=400_000_000)
    told = [[alert.reason for alert in watchman.look(fine, T0 + second)] for second in (601, 631)]
    assert told == [[], ["database_unwritable_over", "channel_failing_over"]]
    # Room for a while is not room enough.
    assert [alert.reason for alert in watchman.look(Sight(free_bytes=600_000_000), T0 + 700)] == ["disk_low_over"]


def test_a_channel_that_fails_for_weeks_keeps_no_other_one_quiet() -> None:
    watchman = Watchman()
    webhook, telegram = {"webhook": ["webhook answers HTTP 404"]}, {"telegram": ["Telegram refuses the token"]}
    told: list[str | None] = []
    for second, problems in ((0, webhook), (60, webhook), (900, webhook | telegram), (960, webhook | telegram)):
        told += [alert.text for alert in watchman.look(Sight(channel_problems=problems), T0 + second)]
    for second in (970, 1_000):
        told += [alert.text for alert in watchman.look(Sight(channel_problems={"telegram": []}), T0 + second)]

    assert told == [
        "Alerts may not arrive: webhook answers HTTP 404",
        "Alerts may not arrive: Telegram refuses the token",
        "Webhook works again, after 16 min.",
        "Telegram works again, after 1 min.",
    ]


def test_a_channel_does_not_work_again_because_the_database_refuses() -> None:
    """What the database refuses is no channel's fault: of channels nothing is said then."""
    watchman, failing = Watchman(), Sight(channel_problems={"webhook": ["webhook answers HTTP 404"]})
    refusing = Sight(database_problems=["disk full"], channel_problems=None)
    told: list[str | None] = []
    for second in range(300):
        sight = refusing if 100 <= second < 200 else failing
        told += [alert.reason for alert in watchman.look(sight, T0 + second)]

    assert told == ["channel_failing", "database_unwritable", "database_unwritable_over"]


def test_the_remedy_for_a_database_fits_a_server_as_well_as_a_disk() -> None:
    watchman = Watchman()
    away = Sight(database_problems=["postgresql://db/liqalert: it does not answer"])

    told = [alert.text for second in (0, 5) for alert in watchman.look(away, T0 + second)]

    assert told == [
        "The database refuses to write: postgresql://db/liqalert: it does not answer. Alerts go on from memory and say "
        "so; see to its server, or to its disk and the room on it."
    ]


def test_a_problem_that_flickers_is_one_problem() -> None:
    watchman, told = Watchman(), []
    for second in range(0, 600, 5):
        problems = ["locked"] if second % 20 < 10 else []
        told += [alert.reason for alert in watchman.look(Sight(database_problems=problems), T0 + second)]

    assert told == ["database_unwritable"]


def test_several_starts_that_did_not_end_in_order_are_a_loop() -> None:
    assert list(crash_loop([T0 - 700, T0 - 20, T0 - 10], T0)) == []

    (notice,) = crash_loop([T0 - 700, T0 - 30, T0 - 20, T0 - 10], T0)

    assert notice.sentence.startswith("liqalert was started 4 times in the last 10 minutes and 3 times did not end")

    (later,) = crash_loop([T0 - 700, T0 - 30, T0 - 20, T0 - 10, T0], T0 + 10)
    assert (later.sentence == notice.sentence, later.alert(T0 + 10).id) == (False, notice.alert(T0).id)


def test_contracts_that_end_are_told_once_each_and_many_of_them_together() -> None:
    watchman = Watchman()
    ends = [f"Binance ends COIN{number}USDT." for number in range(45)]

    def told(*problems: str) -> list[str | None]:
        return [alert.text for alert in watchman.look(Sight(listing_problems=problems), T0)]

    assert told(*ends[:2]) == ends[:2]
    assert told(*ends[:3]) == ends[2:3]
    assert told(*ends) == ["\n".join((*ends[3:6], "The same or the like of 39 more contracts: the log names them."))]
    assert told(*ends) == []
