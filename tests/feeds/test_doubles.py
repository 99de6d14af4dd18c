"""What is remembered of the frames of two connections, and for how long."""

from __future__ import annotations

import pytest

from liqalert.feeds.doubles import REMEMBERED_S, Doubles

BEGAN_S = 1000.0


@pytest.mark.parametrize("answer", [True, False])
def test_the_second_of_two_gets_the_answer_of_the_first(answer: bool) -> None:
    doubles = Doubles()
    assert doubles.find(7, BEGAN_S) is None

    doubles.keep(7, answer)

    assert doubles.find(7, BEGAN_S + REMEMBERED_S - 0.1) is answer
    assert doubles.find(8, BEGAN_S + REMEMBERED_S - 0.1) is None


@pytest.mark.parametrize("came_s", [0.0, 5.0, REMEMBERED_S - 0.1])
def test_it_is_remembered_for_ten_seconds_and_forgotten_after_twenty(came_s: float) -> None:
    doubles = Doubles()
    doubles.find(1, BEGAN_S)
    doubles.find(7, BEGAN_S + came_s)
    doubles.keep(7, True)

    assert doubles.find(7, BEGAN_S + came_s + REMEMBERED_S) is True
    assert doubles.find(7, BEGAN_S + came_s + 2.0 * REMEMBERED_S) is None


def test_after_a_long_silence_nothing_is_left() -> None:
    doubles = Doubles()
    doubles.find(7, BEGAN_S)
    doubles.keep(7, True)

    assert doubles.find(7, BEGAN_S + 3600.0) is None
    assert len(doubles) == 0
