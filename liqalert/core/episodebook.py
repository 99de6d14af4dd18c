"""The episodes on the live zones: by zone, then by rule."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec.structs import replace

from liqalert.core.alerts import Evidence
from liqalert.core.approach import Approach, Reach
from liqalert.core.episodes import (
    ADVANCEMENT,
    TOLD,
    Episode,
    EpisodeState,
    Observation,
    Reason,
    Transition,
    advance,
    armed,
    end,
    reached,
    rearm_pct,
)
from liqalert.core.identity import joined
from liqalert.core.market import Mark, UnixTime
from liqalert.core.rulebook import RuleBook
from liqalert.core.rules import Quiet, Rule, RuleKind, quiet_everywhere
from liqalert.core.sides import Sides
from liqalert.core.terms import Terms
from liqalert.core.witness import Sight, Witness
from liqalert.core.zones import Zone, position

IDLE, COOLING = EpisodeState.IDLE, EpisodeState.COOLING
"""Of an enum they would have to be asked for anew each time."""


class EpisodeBook:
    """Advances episodes. A rule without an entry is idle on that zone. Part of the engine; touched by nothing else."""

    def __init__(self, terms: Terms, sides: Sides, rules: RuleBook) -> None:
        self._terms = terms
        self._sides = sides
        self._rules = rules
        self._episodes: dict[str, dict[str, Episode]] = {}
        """By zone and rule. Always gone through by rule: the order of insertion would not survive a restart."""
        self._reaches: dict[str, Reach] = {}
        """By rule, as far as they have been asked for."""
        self._approaches: dict[str, Approach] = {}
        """By zone; made when a mark is looked at, and anew after whatever else changes its episodes or its rules."""
        self._interrupted: dict[str, dict[str, Episode]] = {}
        """By zone and rule: episodes that were told of and ended by rewriting, as long as the mark has stayed near.

        For whoever was told, such an episode is still open."""

    # ------------------------------------------------------------ what it is told

    def restore(self, episodes: Iterable[Episode]) -> None:
        """Takes up what an earlier run stored, the newest of each zone and rule last."""
        self._approaches.clear()
        kept = self._rules.ids()
        for episode in episodes:
            if episode.rule.id not in kept:
                continue
            if episode.state is EpisodeState.IDLE:
                self._interrupted.setdefault(episode.zone_id, {})[episode.rule.id] = episode
            else:
                self._episodes.setdefault(episode.zone_id, {})[episode.rule.id] = episode
                self._interrupted.get(episode.zone_id, {}).pop(episode.rule.id, None)

    def drop_rules(self, zone: Zone, mark: Mark | None, now: UnixTime) -> Iterator[Transition]:
        """Ends the episodes of rules that are no more; new ones are looked at with the next mark."""
        self.look_again(zone)
        kept = self._rules.ids()
        episodes = self._episodes.get(zone.id, {})
        for rule_id in sorted(episodes.keys() - kept):
            yield from self._end(episodes.pop(rule_id), Reason.RULE_GONE, zone, mark, now)
        interrupted = self._interrupted.get(zone.id, {})
        for rule_id in interrupted.keys() - kept:
            del interrupted[rule_id]

    def forget_rules(self) -> None:
        """Those that are no more."""
        kept = self._rules.ids()
        self._reaches = {rule_id: reach for rule_id, reach in self._reaches.items() if rule_id in kept}

    def look_again(self, zone: Zone) -> None:
        """Something about the zone has changed: its next mark is looked at, wherever it is."""
        self._approaches.pop(zone.id, None)

    def see(self, zone: Zone, sight: Sight) -> Iterator[Transition]:
        """What one mark changes."""
        episodes = self._episodes.setdefault(zone.id, {})
        approach = self._approach(zone)
        evidence = Witness(zone, sight, self._sides, self._terms)
        seen = Observation(zone, sight.where, sight.swept, sight.now, sight.mark.price, evidence)
        # Those that are not idle, and then of those that are: no rule is in both.
        due = approach.due(sight, self._reaches)
        newly_armed = self._arm(approach.arm(sight, self._reaches), seen)
        interrupted = self._interrupted.get(zone.id, {})
        for rule_id in sorted(newly_armed.keys() | due):
            transitions = newly_armed.get(rule_id)
            if transitions is None:
                reach = self._reaches[rule_id]
                transitions = advance(episodes.get(rule_id), reach.rule, seen, self._terms)
                if transitions:
                    approach.take(reach)
                    approach.put(reach, transitions[-1].episode)
                elif self._cools(episodes.get(rule_id), sight.now):
                    # The clock was set back: once more it has to wait for the time.
                    approach.take(reach)
                    approach.put(reach, episodes[rule_id])
            if transitions:
                episodes[rule_id] = transitions[-1].episode
                interrupted.pop(rule_id, None)
                yield from transitions

    def not_quiet(self, zones: Iterable[Zone], price: float, now: UnixTime) -> list[Zone]:
        """The zones on which a mark at `price` may change something."""
        approaches = self._approaches
        return [
            zone
            for zone in zones
            if (approach := approaches.get(zone.id)) is None
            or (quiet := approach.quiet) is None
            # As `Quiet.holds`: an instrument has many zones.
            or not (quiet.low < price < quiet.high and now < quiet.until)
        ]

    def rest(self, zones: Collection[Zone]) -> tuple[Quiet | None, bool]:
        """Where nothing can change on any of the zones (None: the next mark is to be looked at), and whether somebody
        has been told of one of them."""
        approaches = [approach for zone in zones if (approach := self._approaches.get(zone.id)) is not None]
        if len(approaches) < len(zones):
            return None, any(self.has_told(zone) for zone in zones)
        has_told = any(approach.told for approach in approaches)
        return quiet_everywhere([approach.quiet for approach in approaches]), has_told

    def settle(self, zone: Zone, mark: Mark) -> None:
        """All that `mark` changes on the zone has been done."""
        self._approach(zone).settle(zone, mark.price, zone.peak_at + self._terms.memory_s)

    def note(self, zone: Zone, lowest: float, highest: float) -> None:
        """Between these the mark has been since an episode of this instrument was last looked at."""
        episodes = self._episodes.get(zone.id, {})
        approach = self._approaches.get(zone.id)
        for rule_id in approach.told if approach else tuple(episodes):
            episodes[rule_id] = reached(episodes[rule_id], zone, lowest, highest)

    def interrupt(self, zone: Zone, mark: Mark | None, now: UnixTime) -> Iterator[Transition]:
        """The zone, which has some, has been rewritten, and is to be looked at again: every episode on it is idle."""
        for rule_id, episode in sorted(self._episodes.pop(zone.id).items()):
            for ended in self._end(episode, Reason.ZONE_REWRITTEN, zone, mark, now):
                if episode.state in TOLD:
                    self._interrupted.setdefault(zone.id, {})[rule_id] = ended.episode
                yield ended

    def fade(self, zone: Zone, why: Reason, mark: Mark | None, now: UnixTime) -> Iterator[Transition]:
        """The zone is no more, by no mark: its told and armed episodes fade."""
        self.look_again(zone)
        for _, episode in sorted(self._episodes.pop(zone.id, {}).items()):
            yield from self._end(episode, why, zone, mark, now)
        self._interrupted.pop(zone.id, None)

    def forget(self, zone: Zone) -> None:
        """The zone was swept: its episodes have ended by that mark, or cooled down, which nobody waits for any more."""
        self.look_again(zone)
        self._episodes.pop(zone.id, None)
        self._interrupted.pop(zone.id, None)

    def take_over(self, weaker: Zone, survivor: Zone) -> tuple[Episode, ...]:
        """The episodes that change hands. What the survivor gives up for them stays behind and ends with `weaker`."""
        for zone in (weaker, survivor):
            self.look_again(zone)
        mine = self._episodes.setdefault(survivor.id, {})
        theirs = self._episodes.get(weaker.id, {})
        moved = []
        for rule_id, episode in sorted(theirs.items()):
            own = mine.get(rule_id)
            if own is not None and ADVANCEMENT[own.state] >= ADVANCEMENT[episode.state]:
                continue
            mine[rule_id] = replace(episode, zone_id=survivor.id)
            moved.append(mine[rule_id])
            del theirs[rule_id]
            if own is not None:
                theirs[rule_id] = own
        moved += self._take_over_interrupted(weaker, survivor)
        return tuple(moved)

    def _take_over_interrupted(self, weaker: Zone, survivor: Zone) -> Iterator[Episode]:
        """Where the rule has nothing of its own on the survivor, which says more of where the mark is."""
        mine = self._episodes[survivor.id]
        for rule_id, episode in sorted(self._interrupted.pop(weaker.id, {}).items()):
            interrupted = self._interrupted.setdefault(survivor.id, {})
            if rule_id not in interrupted and (rule_id not in mine or mine[rule_id].state is IDLE):
                interrupted[rule_id] = replace(episode, zone_id=survivor.id)
                yield interrupted[rule_id]

    # ------------------------------------------------------------ what it tells

    def are_on(self, zone: Zone) -> bool:
        """Whether the zone has any episodes, idle ones included."""
        return zone.id in self._episodes

    def has_told(self, zone: Zone) -> bool:
        """Whether an episode on the zone has been told of and is not over."""
        approach = self._approaches.get(zone.id)
        if approach is not None:
            return bool(approach.told)
        return any(episode.state in TOLD for episode in self._episodes.get(zone.id, {}).values())

    def is_open(self, zone: Zone) -> bool:
        """Whether someone has been told of the zone and the mark has not left it since."""
        return self.has_told(zone) or bool(self._interrupted.get(zone.id))

    def most_advanced(self, zones: Iterable[Zone]) -> list[EpisodeState]:
        """Of each zone, whatever the rule."""
        known = self._episodes
        # Most have none.
        return [self._most_advanced(zone, episodes) if (episodes := known.get(zone.id)) else IDLE for zone in zones]

    def _most_advanced(self, zone: Zone, episodes: Mapping[str, Episode]) -> EpisodeState:
        """Remembered as long as nothing changes: rules on a zone are many, and ticks come every few seconds."""
        approach = self._approaches.get(zone.id)
        if approach is not None and approach.most_advanced is not None:
            return approach.most_advanced
        found = max((episode.state for episode in episodes.values()), key=ADVANCEMENT.__getitem__)
        if approach is not None:
            approach.most_advanced = found
        return found

    def evidence(self, rule: Rule, zone: Zone, mark: Mark | None, now: UnixTime) -> Evidence:
        return Evidence(
            mark_price=mark.price if mark else None,
            mark_at=mark.event_time if mark else None,
            distance_pct=position(zone, mark.price).distance_pct if mark else None,
            rule_distance_pct=rule.distance_pct,
            rearm_pct=rearm_pct(rule, self._terms),
            zone_strength=zone.strength,
            strength_now=self._sides.strength_now(zone, now),
            min_strength=rule.min_strength,
        )

    # ------------------------------------------------------------ details

    def _arm(self, rule_ids: Collection[str], seen: Observation) -> dict[str, tuple[Transition, ...]]:
        """What idle rules do, by rule."""
        if not rule_ids:
            return {}
        zone_and_time = joined(seen.zone.id, seen.now)
        return {rule_id: (armed(rule_id, self._reaches[rule_id].rule, seen, zone_and_time),) for rule_id in rule_ids}

    def _approach(self, zone: Zone) -> Approach:
        known = self._approaches.get(zone.id)
        if known is None:
            reaches = tuple(self._reach(*each) for each in self._rules.covering(RuleKind.NEAR, zone.instrument))
            known = Approach(zone, reaches, self._episodes.get(zone.id, {}), self._terms)
            self._approaches[zone.id] = known
        return known

    def _cools(self, episode: Episode | None, now: UnixTime) -> bool:
        return episode is not None and episode.state is COOLING and now < episode.since + self._terms.cooldown_s

    def _reach(self, rule_id: str, rule: Rule) -> Reach:
        known = self._reaches.get(rule_id)
        if known is None:
            known = self._reaches[rule_id] = Reach.of(rule_id, rule, rearm_pct(rule, self._terms))
        return known

    def _end(self, episode: Episode, why: Reason, zone: Zone, mark: Mark | None, now: UnixTime) -> Iterator[Transition]:
        if episode.state is not EpisodeState.IDLE:
            yield end(episode, why, now, self.evidence(episode.rule, zone, mark, now))
