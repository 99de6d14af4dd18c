"""The buttons under an alert, as rows of (label, callback data)."""

from __future__ import annotations

from typing import TypeAlias

from liqalert.core.alerts import Alert
from liqalert.render.callbacks import callback_data

Rows: TypeAlias = tuple[tuple[tuple[str, str], ...], ...]


def alert_buttons(alert: Alert, *, over: bool = False) -> Rows:
    """Mute, acknowledge (until the episode is `over`), chart, why. None for what is about liqalert itself."""
    if alert.instrument is None:
        return ()
    quieter = [("Mute 1 h", callback_data("mute", alert.id))]
    if alert.episode_id is not None and not over:
        quieter.append(("Ack", callback_data("ack", alert.id)))
    more = (("Chart", callback_data("chart", alert.id)), ("Why", callback_data("why", alert.id)))
    return tuple(quieter), more
