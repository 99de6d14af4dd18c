from __future__ import annotations

from msgspec import structs

from liqalert.core.alerts import Alert
from liqalert.core.episodes import Episode, EpisodeState
from liqalert.core.market import Instrument
from liqalert.core.outcomes import Told
from liqalert.render.messages import alert_message
from liqalert.render.scene import Scene
from tests.changing import replace
from tests.fakes import near_alert

BTC = Instrument("binance", "BTCUSDT")
DECIDED = 1_795_442_700.0
"""2026-11-23 14:05 UTC."""


def near(**changes: object) -> Alert:
    """An alert whose evidence has `changes`."""
    alert = near_alert("abcdefgh", DECIDED)
    assert alert.evidence is not None
    return replace(alert, evidence=structs.replace(alert.evidence, **changes))


def episode(state: EpisodeState, **changes: object) -> Episode:
    """The episode of `near_alert("abcdefgh")`, five minutes after it."""
    alert = near()
    assert alert.rule is not None
    entered = Episode("e", alert.rule, "z", state, DECIDED + 300.0, "abcdefgh", furthest=60_853.6)
    return replace(entered, **changes)


def swept() -> Episode:
    return episode(EpisodeState.SWEPT, outcome=EpisodeState.SWEPT)


def plain(alert: Alert, now: float = DECIDED, *, recorded: bool = True) -> str:
    return alert_message(Told(alert), Scene("UTC", now), recorded=recorded).plain
