"""From Settings to terms and the rules that every chat begins with."""

from __future__ import annotations

from liqalert.app.start import default_rules, standard_of, terms_of, watched_symbols
from liqalert.core.market import Instrument
from liqalert.core.rules import Rule, RuleKind
from liqalert.settings import Settings

BTC = Instrument("binance", "BTCUSDT")


def test_terms_are_in_seconds_and_the_rearm_distance_is_a_ratio() -> None:
    terms = terms_of(
        Settings(
            clusters={"decay_minutes": 30, "rebuild_seconds": 2},
            alerts={"distance_pct": 0.5, "rearm_pct": 1.5, "cooldown_minutes": 20, "memory_hours": 6},
        )
    )

    assert (terms.decay_s, terms.rebuild_s, terms.cooldown_s, terms.memory_s) == (1800.0, 2.0, 1200.0, 21_600.0)
    assert terms.rearm_ratio == 3.0


def test_all_symbols_means_the_default_rule_for_two() -> None:
    assert watched_symbols(Settings(binance={"symbols": "all"})) == ("BTCUSDT", "ETHUSDT")
    assert watched_symbols(Settings(binance={"symbols": ["SOLUSDT"]})) == ("SOLUSDT",)


def test_every_kind_is_a_rule_for_every_watched_instrument_with_the_numbers_it_uses() -> None:
    settings = Settings(binance={"symbols": ["BTCUSDT"]}, alerts={"kinds": ["near", "large"], "large_usd": 5e6})

    assert default_rules(settings) == (
        Rule(RuleKind.NEAR, BTC, 1.0, 0.6),
        Rule(RuleKind.LARGE, BTC, 0.0, 0.0, 5e6),
    )
    assert [rule.instrument for rule in default_rules(settings, [None])] == [None, None]
    assert standard_of(settings).instruments == (BTC,)
