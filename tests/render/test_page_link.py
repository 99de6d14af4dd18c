"""The link from an alert to the page."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.alerts import Alert
from liqalert.core.outcomes import Told
from liqalert.render.messages import alert_message
from liqalert.render.scene import Scene
from tests.fakes import near_alert
from tests.telegram_rules import parse_html

DECIDED = 1_795_442_700.0


def test_alert_leads_to_the_page_where_its_reader_reaches_it() -> None:
    scene = Scene("UTC", DECIDED, page_url="https://liqalert.example.org/a&b")
    bull = near_alert("abcdefgh", DECIDED, symbol="牛来USDT")

    text = alert_message(Told(near_alert("abcdefgh", DECIDED)), scene)
    of_bull = alert_message(Told(bull), scene)

    assert text.plain.splitlines()[-1] == ("More: https://liqalert.example.org/a&b/#BTCUSDT/24h or /why abcdefgh")
    assert text.html.splitlines()[-1] == (
        'More: <a href="https://liqalert.example.org/a&amp;b/#BTCUSDT/24h">page</a> or <code>/why abcdefgh</code>'
    )
    assert "/#%E7%89%9B%E6%9D%A5USDT/24h or " in of_bull.plain


def test_notice_and_test_lead_to_no_page() -> None:
    scene = Scene("UTC", DECIDED, page_url="https://liqalert.example.org")
    test = Alert("abcdefgh", "test", DECIDED, "test", text="")

    assert alert_message(Told(test), scene).plain.splitlines()[-1] == "More: /why abcdefgh"


@given(st.text(max_size=3000))
def test_telegram_takes_the_link_of_any_symbol(symbol: str) -> None:
    scene = Scene("UTC", DECIDED, page_url="https://liqalert.example.org")

    text = alert_message(Told(near_alert("abcdefgh", DECIDED, symbol=symbol)), scene)

    assert parse_html(text.html).count("\n") == text.plain.count("\n")
    assert len(text.html.encode("utf-16-le")) // 2 <= 4096
