"""The summary of a demo: what its alerts came to."""

from __future__ import annotations

from liqalert.app.narrator import Narrator
from liqalert.core.episodes import Decision
from tests.storage.objects import armed, held, interrupted, near


def said_after(*decisions: Decision) -> str:
    narrator = Narrator()
    narrator.see(decisions)
    return narrator.summary(3600.0).splitlines()[0]


def test_it_says_how_alerts_turned_out() -> None:
    assert said_after(armed(), near(), held()).endswith("1 alert, 1 of them near a zone: 1 held.")
    assert said_after(armed(), near()).endswith("1 alert, 1 of them near a zone: 1 still open.")


def test_an_alert_whose_zone_was_made_anew_is_not_still_open() -> None:
    assert said_after(armed(), near(), interrupted()).endswith("1 alert, 1 of them near a zone: 1 grown.")
