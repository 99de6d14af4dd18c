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


def test_what_is_known_of_rules_that_are_gone_is_forgotten() -> None:
    book = book_with([INTERRUPTED])
    book._rules.replace([])

    assert list(book.drop_rules(WEAKER, None, T0)) == []
    assert not book.is_open(WEAKER)
