from __future__ import annotations

import pytest

from liqalert.core.rules import RuleKind
from liqalert.delivery.routing import Route, delivery_by, is_heard, route
from liqalert.ports import DeliveryStatus, Loudness, Preferences, QuietHours
from tests.changing import replace
from tests.fakes import near_alert, recipient

NOON = 1_795_435_200.0
"""2026-11-23 12:00 UTC."""
TWO_PM = 1_795_442_400.0
MIDDAY = QuietHours(11 * 60, 14 * 60, "UTC")
EVENING = QuietHours(18 * 60, 20 * 60, "UTC")

LOUD = Route(DeliveryStatus.DUE, silent=False, due_at=NOON)
SILENT = Route(DeliveryStatus.DUE, silent=True, due_at=NOON)
HELD = Route(DeliveryStatus.HELD, silent=True, due_at=TWO_PM)


@pytest.mark.parametrize(
    ("loudness", "quiet", "expected"),
    [
        (Loudness.LOUD, None, LOUD),
        (Loudness.LOUD, EVENING, LOUD),
        (Loudness.LOUD, MIDDAY, HELD),
        (Loudness.SILENT, None, SILENT),
        (Loudness.SILENT, MIDDAY, HELD),
        (Loudness.ALWAYS, None, LOUD),
        (Loudness.ALWAYS, MIDDAY, LOUD),
        (Loudness.OFF, None, None),
        (Loudness.OFF, MIDDAY, None),
    ],
)
def test_route_follows_from_loudness_and_quiet_hours(
    loudness: Loudness, quiet: QuietHours | None, expected: Route | None
) -> None:
    told = recipient(1, preferences=Preferences(loudness=((RuleKind.NEAR, loudness),), quiet=quiet))

    assert route(near_alert(), told, NOON) == expected


def test_kind_that_the_chat_has_said_nothing_about_is_loud() -> None:
    told = recipient(1, preferences=Preferences(loudness=((RuleKind.LARGE, Loudness.OFF),)))

    assert route(near_alert(), told, NOON) == LOUD


@pytest.mark.parametrize(("muted_until", "expected"), [(NOON + 0.5, None), (NOON, LOUD), (NOON - 1.0, LOUD)])
def test_muted_chat_is_not_told_before_the_mute_ends(muted_until: float, expected: Route | None) -> None:
    assert route(near_alert(), recipient(1, muted_until=muted_until), NOON) == expected


@pytest.mark.parametrize(("kind", "expected"), [("grown", None), ("near", LOUD), ("formed", LOUD)])
def test_acknowledged_episode_spares_the_chat_only_what_has_grown(kind: str, expected: Route | None) -> None:
    alert = replace(near_alert(), kind=kind)

    assert route(alert, recipient(1, acknowledged=True), NOON) == expected


@pytest.mark.parametrize("kind", ["notice", "test"])
def test_what_is_about_liqalert_itself_cannot_be_silenced(kind: str) -> None:
    off = tuple((each, Loudness.OFF) for each in RuleKind)
    told = recipient(1, muted_until=NOON + 60.0, preferences=Preferences(loudness=off, quiet=MIDDAY), acknowledged=True)

    assert route(replace(near_alert(text="Something"), kind=kind), told, NOON) == LOUD


def test_whether_anything_is_watched_is_told_without_a_sound_and_cannot_be_muted() -> None:
    alert = replace(near_alert(text="not watched"), kind="watching")

    assert route(alert, recipient(1, muted_until=NOON + 60.0), NOON) == SILENT
    assert route(alert, recipient(1, preferences=Preferences(quiet=MIDDAY)), NOON) == HELD


@pytest.mark.parametrize(
    ("loudness", "quiet", "heard"),
    [
        (Loudness.LOUD, None, True),
        (Loudness.LOUD, EVENING, True),
        (Loudness.LOUD, MIDDAY, False),
        (Loudness.SILENT, EVENING, False),
        (Loudness.ALWAYS, MIDDAY, True),
    ],
)
def test_a_sound_is_made_outside_the_quiet_hours_of_a_chat_that_has_some(
    loudness: Loudness, quiet: QuietHours | None, heard: bool
) -> None:
    told = recipient(1, preferences=Preferences(loudness=((RuleKind.NEAR, loudness),), quiet=quiet))
    in_the_morning = NOON - 4 * 3600.0
    way = route(near_alert(), told, in_the_morning)
    assert way is not None

    assert is_heard(delivery_by(way, near_alert(), told, in_the_morning, id_=1), NOON) is heard
