"""`liqalert replay`: what recorded frames would have made the daemon decide, on the terminal."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

import msgspec
from tqdm import tqdm

from liqalert.app.start import default_rules, terms_of
from liqalert.core.alerts import Alert
from liqalert.core.engine import Verdict
from liqalert.core.episodes import Decision, ZoneOpened, alerts_in
from liqalert.core.market import Mark, UnixTime
from liqalert.core.outcomes import Told
from liqalert.core.rules import Rule
from liqalert.core.start import Start
from liqalert.core.terms import Terms
from liqalert.feeds.recording_reader import Record
from liqalert.feeds.records import PriceSource, Records, open_records
from liqalert.feeds.replay import Replay, ReplayPlan
from liqalert.render.decisions import decision_line
from liqalert.render.messages import alert_message
from liqalert.render.scene import Scene
from liqalert.settings import Settings

LONGEST_SILENCE_S = 60.0
"""Between files of several days there may be weeks, and nothing to be seen."""


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What to replay, and how."""

    paths: tuple[Path, ...]
    speed: float | None
    """Times real time; None: as fast as possible."""
    as_json: bool
    open_interest: Mapping[str, float]
    """US dollars by symbol, assumed from the start."""
    settings: Settings
    overridden: bool = False
    """The settings were given for this run: they take the place of those in the recording."""


def replay(options: ReplayOptions) -> int:
    """Prints each alert (or, as JSON, each decision) and a summary. 0, or 1 when nothing could be read or used."""
    source = open_records(options.paths)
    run = ReplayRun(options, source.prices, sys.stdout)
    pacing = Pacing(options.speed)
    bar = tqdm(total=source.total_bytes, unit="B", unit_scale=True, file=sys.stderr, disable=not sys.stderr.isatty())
    with closing(bar):
        for record in source.records():
            pacing.wait_until(record.received_time)
            run.take(record)
            bar.update(source.read_bytes() - bar.n)
    tell_of_lost(source)
    if not run.began:
        print("Nothing could be read: the files are empty, or torn in their first record.", file=sys.stderr)  # noqa: T201 - to who asked
        return 1
    run.finish()
    return 1 if run.useless else 0


def tell_of_lost(source: Records) -> None:
    """Once it has been read: what of it could not be."""
    if source.lost_bytes():
        print(f"{source.lost_bytes()} bytes at torn ends could not be read.", file=sys.stderr)  # noqa: T201 - to who asked


@dataclass(frozen=True, slots=True)
class Hooks:
    """What another user of a replay does with it. None: as `liqalert replay` does."""

    rules: tuple[Rule, ...] | None = None
    """In place of those in the recording and the settings."""
    decide: Callable[[Sequence[Decision]], None] | None = None
    """Is given the decisions, which are then not printed."""
    see: Callable[[Mark], None] | None = None
    """Is shown every price, in order, before the engine."""
    feed_changed: Callable[[bool], None] | None = None
    """Is told whether liquidations are seen from now on."""


class Pacing:
    """Waits so that recorded time passes at `speed` times real time, and a long silence in a minute of it."""

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._due_s = time.monotonic()
        self._before: UnixTime | None = None

    def wait_until(self, at: UnixTime) -> None:
        if self._speed is None:
            return
        passed_s = 0.0 if self._before is None else at - self._before
        if -LONGEST_SILENCE_S < passed_s < 0.0:
            return  # a tick, which has the time of its grid point
        self._before = at
        self._due_s += min(max(0.0, passed_s), LONGEST_SILENCE_S) / self._speed
        time.sleep(max(0.0, self._due_s - time.monotonic()))


