"""Episodes that change hands, and what of them a restart takes up."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from liqalert.core.engine import Engine
from liqalert.core.episodebook import EpisodeBook
from liqalert.core.episodes import Episode, EpisodeState
from liqalert.core.rulebook import RuleBook
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.terms import Terms
from tests.core.events import BTC, T0, zone

RULE = Rule(RuleKind.NEAR, BTC, 1.0, 0.3)
WEAKER, SURVIVOR = zone(name="weaker", strength=0.4), zone(name="survivor", strength=0.6)


def book_with(episodes: Iterable[Episode]) -> EpisodeBook:
    rules = RuleBook()
    rules.replace([RULE])
    book = EpisodeBook(Terms(), Engine(Terms())._sides, rules)
    book.restore(episodes)
    return book


def episode(state: EpisodeState, zone_id: str, **fields: object) -> Episode:
    return Episode("e-" + zone_id, RULE, zone_id, state, T0, **fields)  # type: ignore[arg-type]


INTERRUPTED = episode(EpisodeState.IDLE, WEAKER.id, alert_id="told")


def test_an_interrupted_episode_moves_to_the_zone_that_takes_over_for_good() -> None:
    """For whoever was told it is still open, also after a restart, which reads what was recorded."""
    book = book_with([INTERRUPTED])

    moved = book.take_over(WEAKER, SURVIVOR)

    assert [(each.id, each.zone_id, each.state) for each in moved] == [("e-weaker", "survivor", "idle")]
    assert (book.is_open(WEAKER), book.is_open(SURVIVOR)) == (False, True)
    assert book_with(moved).is_open(SURVIVOR)


@pytest.mark.parametrize("own", [EpisodeState.ARMED, EpisodeState.NEAR])
def test_an_interrupted_episode_gives_way_to_one_that_goes_on(own: EpisodeState) -> None:
    """Armed: the mark has left the survivor since. Near: it is open by itself."""
    book = book_with([INTERRUPTED, episode(own, SURVIVOR.id)])

    assert book.take_over(WEAKER, SURVIVOR) == ()
    assert book.is_open(SURVIVOR) is (own is EpisodeState.NEAR)


@pytest.mark.parametrize(
    ("theirs", "own", "taken"),
    [
        (EpisodeState.NEAR, EpisodeState.ARMED, True),
        (EpisodeState.NEAR, EpisodeState.COOLING, True),
        (EpisodeState.TOUCHED, EpisodeState.NEAR, True),
        (EpisodeState.COOLING, EpisodeState.ARMED, True),
        (EpisodeState.ARMED, EpisodeState.ARMED, False),
        (EpisodeState.ARMED, EpisodeState.COOLING, False),
        (EpisodeState.NEAR, EpisodeState.NEAR, False),
        (EpisodeState.NEAR, EpisodeState.TOUCHED, False),
    ],
)
def test_of_two_episodes_of_a_rule_the_further_advanced_goes_on(
    theirs: EpisodeState, own: EpisodeState, taken: bool
) -> None:
    book = book_with([episode(theirs, WEAKER.id), episode(own, SURVIVOR.id)])

    moved = book.take_over(WEAKER, SURVIVOR)

    assert [(each.id, each.zone_id) for each in moved] == ([("e-weaker", "survivor")] if taken else [])
    assert book.most_advanced([SURVIVOR]) == [theirs if taken else own]
    assert book.most_advanced([WEAKER]) == [own if taken else theirs], "what is given up ends with the weaker zone"


@pytest.mark.parametrize(
    ("state", "still_open"),
    [
        (EpisodeState.ARMED, False),
        (EpisodeState.NEAR, True),
        (EpisodeState.TOUCHED, True),
        (EpisodeState.COOLING, False),
    ],
)
def test_what_a_rewritten_zone_interrupts_is_open_for_whoever_was_told(state: EpisodeState, still_open: bool) -> None:
    book = book_with([episode(state, WEAKER.id)])

    [interrupted] = book.interrupt(WEAKER, None, T0 + 5)

    assert interrupted.episode.state is EpisodeState.IDLE
    assert book.is_open(WEAKER) is still_open


def test_what_is_known_of_rules_that_are_gone_is_forgotten() -> None:
    book = book_with([INTERRUPTED])
    book._rules.replace([])

    assert list(book.drop_rules(WEAKER, None, T0)) == []
    assert not book.is_open(WEAKER)
