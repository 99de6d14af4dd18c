"""A feed that is lost, still lost, back; one whose liquidations are mute; a clock that is off."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from liqalert.app.notices.standing import Notice
from liqalert.core.alerts import WATCHING, Alert
from liqalert.core.engine import Snapshot
from liqalert.core.market import FeedStatus, Instrument, Mark, Stream, UnixTime
from liqalert.render.numbers import NumberStyle, age

PATIENCE_S = 15.0
"""A feed that is back within this is not worth a message to the owner."""
CHATS_PATIENCE_S = 60.0
"""Nor within this to everyone: what was missed is said in the alerts that follow."""
STILL_FIRST_S = 600.0
STILL_GROWTH = 3.0
STILL_MOST_S = 12 * 3600.0
"""The owner is told again that a feed is still lost after ten minutes, then after three times as long each time."""
RELAPSE_S = 600.0
CALM_S = 300.0
"""Lost again so soon after its return was told, a feed counts as back only once it has been alive for so long: one that
comes and goes is one occurrence."""
CLOCK_BEHIND_S = -2.0
CLOCK_AHEAD_S = 10.0
CLOCK_RIGHT_S = (-1.0, 8.0)
"""Once told, the clock counts as right again only inside this, so that wobbling around a limit is told once."""
FRAMES_TO_JUDGE = 60
MOVES_NAMED = 3
TO_OWNER = frozenset({"feed_lost", "feed_still_lost", "feed_back"})
TAKEN_UP = TO_OWNER | {"not_watched", "watched_again"}
"""Reasons of the notices that a restart goes on from."""


@dataclass(slots=True)
class _Known:
    lost_since: UnixTime | None = None
    """None: nobody has been told that it is lost."""
    sentence: str | None = None
    """What the owner was told first, or with a new refusal."""
    told_at: UnixTime = 0.0
    again_s: float = STILL_FIRST_S
    owner_told: bool = False
    everyone_told: bool = False
    back_at: UnixTime | None = None
    """When its return was told last."""
    calm_s: float = 0.0
    """How long it must be alive to be back."""
    at_times: bool = False
    """It has been alive since it was lost."""
    marks: Mapping[Instrument, Mark] = field(default_factory=dict)
    """As they were when the feed was lost."""
    clock_off: bool = False
    mute_since: UnixTime | None = None

    def take_up(self, notice: Alert) -> None:
        """As if `notice` had been told by this one."""
        match notice.reason:
            case "feed_lost":
                self.owner_told, self.sentence, self.again_s = True, notice.text, STILL_FIRST_S
            case "feed_still_lost":
                self.owner_told, self.again_s = True, _longer(self.again_s)
            case "feed_back":
                self.owner_told = False
            case "not_watched" | "watched_again":
                self.everyone_told = notice.reason == "not_watched"
        if notice.reason in TO_OWNER:
            self.told_at = notice.decided_at
        pending = self.owner_told or self.everyone_told
        self.lost_since = (self.lost_since or notice.decided_at) if pending else None


class FeedNotices:
    """Compares the state of each feed with what has been told of it."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def take_up(self, exchange: str, told: Sequence[Alert], watched_until: UnixTime | None) -> None:
        """Goes on from what an earlier run has told, oldest first. `watched_until`: when `exchange` was last alive."""
        known, begins = _Known(), f"{exchange.capitalize()} "
        for notice in (notice for notice in told if (notice.text or "").startswith(begins)):
            known.take_up(notice)
        if known.lost_since is not None and watched_until is not None:
            # Closer than the time of the notice, and true also where it was alive for a moment since.
            known.lost_since = watched_until
        self._known[exchange] = known

    def look(
        self,
        feed: FeedStatus,
        now: UnixTime,
        *,
        snapshot: Snapshot,
        watched: Collection[Instrument],
        clock_off_s: float,
    ) -> Iterator[Notice]:
        """`clock_off_s`: how far the machine's clock is ahead of the one that `now` is from."""
        known = self._known.setdefault(feed.exchange, _Known())
        if feed.alive:
            yield from _back(feed, known, now, snapshot, watched)
        else:
            yield from _lost(feed, known, now, snapshot)
        yield from _clock(feed, known, clock_off_s)
        yield from _mute(feed, known, now)


def _longer(again_s: float) -> float:
    return min(again_s * STILL_GROWTH, STILL_MOST_S)


