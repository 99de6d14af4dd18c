"""When exchanges were watched, as the database and their feeds know it."""

from __future__ import annotations

from collections.abc import Iterable

from liqalert.core.gaps import Watch, watch_of
from liqalert.core.market import UnixTime
from liqalert.web.coinglass.sources import CoinglassSources


async def watches(sources: CoinglassSources, exchanges: Iterable[str], since: UnixTime) -> tuple[Watch, ...]:
    """One for each of `exchanges`, in order; what was before `since` they need not know."""
    return tuple([await _watch(sources, exchange, since) for exchange in exchanges])


async def _watch(sources: CoinglassSources, exchange: str, since: UnixTime) -> Watch:
    recorded_since = await sources.recordings.recorded_since(exchange)
    gaps = await sources.recordings.gaps_since(exchange, since)
    return watch_of(recorded_since, gaps, sources.board.feeds.get(exchange))
