from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.delivery.pacing import Pacing, retry_delay_s


class Chance(Random):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def random(self) -> float:
        return self.value


@pytest.mark.parametrize(
    ("attempts", "delay_s"), [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 15.0), (6, 30.0), (7, 30.0), (1000, 30.0)]
)
def test_delay_grows_to_thirty_seconds_and_stays_there(attempts: int, delay_s: float) -> None:
    assert retry_delay_s(attempts, Chance(0.0)) == delay_s


def test_jitter_adds_at_most_a_fifth() -> None:
    assert retry_delay_s(6, Chance(0.5)) == pytest.approx(33.0)
    assert retry_delay_s(6, Chance(1.0)) == pytest.approx(36.0)


def test_new_chat_may_be_told_at_once() -> None:
    assert Pacing().ready_at("7") == -math.inf


def test_chat_waits_a_second_and_others_do_not() -> None:
    pacing = Pacing()

    pacing.leaves("7", 100.0)

    assert pacing.ready_at("7") == 101.0
    assert pacing.ready_at("8") == -math.inf


def test_group_waits_until_the_first_of_twenty_is_a_minute_old() -> None:
    pacing = Pacing()
    for second in range(20):
        pacing.leaves("-7", 100.0 + second)
        pacing.leaves("7", 100.0 + second)

    assert pacing.ready_at("-7") == 160.0
    assert pacing.ready_at("7") == 120.0


def test_thirty_first_message_waits_for_everyone() -> None:
    pacing = Pacing()
    for chat in range(30):
        pacing.leaves(str(chat), 100.0 + chat / 100.0)

    assert pacing.ready_at("999") == 101.0


def test_a_message_that_leaves_later_than_its_place_was_taken_counts_from_then() -> None:
    pacing = Pacing()
    for chat in range(30):
        pacing.leaves(str(chat), 100.0 + chat / 100.0)
    for chat in range(30):
        pacing.left_later(str(chat), 100.0 + chat / 100.0, 100.8)

    assert pacing.ready_at("999") == 101.8
    assert pacing.ready_at("7") == 101.8


def test_parked_chat_waits_as_told_and_no_other_does() -> None:
    pacing = Pacing()

    pacing.park("7", 500.0)
    pacing.park("7", 400.0)

    assert pacing.ready_at("7") == 500.0
    assert pacing.ready_at("8") == -math.inf


def test_a_topic_is_parked_alone_or_with_its_chat() -> None:
    pacing = Pacing()

    pacing.park_alone("-7/45", 500.0)
    assert [pacing.ready_at(address) for address in ("-7/45", "-7/46", "-7")] == [500.0, -math.inf, -math.inf]

    pacing.park("-7/45", 600.0)
    assert [pacing.ready_at(address) for address in ("-7/45", "-7/46", "-7")] == [600.0, 600.0, 600.0]


@given(st.lists(st.tuples(st.sampled_from(["1", "2", "-3", "-4"]), st.floats(0.0, 3.0)), min_size=1, max_size=200))
def test_whoever_keeps_to_the_pace_breaks_no_limit(wishes: list[tuple[str, float]]) -> None:
    pacing, now, left = Pacing(), 0.0, []

    for address, pause_s in wishes:
        now = max(now + pause_s, pacing.ready_at(address))
        pacing.leaves(address, now)
        left.append((now, address))

    times = [at for at, _ in left]
    assert all(times[n + 30] - times[n] >= 0.999999 for n in range(len(times) - 30))
    for chat in ("1", "2", "-3", "-4"):
        own = [at for at, address in left if address == chat]
        assert all(own[n + 1] - own[n] >= 0.999999 for n in range(len(own) - 1))
        if chat.startswith("-"):
            assert all(own[n + 20] - own[n] >= 59.999999 for n in range(len(own) - 20))


@pytest.mark.parametrize("times", [[100.0 + n for n in range(20)], [100.0, *(150.0 + n / 2 for n in range(19))]])
def test_what_is_forgotten_of_other_chats_leaves_a_group_its_limit(times: list[float]) -> None:
    pacing = Pacing()
    for at in times:
        pacing.leaves("-5", at)

    pacing.leaves("7", 159.5)

    assert pacing.ready_at("-5") == 160.0
    pacing.leaves("7", 160.5)
    pacing.leaves("-5", 160.6)
    assert pacing.ready_at("-5") == pytest.approx(max(times[1] + 60.0, 161.6))


def test_however_many_chats_are_parked_each_waits_as_told() -> None:
    pacing = Pacing()
    for number in range(1500):
        pacing.park(str(number), 100.0 + number % 2 * 100.0)

    pacing.leaves("x", 150.0)

    assert [pacing.ready_at("1"), pacing.ready_at("1499")] == [200.0, 200.0]
    assert pacing.ready_at("0") <= 100.0


def test_memory_holds_the_chats_of_the_last_minute_only() -> None:
    pacing = Pacing()

    for chat in range(10_000):
        pacing.leaves(str(chat), float(chat))

    assert len(pacing._by_chat) <= 61
