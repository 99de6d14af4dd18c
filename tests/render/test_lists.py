from __future__ import annotations

import re

import pytest

from liqalert.core.alerts import Alert
from liqalert.core.episodes import EpisodeState
from liqalert.core.market import Instrument, Liquidation, PositionSide
from liqalert.core.outcomes import Told
from liqalert.core.rules import Rule, RuleKind
from liqalert.render.lists import digest_message, held_message, late_message
from liqalert.render.scene import Scene
from tests.changing import replace
from tests.fakes import near_alert
from tests.render.told import BTC, DECIDED, episode, near, swept


def test_list_of_missed_alerts_is_oldest_first_with_time_level_and_outcome() -> None:
    missed = [
        Told(near_alert("later", DECIDED + 60.0)),
        Told(near_alert("first", DECIDED), swept()),
        Told(near_alert("note", DECIDED - 60.0, text="the clock is off")),
    ]

    [listing] = late_message(missed, Scene("UTC", DECIDED + 86_400.0))

    assert listing.plain.splitlines() == [
        "Missed while this chat could not be reached: 3 alerts",
        "23 Nov 14:04 UTC, the clock is off (/why note)",
        "23 Nov 14:05 UTC, BTCUSDT: 0.93 % from a cluster of liquidated longs, 60,100 to 60,665, outcome: swept"
        " (/why first)",
        "23 Nov 14:06 UTC, BTCUSDT: 0.93 % from a cluster of liquidated longs, 60,100 to 60,665, outcome: still open"
        " (/why later)",
    ]


def test_a_zone_made_anew_is_not_called_open_in_a_list() -> None:
    [listing] = held_message([Told(near(), episode(EpisodeState.IDLE))], Scene("UTC", DECIDED))

    assert listing.plain.endswith(", outcome: grown (/why abcdefgh)")


def test_long_list_is_split_at_line_ends_and_loses_nothing() -> None:
    missed = [Told(near_alert(f"alert{n:03}", DECIDED + n)) for n in range(100)]

    parts = late_message(missed, Scene("UTC", DECIDED))

    assert len(parts) > 1
    assert all(len(part.html) <= 4096 for part in parts)
    lines = "\n".join(part.plain for part in parts).splitlines()
    assert [line[-9:-1] for line in lines[1:]] == [f"alert{n:03}" for n in range(100)]


def storm(count: int) -> list[Told]:
    """Alerts of as many instruments, each a little weaker than the one before."""
    found = []
    for number in range(count):
        alert = near_alert(f"alert{number:03}", DECIDED + number / 100)
        assert alert.zone is not None
        zone = replace(alert.zone, instrument=Instrument("binance", f"COIN{number}USDT"), strength=0.99 - number / 1e4)
        found.append(Told(replace(alert, zone=zone)))
    return found


def test_a_small_digest_says_of_each_what_an_alert_says() -> None:
    [text] = digest_message(storm(2), Scene("UTC", DECIDED))

    assert text.plain.splitlines() == [
        "2 alerts at once, strongest first (14:05 UTC)",
        "• COIN0USDT: 0.93 % from a cluster of liquidated longs, strength 0.99 (/why alert000)",
        "• COIN1USDT: 0.93 % from a cluster of liquidated longs, strength 0.99 (/why alert001)",
    ]


def test_of_single_liquidations_the_largest_comes_first() -> None:
    rule = Rule(RuleKind.LARGE, BTC, 0.0, 0.0, 1e6)
    ones = [Liquidation(BTC, PositionSide.SHORT, 1.0, usd, usd, DECIDED, DECIDED) for usd in (1e6, 3e6, 2e6)]
    large = [Alert(f"large{one.quantity:.0f}", "large", DECIDED, "large", rule=rule, liquidation=one) for one in ones]

    [text] = digest_message([*map(Told, large), *storm(1)], Scene("UTC", DECIDED))

    assert re.findall(r"/why (\w+)", text.plain) == ["alert000", "large3000000", "large2000000", "large1000000"]


