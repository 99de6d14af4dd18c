from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.alerts import Alert
from liqalert.core.outcomes import Told
from liqalert.render.lists import late_message
from liqalert.render.messages import alert_message
from liqalert.render.scene import Scene
from liqalert.render.text import Text, split
from tests.fakes import near_alert
from tests.render.told import DECIDED
from tests.telegram_rules import parse_html


def test_split_fills_parts_to_the_last_character() -> None:
    text = Text("aaaa\nbbbb\ncccc", "aaaa\nbbbb\ncccc")

    assert [part.plain for part in split(text, 9)] == ["aaaa\nbbbb", "cccc"]
    assert [part.plain for part in split(text, 8)] == ["aaaa", "bbbb", "cccc"]


def test_line_that_is_too_long_is_cut_without_tearing_an_entity_or_a_tag() -> None:
    text = Text("<b>1234567&amp;9</b>", "1234567&9")

    assert [part.html for part in split(text, 10)] == ["1234567…"]


@given(st.text(max_size=3000), st.text(max_size=3000), st.booleans())
def test_telegram_takes_any_symbol_and_any_sentence(symbol: str, sentence: str, recorded: bool) -> None:
    alerts = [
        near_alert(symbol[:20] or "x", DECIDED, symbol=symbol),
        near_alert("abcdefgh", DECIDED, text=sentence or "x"),
        Alert("abcdefgh", "test", DECIDED, "test", text=sentence),
    ]

    texts = [alert_message(Told(alert), Scene("UTC", DECIDED), recorded=recorded) for alert in alerts]
    texts += late_message([Told(alert) for alert in alerts], Scene("UTC", DECIDED))

    for text in texts:
        assert parse_html(text.html) == text.plain
        assert len(text.html.encode("utf-16-le")) // 2 <= 4096


@given(st.lists(st.text(alphabet="ab<>&;\U0001f600", max_size=30), max_size=8), st.integers(8, 60))
def test_split_never_makes_what_telegram_refuses(lines: list[str], limit: int) -> None:
    escaped = [line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for line in lines]
    text = Text("\n".join(f"<b>{line}</b>" for line in escaped), "\n".join(lines))

    for part in split(text, limit):
        parse_html(part.html)
        assert len(part.html.encode("utf-16-le")) // 2 <= limit
