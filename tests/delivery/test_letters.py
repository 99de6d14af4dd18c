from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.episodes import EpisodeState
from liqalert.core.outcomes import Told, TrackRecord
from liqalert.delivery.letters import Composer, Letter
from liqalert.delivery.post import Copies
from liqalert.ports import Delivery, DeliveryStatus, Event, QuietHours
from tests.fakes import near_alert, near_transition
from tests.telegram_rules import parse_html

DECIDED = 1_795_392_000.0
DUE = Delivery(5, near_alert("one", DECIDED), 1, "telegram", "7", False, DeliveryStatus.DUE, 0, DECIDED, DECIDED)
TELEGRAM_LIMIT = 4096


def test_a_banner_stands_above_every_message() -> None:
    message = Composer(banner="Simulated market").alert(DUE, DECIDED)

    assert message.plain.startswith("Simulated market\n")
    assert message.html.startswith("<b>Simulated market</b>\n")


def test_without_a_banner_the_headline_is_first() -> None:
    assert Composer().alert(DUE, DECIDED).html.startswith("<b>BTCUSDT: ")


def test_an_alert_carries_its_buttons_and_what_it_tells() -> None:
    message = Composer().alert(DUE, DECIDED)

    assert [button.text for row in message.buttons for button in row] == ["Mute 1 h", "Ack", "Chart", "Why"]
    assert (message.event, message.told) == (Event.ALERT, (Told(DUE.alert),))


def test_an_alert_leads_to_the_page_before_and_after_its_outcome_and_a_digest_does_not() -> None:
    composer = Composer(page_url="https://liqalert.example.org")

    told = [composer.alert(DUE, DECIDED), composer.alert_since(Told(DUE.alert), "1,234.5", DECIDED)]
    [digest] = composer.digest([DUE, DUE], DECIDED)

    assert ["https://liqalert.example.org/#BTCUSDT/24h" in message.plain for message in told] == [True, True]
    assert "liqalert.example.org" not in digest.plain


def test_the_track_record_is_the_closing_line_once_there_is_one() -> None:
    with_record = Composer().alert(DUE, DECIDED, TrackRecord(swept=3, held=1, faded=1))

    assert "1 held, 3 swept, 1 faded" in with_record.plain.splitlines()[-2]
    assert with_record.plain.splitlines()[-1] == "More: /why one"


def test_what_waited_for_quiet_hours_to_end_makes_no_sound_and_what_came_late_does() -> None:
    held, late = (replace(DUE, status=status) for status in (DeliveryStatus.HELD, DeliveryStatus.LATE))

    [silent] = Composer().missed(Letter((held,), listed=True), [Told(held.alert)], DECIDED)
    [loud] = Composer().missed(Letter((late,), listed=True), [Told(late.alert)], DECIDED)

    assert (silent.silent, loud.silent) == (True, False)


def test_an_outcome_is_written_into_the_message_and_takes_the_acknowledging_away() -> None:
    swept = near_transition(DUE.alert, EpisodeState.SWEPT).episode

    message = Composer().alert_since(Told(DUE.alert, swept), "1,234.5", DECIDED)

    assert "Swept: price went through the range" in message.plain
    assert "Ack" not in [button.text for row in message.buttons for button in row]
    assert message.silent


@given(st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=400))
def test_a_digest_of_any_symbols_is_at_most_two_messages_that_telegram_takes(symbols: list[str]) -> None:
    deliveries = [
        replace(DUE, id=number, alert=near_alert(f"alert{number}", DECIDED, symbol=symbol))
        for number, symbol in enumerate(symbols)
    ]

    messages = Composer(banner="Simulated market").digest(deliveries, DECIDED)

    assert len(messages) <= 2
    assert all(len(parse_html(message.html).encode("utf-16-le")) <= 2 * TELEGRAM_LIMIT for message in messages)
    assert all(any(f"alert{number}" in message.plain for message in messages) for number in range(len(symbols)))


QUIET = QuietHours(0, 1439, "UTC")
deliveries = st.builds(
    replace,
    st.just(DUE),
    alert=st.sampled_from([DUE.alert, near_alert("two", DECIDED)]),
    chat_id=st.integers(1, 99),
    silent=st.booleans(),
    numbers=st.sampled_from(["1,234.5", "1.234,5"]),
    quiet=st.sampled_from([None, QUIET]),
    recorded=st.booleans(),
)
records = st.sampled_from([None, TrackRecord(swept=3, held=1, faded=1)])


@given(st.lists(st.tuples(deliveries, st.sampled_from([0.0, 1.0, 90.0]), records), max_size=12))
def test_copies_say_what_each_chat_would_have_been_written(
    asked: list[tuple[Delivery, float, TrackRecord | None]],
) -> None:
    composer = Composer()
    copies = Copies(composer)

    for delivery, later, record in asked:
        now = DECIDED + later
        assert copies.alert(delivery, now, record) == composer.alert(delivery, now, record)


def test_chats_that_read_alike_are_given_one_copy() -> None:
    copies = Copies(Composer())

    first, second = (copies.alert(replace(DUE, chat_id=chat), DECIDED + chat / 10.0, None) for chat in (1, 2))

    assert first is second
