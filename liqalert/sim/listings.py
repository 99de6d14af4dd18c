"""The instruments that are traded in the simulation. Prices are of the order of late 2026; the rest is invented."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listing:
    """One contract. Quantities are whole lots: base units, or contracts where `contract_usd` is set (COIN-M)."""

    symbol: str
    asset: str
    """Listings of one asset share its price."""
    quote: str
    price_decimals: int
    lot_decimals: int
    open_interest_usd: float
    """What the book holds at the start, and is drawn back to."""
    typical_usd: float
    """Median notional of a position at 20 times leverage."""
    maintenance: float
    """Maintenance margin rate; the same for every notional, without a deduction."""
    contract_usd: float | None = None
    tradfi: bool = False
    """Stocks and metals: their marks come in a frame of their own."""

    @property
    def pair(self) -> str:
        return self.symbol.partition("_")[0]

    @property
    def most_leverage(self) -> int:
        """Twice the maintenance margin is the least that a position is opened with."""
        return int(0.5 / self.maintenance)

    @property
    def coin_margined(self) -> bool:
        return self.contract_usd is not None

    def quantity(self, lots: int) -> float:
        """Base units, or contracts."""
        return round(lots * 10.0**-self.lot_decimals, self.lot_decimals)

    def notional_usd(self, lots: int, price: float) -> float:
        return self.quantity(lots) * (self.contract_usd or price)

    def lots(self, notional_usd: float, price: float) -> int:
        """The whole lots nearest to `notional_usd`, at least one."""
        return max(1, round(notional_usd / (self.contract_usd or price) * 10.0**self.lot_decimals))


@dataclass(frozen=True, slots=True)
class Asset:
    """What has a price of its own."""

    name: str
    price: float
    """At the start."""
    liveliness: float
    """How far its price moves compared with BTC."""
    depth_usd: float
    """A forced order of this notional moves the price by 1 %."""


ASSETS = (
    Asset("BTC", 76_800.0, 1.0, 80e6),
    Asset("ETH", 2_450.0, 1.1, 40e6),
    Asset("SOL", 142.0, 1.2, 10e6),
    Asset("1000PEPE", 0.0087, 1.4, 3e6),
    Asset("牛来", 0.105, 1.6, 1e6),
    Asset("XAU", 4_120.0, 0.2, 10e6),
)

LISTINGS = (
    Listing("BTCUSDT", "BTC", "USDT", 2, 3, 700e6, 3_000.0, 0.004),
    Listing("ETHUSDT", "ETH", "USDT", 2, 3, 400e6, 2_200.0, 0.004),
    Listing("SOLUSDT", "SOL", "USDT", 2, 2, 80e6, 1_200.0, 0.005),
    Listing("1000PEPEUSDT", "1000PEPE", "USDT", 7, 0, 15e6, 600.0, 0.01),
    Listing("牛来USDT", "牛来", "USDT", 7, 0, 5e6, 300.0, 0.02),
    Listing("XAUUSDT", "XAU", "USDT", 2, 3, 20e6, 1_500.0, 0.005, tradfi=True),
    Listing("BTCUSD_PERP", "BTC", "USD", 1, 0, 80e6, 2_500.0, 0.004, contract_usd=100.0),
)
