"""Clusters from a liqalert that runs somewhere: its history, its baselines, its zones' strength."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import quote

import msgspec
from msgspec import Struct, field

from liqalert.clock import SystemClock
from liqalert.feeds.binance_wire import UNREADABLE
from liqalert.library.clusters import Clusters, LiquidationCluster, distance_pct, moment, ranked
from liqalert.library.errors import DataSourceError, UnknownSymbolError
from liqalert.library.options import ClusterOptions
from liqalert.library.requests import Reply, get
from liqalert.library.state import PROVEN_FOR_S
from liqalert.library.symbols import refuse_price_of_one_coin

ANSWERS_WITHIN_S = 5.0
BUILT_WITHIN_S = 2.0 * 60.0 + PROVEN_FOR_S
"""As of the live class, with the longest time from one building to the next that a daemon's settings allow."""


class _Cluster(Struct):
    id: str
    symbol: str
    liquidated: Literal["long", "short"]
    price: float
    price_low: float
    price_high: float
    strength: float
    notional_usd: float
    count: int
    newest_at: datetime
    calibrated: bool


class _Gap(Struct):
    start: datetime = field(name="from")
    end: datetime | None = field(name="to")
    cause: str
    stream: str = "all"


class _Feed(Struct):
    exchange: str
    alive: bool
    since: datetime
    mark_age_s: float | None
    gaps: list[_Gap] = []
    warning: str | None = None

    @property
    def problem(self) -> str | None:
        """Why it shows no liquidations, though some may happen."""
        if not self.alive or (self.mark_age_s or 0.0) > PROVEN_FOR_S:
            return f"is not alive since {_time(self.since)}"
        mute = [gap for gap in self.gaps if gap.stream == "liquidations" and gap.end is None]
        return f"sends prices, but since {_time(mute[0].start)} {mute[0].cause}" if mute else None


class _Mark(Struct):
    price: float


class _Answer(Struct):
    as_of: datetime
    clusters: list[_Cluster]
    feeds: list[_Feed]
    marks: dict[str, _Mark] = {}
    """Of the one symbol that was asked about."""


class _Error(Struct):
    error: str
    allowed: list[str] = []


class DaemonSource:
    """Asks anew each time. How clusters are cut is the daemon's setting; only `min_size` and `scale` apply."""

    def __init__(self, options: ClusterOptions, *, url: str, token: str | None = None) -> None:
        self._options = options
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token.strip()}"} if token else {}

    def clusters(self, symbol: str, price: float) -> Clusters:
        """Raises DataSourceError, and UnknownSymbolError for a symbol that the daemon does not know."""
        url = f"{self._url}/api/v1/clusters/{quote(symbol, safe='')}"
        reply = get(url, self._headers, timeout_s=ANSWERS_WITHIN_S)
        try:
            if reply.status != 200:
                raise _refusal(reply.status, msgspec.json.decode(reply.body, type=_Error))
            answer = msgspec.json.decode(reply.body, type=_Answer)
        except UNREADABLE:
            raise DataSourceError(f"{self._url} answers HTTP {reply.status}, but not as liqalert does") from None
        for name, mark in answer.marks.items():
            refuse_price_of_one_coin(name, price, mark.price)
        as_of = answer.as_of.astimezone(UTC)
        problem = _problem(answer.feeds) or _why_late(as_of, _answered_at(reply))
        big = [each for each in answer.clusters if each.count >= self._options.min_size]
        found = ranked((_cluster(each, as_of, price) for each in big), self._options.scale)
        return Clusters(found, as_of=as_of, alive=problem is None, problem=problem, price=price)

    def close(self) -> None:
        pass


def _refusal(status: int, error: _Error) -> Exception:
    allowed = f" Allowed: {', '.join(error.allowed)}." if error.allowed else ""
    kind = UnknownSymbolError if status == 404 and error.allowed else DataSourceError
    return kind(f"liqalert answers HTTP {status}: {error.error}{allowed}")


def _problem(feeds: list[_Feed]) -> str | None:
    """Why what the daemon knows may be out of date; None while every feed is proven alive."""
    if not feeds:
        return "The daemon has no feed yet."
    problems = [f"The daemon's feed of {feed.exchange} {feed.problem}." for feed in feeds if feed.problem]
    return " ".join((*problems, *(feed.warning for feed in feeds if feed.warning))) or None


def _why_late(as_of: datetime, now: datetime) -> str | None:
    """Why clusters are older than they should be, though every feed is proven alive; None while they are not."""
    if (now - as_of).total_seconds() <= BUILT_WITHIN_S:
        return None
    due = "though that is due at least every minute: see its log"
    return f"The daemon's clusters were last built at {_time(as_of)}, {due}."


def _answered_at(reply: Reply) -> datetime:
    """By the clock of the daemon's machine, as HTTP has it, because this one may be wrong."""
    try:
        return parsedate_to_datetime(reply.headers["date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return moment(SystemClock().now())


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _cluster(item: _Cluster, as_of: datetime, price: float) -> LiquidationCluster:
    return LiquidationCluster(
        symbol=item.symbol,
        price_level=item.price,
        price_low=item.price_low,
        price_high=item.price_high,
        side=item.liquidated,
        liquidation_count=item.count,
        total_notional=item.notional_usd,
        strength=item.strength,
        distance_from_price=distance_pct(item.price, price),
        last_updated=item.newest_at.astimezone(UTC),
        cluster_id=item.id,
        as_of=as_of,
        calibrated=item.calibrated,
    )