class ReplayRun:
    """A replay that prints what is decided, or gives it to the hooks, and counts for the summary."""

    def __init__(self, options: ReplayOptions, prices: PriceSource, out: TextIO, hooks: Hooks | None = None) -> None:
        self._options = options
        self._prices = prices
        self._out = out
        self._hooks = hooks or Hooks()
        self._alerts = 0
        self._day = ""
        """Of the last alert, in the messages' time zone."""
        self._zones = 0
        plan = ReplayPlan(
            begin=self._start,
            decide=self._hooks.decide or self._print,
            see=self._hooks.see or _unseen,
            feed_changed=self._hooks.feed_changed or _untold,
            recorded_rules=not options.overridden and self._hooks.rules is None,
            open_interest=options.open_interest,
        )
        self._replay = Replay(plan, prices)

    @property
    def began(self) -> bool:
        """Whether there was anything to replay."""
        return self._replay.board is not None

    @property
    def useless(self) -> bool:
        """Whether bare messages held neither a price nor a liquidation that could be used."""
        return self._prices is PriceSource.FILLS and not self._replay.verdicts[Verdict.ACCEPTED]

    @property
    def events(self) -> int:
        return self._replay.verdicts.total() + self._replay.rejections.total()

    def take(self, record: Record) -> None:
        """Does with one record what the daemon did with it."""
        self._replay.take(record)

    def finish(self) -> None:
        """Prints the summary."""
        summary = self.summary()
        if self._options.as_json:
            print(msgspec.json.encode({"summary": summary}).decode(), file=self._out)
            return
        print(_summary_text(summary, useless=self.useless), file=self._out)

    def summary(self) -> dict[str, object]:
        verdicts = self._replay.verdicts
        refused = Counter(self._replay.rejections)
        for verdict in (Verdict.OFF_MARKET, Verdict.AHEAD, Verdict.TOO_OLD):
            refused[verdict.value] += verdicts[verdict]
        return {
            "events": self.events,
            "accepted": verdicts[Verdict.ACCEPTED],
            "duplicate": verdicts[Verdict.DUPLICATE],
            "rejected": {kind: count for kind, count in sorted(refused.items()) if count},
            "alerts": self._alerts,
            "zones": self._zones,
            "prices": self._prices.value,
        }

    # ------------------------------------------------------------ details

    def _start(self, record: Record) -> Start:
        settings = self._options.settings
        if record.kind in ("start", "context"):
            start = msgspec.json.decode(record.payload, type=Start)
            if self._hooks.rules is not None:
                return _under(start, terms_of(settings), self._hooks.rules)
            return _under(start, terms_of(settings), default_rules(settings)) if self._options.overridden else start
        rules = default_rules(settings, (None,) if self._prices is PriceSource.FILLS else None)
        return Start(record.received_time, terms_of(settings), self._hooks.rules or rules)

    def _print(self, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            self._zones += isinstance(decision, ZoneOpened)
            if self._options.as_json:
                self._say(decision_line(decision))
        for alert in alerts_in(decisions):
            self._alerts += 1
            if not self._options.as_json:
                self._print_alert(alert)

    def _print_alert(self, alert: Alert) -> None:
        """Under its day: a message has the time of day, which says enough to who is told at once."""
        zone_name = self._options.settings.telegram.timezone
        day = f"{datetime.fromtimestamp(alert.decided_at, ZoneInfo(zone_name)):%Y-%m-%d}"
        if day != self._day:
            self._day = day
            self._say(f"--- {day} ---")
        text = alert_message(Told(alert), Scene(zone_name, alert.decided_at))
        self._say(f"{text.plain}\n")

    def _say(self, text: str) -> None:
        """Above the progress bar, where there is one on the same terminal."""
        if self._out.isatty():
            tqdm.write(text, file=self._out)
        else:
            print(text, file=self._out)


def _unseen(mark: Mark) -> None:
    """For a replay of which nobody wants the prices."""


def _untold(alive: bool) -> None:
    """Nor whether anything was seen."""


def _under(start: Start, terms: Terms, rules: tuple[Rule, ...]) -> Start:
    """`start` under other terms and rules: nothing that was decided under the old ones is taken over."""
    return replace(start, terms=terms, rules=rules, zones=(), ended_zones=(), episodes=())


def _summary_text(summary: Mapping[str, object], *, useless: bool) -> str:
    rejected = summary["rejected"]
    assert isinstance(rejected, dict)
    refused = ", ".join(f"{count} {kind}" for kind, count in rejected.items()) or "none"
    lines = [
        f"{summary['events']} events: {summary['accepted']} accepted, {summary['duplicate']} duplicate, "
        f"rejected: {refused}.",
        f"Zones: {summary['zones']}, alerts: {summary['alerts']}.",
    ]
    if useless:
        lines.append("Nothing in the files could be used: are they recordings, or exchange messages one a line?")
        return "\n".join(lines)
    if summary["prices"] == PriceSource.FILLS.value:
        lines.append(
            "The files hold no mark prices: prices are the liquidations' own fills, and every symbol is watched."
        )
    if summary["alerts"] == 0:
        lines.append(
            "No alert: no price came near a zone that was strong enough. Lower --min-strength, or give "
            "--open-interest SYMBOL=USD where it is known."
        )
    return "\n".join(lines)
