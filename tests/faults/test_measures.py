"""What is called a breach."""

from __future__ import annotations

import pytest

from tests.faults.measures import Allowed, Fact, Loss, Measured, breaches

FINE = Measured(
    events_sent=100,
    blind_s=10.0,
    alerts_owed=1,
    noticed_s=4.9,
    told_s=15.2,
    recovered_s=0.8,
)
LIMITS = Allowed(noticed_s=5, told_s=20, recovered_s=10)


def differing(**changes: object) -> Measured:
    return Measured(**{name: getattr(FINE, name) for name in Measured.__slots__} | changes)


def test_what_is_within_its_bounds_is_no_breach() -> None:
    assert breaches(LIMITS, FINE) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"events_lost": 1}, "1 of 100 liquidations lost"),
        ({"events_lost": 2, "events_unexplained": 1}, "2 of 100 liquidations lost, 1 of them in no gap"),
        ({"gap_s": 0.1}, "0.0 s at most are true"),
        ({"alerts_lost": 1}, "1 of 1 alerts never came"),
        ({"alerts_repeated": 1}, "1 alerts came again, 0 may"),
        ({"noticed_s": 5.1}, "noticed after 5.1 s, 5 s are allowed"),
        ({"told_s": None}, "never told"),
        ({"recovered_s": None}, "never recovered"),
        ({"facts": (Fact("exit code", 1.0, 0.0, 0.0),)}, "exit code: 1, allowed is exactly 0"),
        ({"facts": (Fact("attempts", 0.0, 1.0, 3.0),)}, "attempts: 0, allowed is 1 to 3"),
        ({"error": "no zone"}, "not played to its end: no zone"),
    ],
)
def test_each_excess_is_a_breach_of_its_own(changes: dict[str, object], words: str) -> None:
    [found] = breaches(LIMITS, differing(**changes))

    assert words in found


def test_what_lies_in_the_ledgers_gap_may_be_lost_where_nothing_else_covers_it() -> None:
    lost = differing(events_lost=40, gap_s=11.0)

    assert breaches(Allowed(Loss.GAP), lost) == ()


def test_a_gap_much_longer_than_the_blindness_is_not_true() -> None:
    [found] = breaches(Allowed(Loss.GAP), differing(gap_s=15.1))

    assert found == "the ledger's gap is 15.1 s long, 15.0 s at most are true"


def test_a_loss_outside_the_gaps_is_never_allowed() -> None:
    [found] = breaches(Allowed(Loss.GAP), differing(events_lost=3, events_unexplained=2, gap_s=5.0))

    assert found == "2 of 3 lost liquidations lie in no gap of the ledger"


def test_as_many_alerts_may_come_again_as_were_in_flight() -> None:
    assert breaches(Allowed(repeated=2), differing(alerts_repeated=2)) == ()
