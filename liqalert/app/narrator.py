"""Tells a demo's story on the terminal: how each alert turned out, and what happened in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TextIO

from liqalert.core.episodes import Decision, EpisodeState, Transition, ZoneOpened
from liqalert.core.market import UnixTime
from liqalert.render.numbers import age

WORDS = {
    EpisodeState.SWEPT: "swept: price went through the range and out at the far side",
    EpisodeState.HELD: "held: price turned back to where it came from",
    EpisodeState.FADED: "faded: the zone ended before price decided",
}


class Narrator:
    """Is shown every decision. Prints one line when an alert's outcome is known."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._told_at: dict[str, UnixTime] = {}
        self.alerts = 0
        self.zones = 0
        self.outcomes: Counter[EpisodeState] = Counter()

    def see(self, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            self.zones += isinstance(decision, ZoneOpened)
            if isinstance(decision, Transition):
                self._transition(decision)

    def summary(self, simulated_s: float) -> str:
        """What happened, in two lines."""
        outcomes = ", ".join(f"{self.outcomes[state]} {state}" for state in WORDS if self.outcomes[state])
        open_still = self.alerts - self.outcomes.total()
        parts = [part for part in (outcomes, f"{open_still} still open" if open_still else "") if part]
        return (
            f"{age(simulated_s)} of simulated market: {self.zones} zones of liquidations, {self.alerts} alerts"
            f"{': ' if parts else ''}{', '.join(parts)}.\n"
            "None of it was real. For the real market: liqalert run"
        )

    def _transition(self, transition: Transition) -> None:
        episode = transition.episode
        if transition.alert is not None:
            self.alerts += 1
            self._told_at[episode.id] = transition.at
        told_at = self._told_at.get(episode.id)
        if told_at is None or episode.outcome is None or episode.alert_id is None:
            return
        del self._told_at[episode.id]
        self.outcomes[episode.outcome] += 1
        after = age(transition.at - told_at)
        print(f"-> {episode.alert_id} {WORDS[episode.outcome]}, {after} after the alert", file=self._out, flush=True)
