"""Counts what happens in a demo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from liqalert.core.episodes import Decision, Episode, EpisodeState, Transition, ZoneOpened, alerts_in
from liqalert.core.outcomes import became
from liqalert.render.numbers import age, counted

OUTCOMES = ("swept", "held", "faded", "grown")


class Narrator:
    """Is shown every decision. What is told, and how it turned out, the console itself prints."""

    def __init__(self) -> None:
        self._open: set[str] = set()
        """Episodes with an alert and no outcome yet."""
        self.alerts = 0
        self.zones = 0
        self.outcomes: Counter[str] = Counter()

    def see(self, decisions: Sequence[Decision]) -> None:
        self.alerts += sum(1 for _ in alerts_in(decisions))
        for decision in decisions:
            self.zones += isinstance(decision, ZoneOpened)
            if isinstance(decision, Transition):
                self._transition(decision)

    def summary(self, simulated_s: float) -> str:
        """What happened, in two lines."""
        outcomes = ", ".join(f"{self.outcomes[word]} {word}" for word in OUTCOMES if self.outcomes[word])
        parts = [part for part in (outcomes, f"{len(self._open)} still open" if self._open else "") if part]
        near = f", {self.outcomes.total() + len(self._open)} of them near a zone: {', '.join(parts)}" if parts else ""
        return (
            f"{age(simulated_s)} of simulated market: {counted(self.zones, 'zone')} of liquidations, "
            f"{counted(self.alerts, 'alert')}{near}.\n"
            "None of it was real. For the real market: liqalert run"
        )

    def _transition(self, transition: Transition) -> None:
        episode = transition.episode
        if transition.alert is not None:
            self._open.add(episode.id)
        elif _is_over(episode) and episode.id in self._open:
            self._open.remove(episode.id)
            self.outcomes[became(episode)] += 1


def _is_over(episode: Episode) -> bool:
    return episode.outcome is not None or episode.state is EpisodeState.IDLE
