"""Several alerts in one message: a digest of a storm, what came too late, what waited for quiet hours to end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from liqalert.core.episodes import EpisodeState
from liqalert.core.market import UnixTime
from liqalert.core.outcomes import Told, became
from liqalert.render.headline import headline, short_headline, symbol
from liqalert.render.messages import LATE_TO_SAY_S, band
from liqalert.render.numbers import age
from liqalert.render.scene import Scene
from liqalert.render.text import TELEGRAM_LIMIT, Text, bold, clip, joined, line, split, units

DIGEST_PARTS = 2
MORE = "and {count} more, weaker than these: /alerts 200 lists the last 200"


def late_message(missed: Sequence[Told], scene: Scene) -> tuple[Text, ...]:
    """One list of what a chat has missed, oldest first, in as few messages as Telegram allows."""
    return _list(f"Missed while this chat could not be reached: {_count(missed)}", missed, scene)


def held_message(held: Sequence[Told], scene: Scene) -> tuple[Text, ...]:
    """One list of what waited for the end of a chat's quiet hours, oldest first."""
    return _list(f"While it was quiet here: {_count(held)}", held, scene)


def digest_message(storm: Sequence[Told], scene: Scene, *, sent_at: UnixTime | None = None) -> tuple[Text, ...]:
    """One list of what came at once, strongest first, in at most two messages: the more there are, the less is said
    of each. It says where even the newest was decided well before `sent_at`."""
    strongest_first = sorted(storm, key=_by_strength)
    begun_at, ended_at = (edge(told.alert.decided_at for told in storm) for edge in (min, max))
    first, last = scene.clock(begun_at), scene.clock(ended_at)
    span = first if first == last else f"{first} to {last}"
    if sent_at is not None and sent_at - ended_at > LATE_TO_SAY_S:
        span += f", sent {age(sent_at - ended_at)} later"
    several = "" if len(storm) == 1 else " at once, strongest first"
    heading = bold(f"{_count(storm)}{several} ({span})")
    for entries in (_full, _medium, _short, _names):
        parts = split(joined([heading, *entries(strongest_first, scene)]))
        if len(parts) <= DIGEST_PARTS:
            return parts
    return _cut(heading, strongest_first, scene)


def _by_strength(told: Told) -> tuple[float, float, float, str]:
    """Single liquidations, which have no strength, by what they amount to."""
    alert = told.alert
    amount_usd = alert.liquidation.notional_usd if alert.liquidation else 0.0
    return -alert.strength, -amount_usd, alert.decided_at, alert.id


def _count(alerts: Sequence[Told]) -> str:
    return f"{len(alerts)} alert{'' if len(alerts) == 1 else 's'}"


def _list(heading: str, alerts: Sequence[Told], scene: Scene) -> tuple[Text, ...]:
    oldest_first = sorted(alerts, key=lambda told: (told.alert.decided_at, told.alert.id))
    return split(joined([bold(heading), *(_entry(told, scene) for told in oldest_first)]))


def _entry(told: Told, scene: Scene) -> Text:
    alert = told.alert
    parts = [scene.clock(alert.decided_at), headline(alert, scene.numbers)]
    if alert.zone is not None:
        parts.append(band(alert.zone, scene.numbers))
    if alert.episode_id is not None:
        parts.append(f"outcome: {_outcome(told) or 'still open'}")
    return line(f"{', '.join(parts)} (/why {alert.id})")


def _outcome(told: Told) -> str | None:
    """None while it is open."""
    episode = told.episode
    if episode is None or (episode.outcome is None and episode.state is not EpisodeState.IDLE):
        return None
    return became(episode)


def _full(storm: Sequence[Told], scene: Scene) -> Iterable[Text]:
    for told in storm:
        outcome = f", {_outcome(told)}" if _outcome(told) else ""
        alert = told.alert
        strength = f", strength {scene.numbers.strength(alert.strength, alert.calibrated)}" if alert.strength else ""
        yield line(f"• {headline(alert, scene.numbers)}{strength}{outcome} (/why {alert.id})")


def _medium(storm: Sequence[Told], scene: Scene) -> Iterable[Text]:
    for told in storm:
        outcome = f", {_outcome(told)}" if _outcome(told) else ""
        yield line(f"• {short_headline(told.alert, scene.numbers)}{outcome} /why {told.alert.id}")


def _short(storm: Sequence[Told], scene: Scene) -> Iterable[Text]:
    """Ten to a line."""
    names = [short_headline(told.alert, scene.numbers) for told in storm]
    for start in range(0, len(names), 10):
        yield line("; ".join(names[start : start + 10]))


def _names(storm: Sequence[Told], scene: Scene) -> Iterable[Text]:
    """Each symbol once, with all that it has in common with others before the colon."""
    kinds: dict[tuple[str, str], set[str]] = {}
    for told in storm:
        about = symbol(told.alert.instrument) if told.alert.instrument else told.alert.kind
        kinds.setdefault((about, told.alert.liquidated or ""), set()).add(told.alert.kind)
    groups: dict[str, list[str]] = {}
    for (about, liquidated), of_one in kinds.items():
        groups.setdefault(f"{liquidated} {' and '.join(sorted(of_one))}", []).append(about)
    for heading, names in groups.items():
        for start in range(0, len(names), 20):
            yield line(f"{heading}: {', '.join(names[start : start + 20])}")


def _cut(heading: Text, storm: Sequence[Told], scene: Scene) -> tuple[Text, ...]:
    """As many as two messages hold, and how many they do not."""
    names = [clip(short_headline(told.alert, scene.numbers), 80) for told in storm]
    room = DIGEST_PARTS * (TELEGRAM_LIMIT - 700) - units(heading.html)
    lines: list[Text] = []
    for start in range(0, len(names), 10):
        entry = line("; ".join(names[start : start + 10]))
        room -= units(entry.html) + 1
        if room < 0:
            lines.append(line(MORE.format(count=len(names) - start)))
            break
        lines.append(entry)
    return split(joined([heading, *lines]))
