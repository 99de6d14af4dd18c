"""What is remembered of the frames of two connections, and for how long."""

from __future__ import annotations

import pytest

from liqalert.feeds.doubles import REMEMBERED_S, Doubles

BEGAN_S = 1000.0


@pytest.mark.parametrize("marks", [True, False])
def test_the_second_of_two_gets_the_answer_of_the_first(marks: bool) -> None:
    doubles = Doubles()
    assert doubles.new([b"seven"], BEGAN_S) == ([b"seven"], False)
    if marks:
        doubles.note_marks(b"seven")

    assert doubles.new([b"seven", b"eight"], BEGAN_S + REMEMBERED_S - 0.1) == ([b"eight"], marks)
    assert doubles.new([b"eight", b"seven"], BEGAN_S + REMEMBERED_S - 0.1) == ([], marks)


def test_of_two_that_come_together_the_first_is_new() -> None:
    assert Doubles().new([b"seven", b"eight", b"seven"], BEGAN_S) == ([b"seven", b"eight"], False)


@pytest.mark.parametrize("came_s", [0.0, 5.0, REMEMBERED_S - 0.1])
def test_it_is_remembered_for_ten_seconds_and_forgotten_after_twenty(came_s: float) -> None:
    doubles = Doubles()
    doubles.new([b"one"], BEGAN_S)
    doubles.new([b"seven"], BEGAN_S + came_s)

    assert doubles.new([b"seven"], BEGAN_S + came_s + REMEMBERED_S) == ([], False)
    assert doubles.new([b"seven"], BEGAN_S + came_s + 2.0 * REMEMBERED_S) == ([b"seven"], False)


def test_after_a_long_silence_nothing_is_left() -> None:
    doubles = Doubles()
    doubles.new([b"seven"], BEGAN_S)

    assert doubles.new([], BEGAN_S + 3600.0) == ([], False)
    assert len(doubles) == 0
