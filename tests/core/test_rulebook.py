"""Which rules hold for an instrument."""

from __future__ import annotations

from liqalert.core.rulebook import RuleBook
from liqalert.core.rules import Rule, RuleKind
from tests.core.events import BTC, ETH

OF_BTC = Rule(RuleKind.NEAR, BTC, 1.0, 0.6)
OF_ALL = Rule(RuleKind.NEAR, None, 2.0, 0.6)
GROWN = Rule(RuleKind.GROWN, ETH, 1.0, 0.6)


def book(*rules: Rule) -> RuleBook:
    made = RuleBook()
    made.replace(rules)
    return made


def test_equal_rules_are_kept_once_and_come_by_id() -> None:
    made = book(OF_BTC, OF_ALL, Rule(RuleKind.NEAR, BTC, 1.0, 0.6), GROWN)

    assert made.covering(RuleKind.NEAR, BTC) == ((OF_ALL.id, OF_ALL), (OF_BTC.id, OF_BTC))
    assert made.covering(RuleKind.NEAR, ETH) == ((OF_ALL.id, OF_ALL),)
    assert made.covering(RuleKind.FORMED, BTC) == ()
    assert made.ids() == {OF_BTC.id, OF_ALL.id, GROWN.id}


def test_a_rule_for_all_names_no_instrument() -> None:
    made = book(OF_BTC, OF_ALL, GROWN)

    assert made.instruments([RuleKind.NEAR]) == {BTC}
    assert made.instruments([RuleKind.NEAR, RuleKind.GROWN]) == {BTC, ETH}


def test_what_was_asked_before_is_forgotten_with_the_rules() -> None:
    made = book(OF_BTC)
    assert made.covering(RuleKind.NEAR, BTC) != ()
    assert made.instruments([RuleKind.NEAR]) == {BTC}

    made.replace([GROWN])

    assert made.covering(RuleKind.NEAR, BTC) == ()
    assert made.instruments([RuleKind.NEAR]) == frozenset()