def _lost(feed: FeedStatus, known: _Known, now: UnixTime, snapshot: Snapshot) -> Iterator[Notice]:
    name, why = feed.exchange.capitalize(), feed.problem or "no marks are coming in."
    if now - feed.since < PATIENCE_S:
        return
    if known.lost_since is None:
        known.lost_since, known.marks = feed.mark_at or feed.since, snapshot.marks
        relapse = known.back_at is not None and 0.0 <= now - known.back_at < RELAPSE_S
        known.calm_s, known.at_times = CALM_S if relapse else 0.0, False
    refused = feed.problem is not None and ("451" in feed.problem or "403" in feed.problem)
    sentence = f"{name} is not being watched: {why} No alert can come until it is back."
    if not known.owner_told or (refused and sentence != known.sentence):
        known.owner_told, known.sentence, known.told_at, known.again_s = True, sentence, now, STILL_FIRST_S
        yield Notice("feed_lost", sentence)
    elif now - known.told_at >= known.again_s:
        known.told_at, known.again_s = now, _longer(known.again_s)
        unseen = age(now - known.lost_since)
        still = "being watched only at times" if known.at_times else "still not being watched"
        yield Notice("feed_still_lost", f"{name} is {still}, for {unseen} now: {why}")
    if not known.everyone_told and now - feed.since >= CHATS_PATIENCE_S:
        known.everyone_told = True
        unseen = age(now - (feed.since if known.at_times else known.lost_since))
        yield Notice(
            "not_watched",
            f"{name} is not being watched, for {unseen} now. No alert can come until it is back; you will be told.",
            WATCHING,
        )


def _back(
    feed: FeedStatus, known: _Known, now: UnixTime, snapshot: Snapshot, watched: Collection[Instrument]
) -> Iterator[Notice]:
    # Not before the first tick since: it has the marks to compare with.
    if known.lost_since is None or (snapshot.as_of < feed.since and now - feed.since < CHATS_PATIENCE_S):
        return
    if now - feed.since < known.calm_s:
        known.at_times = True
        return
    lasted = age(max(feed.since, known.lost_since) - known.lost_since)
    seen = "it came and went" if known.at_times else "nothing was seen"
    sentence = (
        f"{feed.exchange.capitalize()} is being watched again, after {lasted} in which {seen}."
        f"{_moves(known.marks, snapshot.marks, watched)}"
    )
    if known.owner_told:
        yield Notice("feed_back", sentence)
    if known.everyone_told:
        yield Notice("watched_again", sentence, WATCHING)
    known.back_at, known.lost_since, known.sentence = now, None, None
    known.owner_told = known.everyone_told = False


def _moves(before: Mapping[Instrument, Mark], now: Mapping[Instrument, Mark], watched: Collection[Instrument]) -> str:
    """What price did meanwhile, as far as its two ends tell."""
    numbers, named = NumberStyle.POINT, []
    for instrument in sorted(watched)[:MOVES_NAMED]:
        if instrument in before and instrument in now and now[instrument] != before[instrument]:
            was, is_ = before[instrument].price, now[instrument].price
            moved = f"{'+' if is_ > was else ''}{numbers.percent((is_ - was) / was * 100.0)}"
            named.append(f"{instrument.symbol} went from {numbers.price(was)} to {numbers.price(is_)} ({moved})")
    if not named:
        return ""
    return f" Meanwhile {', '.join(named)}; where that concerns a zone you are told of, an alert follows and says so."


def _mute(feed: FeedStatus, known: _Known, now: UnixTime) -> Iterator[Notice]:
    name = feed.exchange.capitalize()
    if feed.mute_since is not None and known.mute_since is None:
        cause = next((gap.cause for gap in feed.gaps[::-1] if gap.stream is Stream.LIQUIDATIONS), "none came")
        yield Notice(
            "liquidations_mute",
            f"{name} sends marks, but has sent no liquidation for {age(now - feed.mute_since)}: {cause}. The stream "
            "may be mute: what was there before stays and is alerted on, but nothing new is seen.",
        )
    if feed.mute_since is None and known.mute_since is not None and feed.alive:
        yield Notice(
            "liquidations_back",
            f"{name} sends liquidations again, after {age(now - known.mute_since)} in which none was seen.",
        )
    if feed.mute_since is not None or feed.alive:
        known.mute_since = feed.mute_since


def _clock(feed: FeedStatus, known: _Known, clock_off_s: float) -> Iterator[Notice]:
    if feed.latency_s is None or feed.latency_frames < FRAMES_TO_JUDGE:
        return
    least, most = CLOCK_RIGHT_S if known.clock_off else (CLOCK_BEHIND_S, CLOCK_AHEAD_S)
    skew_s = feed.latency_s + clock_off_s
    off = not least <= skew_s <= most
    # A clock so far behind that liquidations are refused is told of by itself.
    if off and not known.clock_off and feed.refused is None:
        where = "behind" if skew_s < 0 else "ahead of"
        yield Notice(
            "clock_off",
            f"This machine's clock is {abs(skew_s):.0f} s {where} {feed.exchange.capitalize()}'s, or the "
            "connection is that slow: ages are wrong by as much. Switch on time synchronisation (timedatectl).",
        )
    known.clock_off = off
