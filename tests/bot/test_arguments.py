"""What the words of a message mean, and what is said about words that mean nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.bot.arguments import CannotAnswer, WatchWords, Words, watch_words, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/clusters", Words("clusters", (), mine=False)),
        ("/clusters  BTC ", Words("clusters", ("BTC",), mine=False)),
        ("/Clusters@StandIn_Bot btc", Words("clusters", ("btc",), mine=True)),
        ("/clusters\nbtc", Words("clusters", ("btc",), mine=False)),
        ("/clusters 币安人生", Words("clusters", ("币安人生",), mine=False)),
        ("/", Words("", (), mine=False)),
        ("/clusters@other_bot btc", None),
        ("clusters btc", None),
        ("", None),
    ],
)
def test_the_command_in_a_message(text: str, words: Words | None) -> None:
    assert words_of(text, "standin_bot") == words


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("BTC", WatchWords("BTC")),
        ("all", WatchWords("all")),
        ("BTC 0.8%", WatchWords("BTC", distance_pct=0.8)),
        ("BTC 0.8 %", WatchWords("BTC", distance_pct=0.8)),
        ("BTC 0,8% 0,7", WatchWords("BTC", 0.8, 0.7)),
        ("BTC 0.8 0.7", WatchWords("BTC", 0.8, 0.7)),
        ("BTC 0.7 0.8%", WatchWords("BTC", 0.8, 0.7)),
        ("BTC 0.7", WatchWords("BTC", min_strength=0.7)),
        ("all 1% 0.9", WatchWords("all", 1.0, 0.9)),
        ("BTC/USDT:USDT 20% 0.3", WatchWords("BTC/USDT:USDT", 20.0, 0.3)),
        ("BTC 0.123456%", WatchWords("BTC", distance_pct=0.1235)),
    ],
)
def test_watch_is_understood(typed: str, words: WatchWords) -> None:
    assert watch_words(tuple(typed.split())) == words


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", "/watch needs a symbol first, or all."),
        ("0.8% BTC", "/watch needs a symbol first, or all."),
        ("1.5", "/watch needs a symbol first, or all."),
        ("BTC 0%", "The distance 0% must be above 0 % and at most 20 %."),
        ("BTC 0.00001%", "The distance 0.00001% must be above 0 % and at most 20 %."),
        ("BTC 20.1%", "The distance 20.1% must be above 0 % and at most 20 %."),
        ("BTC -1%", "-1% is not a number."),
        ("BTC nan%", "nan% is not a number."),
        ("BTC 1e400%", "1e400% is not a number."),
        ("BTC 1% inf", "inf is not a number."),
        ("BTC ١%", "١% is not a number."),
        ("BTC 1% 0.2", "The strength 0.2 must be at least 0.3 and below 1; a distance is written with %."),
        ("BTC 1% 1", "The strength 1 must be at least 0.3 and below 1; a distance is written with %."),
        ("BTC 1.5", "The strength 1.5 must be at least 0.3 and below 1; a distance is written with %."),
        ("BTC 1% 2%", "/watch takes a symbol, one distance with % and one strength."),
        ("BTC 1% 0.7 0.8", "/watch takes a symbol, one distance with % and one strength."),
        ("BTC ETH", "ETH is not a number."),
    ],
)
def test_watch_says_what_was_wrong_and_an_example(typed: str, problem: str) -> None:
    with pytest.raises(CannotAnswer) as caught:
        watch_words(tuple(typed.split()))

    assert caught.value.text.plain == f"{problem} Example: /watch BTC 0.8% 0.7"


@given(st.lists(st.text(max_size=20), max_size=5))
def test_any_words_are_understood_or_answered(typed: list[str]) -> None:
    try:
        words = watch_words(tuple(typed))
    except CannotAnswer:
        return
    assert words.min_strength is None or 0.3 <= words.min_strength < 1.0
    assert words.distance_pct is None or 0.0 < words.distance_pct <= 20.0
