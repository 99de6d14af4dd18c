"""What has become of alerts, and what they rested on: values that stores read and messages are written from."""

from __future__ import annotations

from dataclasses import dataclass

from liqalert.core.alerts import Alert
from liqalert.core.episodes import Episode, EpisodeState
from liqalert.core.market import Liquidation
from liqalert.core.zones import Zone, gap_pct


@dataclass(frozen=True, slots=True)
class Told:
    """An alert with its episode as it stands now; None where the kind has none, or nothing is known."""

    alert: Alert
    episode: Episode | None = None


@dataclass(frozen=True, slots=True)
class Members:
    """The liquidations that an alert rests on, read from the journal."""

    count: int
    notional_usd: float
    """The plain sum, without weights."""
    first: Liquidation
    last: Liquidation
    largest: Liquidation


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """How the last alerts of a rule ended, newest 20 at most; open ones left out."""

    swept: int = 0
    held: int = 0
    faded: int = 0

    @property
    def total(self) -> int:
        return self.swept + self.held + self.faded


def became(episode: Episode) -> str:
    """In a word, how an alert's episode turned out, or where it stands. `grown`: new liquidations have made the zone
    anew since, and it is idle again."""
    return (
        "grown" if episode.state is EpisodeState.IDLE and episode.outcome is None else episode.outcome or episode.state
    )


def was_never_reached(episode: Episode, zone: Zone | None) -> bool:
    """Whether the mark has not come to `zone`, as it was told of. Where the episode was touched or swept all the same,
    a stronger zone with another band had taken it over."""
    return (closest_pct(episode, zone) or 0.0) > 0.0


def closest_pct(episode: Episode, zone: Zone | None) -> float | None:
    """Nearest the mark has come to `zone`, as it was told of, since near: per cent of the mark, 0 inside."""
    if zone is None or episode.furthest is None:
        return None
    return max(0.0, gap_pct(zone, episode.furthest))
