"""A simulated market, and a server that speaks Binance's wire protocol for it. Nothing here is shared with `feeds`."""

DEFAULT_SEED = 6
"""A market in which alerts come early, and are held as well as swept within an hour."""
