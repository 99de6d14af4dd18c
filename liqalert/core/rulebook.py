"""The rules in force, by kind and instrument."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from liqalert.core.market import Instrument
from liqalert.core.rules import Rule, RuleKind


class RuleBook:
    """Equal rules are kept once. Part of the engine; touched by nothing else."""

    def __init__(self) -> None:
        self._rules: tuple[Rule, ...] = ()
        self._covering: dict[RuleKind, dict[Instrument, tuple[tuple[str, Rule], ...]]] = {kind: {} for kind in RuleKind}
        """As far as they have been asked for, as are these."""
        self._named: dict[tuple[RuleKind, ...], frozenset[Instrument]] = {}

        self.tell_of_growth = False
        """Whether any of them is about zones that form or grow."""

    def replace(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(sorted(set(rules), key=lambda rule: rule.id))
        self.tell_of_growth = any(rule.kind in (RuleKind.FORMED, RuleKind.GROWN) for rule in self._rules)
        self._covering = {kind: {} for kind in RuleKind}
        self._named = {}

    def all(self) -> tuple[Rule, ...]:
        """By id."""
        return self._rules

    def ids(self) -> frozenset[str]:
        return frozenset(rule.id for rule in self._rules)

    def instruments(self, kinds: Collection[RuleKind]) -> frozenset[Instrument]:
        """Those that rules of these kinds name; a rule for all of them names none."""
        key = tuple(kinds)
        if key not in self._named:
            mine = (rule.instrument for rule in self._rules if rule.kind in key)
            self._named[key] = frozenset(each for each in mine if each is not None)
        return self._named[key]

    def covering(self, kind: RuleKind, instrument: Instrument) -> tuple[tuple[str, Rule], ...]:
        """The rules of `kind` that hold for `instrument`, with their ids, by id."""
        found = self._covering[kind].get(instrument)
        if found is None:
            mine = (rule for rule in self._rules if rule.kind is kind and rule.covers(instrument))
            found = self._covering[kind][instrument] = tuple((rule.id, rule) for rule in mine)
        return found
