"""`order`: single liquidations of one coin on one exchange."""

from __future__ import annotations

import msgspec

from liqalert.core.gaps import least_share
from liqalert.core.market import Liquidation, PositionSide
from liqalert.web.coinglass.envelope import Answer, success
from liqalert.web.coinglass.names import coin_of
from liqalert.web.coinglass.numbers import cents, milliseconds
from liqalert.web.coinglass.questions import Question
from liqalert.web.coinglass.sources import CoinglassSources
from liqalert.web.coinglass.watches import watches

OLDEST_S = 7 * 86_400.0
MOST = 200
INSTANT_S = 0.001
"""Times are in milliseconds, and the one named last belongs to the span."""

ORDER_SIDE = {PositionSide.SHORT: 1, PositionSide.LONG: 2}
"""1 is a buy order, which closes a short; 2 a sell order. Their socket counts the other way round, by position, which
is why `position_side` stands beside it in plain words."""


class OrderItem(msgspec.Struct, frozen=True):
    exchange_name: str
    symbol: str
    base_asset: str
    price: float
    usd_value: float
    side: int
    time: int
    """Milliseconds."""
    position_side: str
    """Ours: "long" or "short", whose position was liquidated."""


class Orders:
    def __init__(self, sources: CoinglassSources) -> None:
        self._sources = sources

    async def order(self, question: Question) -> Answer:
        """The newest 200 of the last seven days, newest first."""
        exchange = question.exchange()
        instruments = question.coin([exchange])
        min_usd, until = question.min_usd(), question.end()
        since = max(question.start() or 0.0, question.now - OLDEST_S)
        found = await self._sources.sums.newest(
            instruments, since=since, until=until + INSTANT_S, min_usd=min_usd, limit=MOST
        )
        watching = await watches(self._sources, [exchange], since)
        return success([_order_item(liquidation) for liquidation in found], least_share(watching, since, until))


def _order_item(liquidation: Liquidation) -> OrderItem:
    return OrderItem(
        # Capitals here, as in their sample of this endpoint and of no other.
        exchange_name=liquidation.instrument.exchange.upper(),
        symbol=liquidation.instrument.symbol,
        base_asset=coin_of(liquidation.instrument.symbol),
        price=liquidation.price,
        usd_value=cents(liquidation.notional_usd),
        side=ORDER_SIDE[liquidation.liquidated],
        time=milliseconds(liquidation.event_time),
        position_side=liquidation.liquidated,
    )
