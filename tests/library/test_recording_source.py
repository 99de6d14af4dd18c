"""Files that are no recording are an error; bare messages will do."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from liqalert import DataSourceError, LiquidationHunter, UnknownSymbolError
from tests.binance_messages import force_order


def messages(file: Path, *, symbol: str = "BTCUSDT", price: float = 60_000.0, steps: int = 30) -> Path:
    """One a second."""
    orders = [
        force_order(symbol, "SELL", price=price + n, quantity=9, at_ms=1_790_000_000_000 + n * 1000)
        for n in range(steps)
    ]
    file.write_bytes(b"\n".join(msgspec.json.encode(order) for order in orders))
    return file


def test_bare_messages_are_replayed_to_the_clusters_at_their_end(tmp_path: Path) -> None:
    hunter = LiquidationHunter(min_cluster_strength=0.0)
    hunter.set_data_source("recording", path=messages(tmp_path / "messages.jsonl"))

    signal, _, cluster = hunter.generate_signal("btc", 61_000.0)

    assert cluster is not None
    assert (signal, cluster.side, cluster.calibrated) == (-1, "long", False)
    assert cluster.liquidation_count == 30
    assert cluster.as_of.timestamp() == pytest.approx(1_790_000_029.005)
    with pytest.raises(UnknownSymbolError, match="'ETHUSDT' is not known here"):
        hunter.generate_signal("ETHUSDT", 3000.0)


def test_what_came_after_the_last_tick_belongs_to_the_end(tmp_path: Path) -> None:
    hunter = LiquidationHunter(min_cluster_strength=0.0)
    hunter.set_data_source("recording", path=messages(tmp_path / "burst.jsonl", steps=4))
    few = hunter.generate_signal("BTCUSDT", 61_000.0)
    hunter.set_data_source("recording", path=messages(tmp_path / "burst.jsonl", steps=5))

    _, _, cluster = hunter.generate_signal("BTCUSDT", 61_000.0)

    assert few == (0, 0.0, None)
    assert cluster is not None
    assert cluster.liquidation_count == 5


def test_the_window_is_the_one_that_the_hunter_asks_for(tmp_path: Path) -> None:
    narrow = LiquidationHunter(cluster_window_pct=0.001, min_cluster_size=1, min_cluster_strength=0.0)
    narrow.set_data_source("recording", path=messages(tmp_path / "messages.jsonl", price=1_000.0))

    _, _, cluster = narrow.generate_signal("BTCUSDT", 1_100.0)

    assert cluster is not None
    assert cluster.price_high / cluster.price_low <= 1.001 * (1 + 1e-9)


def test_the_price_of_one_coin_of_a_thousand_is_refused(tmp_path: Path) -> None:
    hunter = LiquidationHunter()
    hunter.set_data_source("recording", path=messages(tmp_path / "messages.jsonl", symbol="1000SHIBUSDT"))

    with pytest.raises(ValueError, match=r"1000SHIBUSDT is priced per 1,000 and is at 600.*: give 61000"):
        hunter.generate_signal("shib", 61.0)


@pytest.mark.parametrize("content", [None, b"", b"no message\n"])
def test_what_is_no_recording_is_an_error(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "file.jsonl"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(DataSourceError, match=r"file\.jsonl cannot be replayed: "):
        LiquidationHunter().set_data_source("recording", path=file)