def test_a_single_liquidation_has_no_strength_and_comes_last_in_a_digest() -> None:
    one = Liquidation(BTC, PositionSide.SHORT, 61_234.5, 20.0, 1_224_690.0, DECIDED, DECIDED)
    large = Told(Alert("large", "large", DECIDED, "large", liquidation=one))

    [digest] = digest_message([large, Told(near())], Scene("UTC", DECIDED))

    assert digest.plain.splitlines()[-1] == "• BTCUSDT: a short of 1.22M USD liquidated (/why large)"


def test_one_alert_alone_did_not_come_at_once_with_others() -> None:
    [text] = digest_message(storm(1), Scene("UTC", DECIDED))

    assert text.plain.splitlines()[0] == "1 alert (14:05 UTC)"


def test_a_storm_of_minutes_says_when_it_began_and_when_it_ended() -> None:
    first, last = storm(2)
    [text] = digest_message(
        [first, replace(last, alert=replace(last.alert, decided_at=DECIDED + 60.0))], Scene("UTC", DECIDED + 61.0)
    )

    assert text.plain.splitlines()[0] == "2 alerts at once, strongest first (14:05 UTC to 14:06 UTC)"


@pytest.mark.parametrize(("delay_s", "says"), [(59.0, ""), (600.0, ", sent 10 min later")])
def test_a_digest_that_leaves_late_says_so(delay_s: float, says: str) -> None:
    sent_at = DECIDED + 0.01 + delay_s
    [text] = digest_message(storm(2), Scene("UTC", sent_at), sent_at=sent_at)

    assert text.plain.splitlines()[0] == f"2 alerts at once, strongest first (14:05 UTC{says})"


@pytest.mark.parametrize("count", [5, 60, 150, 300])
def test_a_digest_names_every_alert_in_at_most_two_messages(count: int) -> None:
    parts = digest_message(list(reversed(storm(count))), Scene("UTC", DECIDED))

    assert len(parts) <= 2
    assert all(len(part.html) <= 4096 for part in parts)
    whole = "\n".join(part.plain for part in parts)
    places = [whole.find(f"COIN{number}USDT ") + whole.find(f"COIN{number}USDT:") for number in range(count)]
    assert min(places) > -2
    assert whole.startswith(f"{count} alerts at once")


def test_a_digest_of_two_kinds_on_every_symbol_names_each_symbol_once_with_both() -> None:
    near_ones = storm(300)
    cascades = [replace(told, alert=replace(told.alert, kind="cascade")) for told in near_ones]

    parts = digest_message([*near_ones, *cascades], Scene("UTC", DECIDED))

    assert len(parts) <= 2
    whole = "\n".join(part.plain for part in parts)
    assert whole.startswith("600 alerts at once")
    assert "\nlong cascade and near: COIN" in whole
    assert sorted(re.findall(r"COIN\d+USDT", whole)) == sorted(f"COIN{number}USDT" for number in range(300))


@pytest.mark.parametrize("count", [100, 150])
def test_where_room_is_scarce_an_alert_is_still_said_with_its_side_and_strength(count: int) -> None:
    whole = "\n".join(part.plain for part in digest_message(storm(count), Scene("UTC", DECIDED)))

    assert len(re.findall(r"COIN\d+USDT long 0\.\d\d", whole)) == count


def test_a_digest_that_cannot_hold_all_says_how_many_are_left() -> None:
    parts = digest_message(storm(2000), Scene("UTC", DECIDED))

    named = sum(part.plain.count("COIN") for part in parts)
    assert len(parts) <= 2
    assert named > 200
    assert f"and {2000 - named} more, weaker than these: /alerts 200 lists the last 200" in parts[-1].plain


def test_what_waited_for_the_end_of_quiet_hours_is_listed() -> None:
    [text] = held_message([Told(near_alert("first", DECIDED), swept())], Scene("UTC", DECIDED + 3600.0))

    assert text.plain.splitlines()[0] == "While it was quiet here: 1 alert"
