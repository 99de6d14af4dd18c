"""When something that is wrong is told of, and when it is over."""

from __future__ import annotations

from liqalert.app.notices.standing import Notice, Standing

T0 = 1_790_000_000.0
FULL = "the disk is full"


def told(standing: Standing, *looks: tuple[float, str | None]) -> list[tuple[float, str, str]]:
    """What is told at which second, of what is seen then."""
    return [
        (second, notice.reason, notice.sentence)
        for second, sentence in looks
        for notice in standing.look(sentence, T0 + second)
    ]


def standing(after_s: float = 10.0) -> Standing:
    return Standing("disk", after_s=after_s, over="Over after {lasted}.")


def test_it_is_told_once_when_it_has_lasted_and_once_when_it_has_been_over() -> None:
    looks = [(0.0, FULL), (9.9, FULL), (10.0, FULL), (80.0, FULL), (109.9, None), (110.0, None), (200.0, None)]

    assert told(standing(), *looks) == [(10.0, "disk", FULL), (110.0, "disk_over", "Over after 1 min.")]


def test_it_is_told_at_once_where_it_need_not_last() -> None:
    assert told(standing(after_s=0.0), (0.0, FULL)) == [(0.0, "disk", FULL)]


def test_what_did_not_last_is_not_told_to_be_over_and_has_to_last_anew() -> None:
    looks = [(0.0, FULL), (5.0, None), (40.0, None), (41.0, FULL), (50.9, FULL), (51.0, FULL)]

    assert told(standing(), *looks) == [(51.0, "disk", FULL)]


def test_a_short_pause_is_no_end() -> None:
    looks = [(0.0, FULL), (10.0, FULL), (39.9, None), (40.0, FULL), (69.9, None), (70.0, None)]

    assert told(standing(), *looks) == [(10.0, "disk", FULL), (70.0, "disk_over", "Over after 40 s.")]


def test_what_is_told_once_for_all_has_one_id_at_any_time() -> None:
    once, anew = Notice("ends", "BTC ends", once="BTC"), Notice("ends", "BTC ends")

    assert once.alert(T0).id == once.alert(T0 + 1).id
    assert anew.alert(T0).id != anew.alert(T0 + 1).id
