"""A daemon whose PostgreSQL another liqalert has taken over ends, and the next start goes on from there.

Collected only where a server is installed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.binance_server import BinanceServer
from tests.daemon import OWNER, Daemon
from tests.storage import postgresql
from tests.telegram_server import TelegramServer
from tests.test_end_to_end import CLOSE, alerts, armed_zone


@pytest.fixture
def server() -> Iterator[postgresql.Server]:
    with postgresql.running_server() as running:
        yield running


if postgresql.binaries():

    async def test_who_loses_the_database_to_another_ends_and_tells_nothing(
        tmp_path: Path, binance: BinanceServer, telegram: TelegramServer, server: postgresql.Server
    ) -> None:
        url = f"{server.url}/postgres"
        async with Daemon(tmp_path, binance=binance, telegram=telegram, LIQALERT_DATABASE__URL=url) as daemon:
            await daemon.until("/readyz", lambda answer: answer["ready"])
            await armed_zone(daemon, binance)
            async with postgresql.taken_over(url):
                async with asyncio.timeout(60):
                    code = await daemon.process.wait()
                said = daemon.log.read_text().splitlines()[-1]
                binance.prices["BTCUSDT"] = CLOSE
            told_meanwhile = telegram.texts(OWNER)
            await daemon.start()
            await daemon.until_zone("near")
            await telegram.wait_for_texts(OWNER)

        assert code == 1
        assert said.startswith("liqalert: another liqalert uses postgresql")
        assert said.endswith("stop it first, or give this one a database.url of its own")
        assert told_meanwhile == []
        assert len(alerts(telegram)) == 1
