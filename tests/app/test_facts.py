"""What /status and /readyz say of errors in liqalert itself."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from liqalert.app.assembly import assemble
from liqalert.app.facts import Facts
from liqalert.app.parts import Stores
from liqalert.app.read_start import read_start
from liqalert.app.world import World
from liqalert.core.exchanges import BINANCE
from liqalert.core.market import FeedStatus
from liqalert.settings import load_settings
from liqalert.storage.lock import exclusively
from tests.fakes import FakeClock

T0 = 1_790_000_000.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(T0)


@pytest.fixture
async def facts(stores: Stores, clock: FakeClock) -> AsyncIterator[Facts]:
    """Of a daemon in which nothing runs, and whose feed is alive."""
    settings, world = load_settings(None, {"LIQALERT_BINANCE__SYMBOLS": "[]"}), World(clock=clock, environ={})
    start = await read_start(settings, stores, T0)
    async with aiohttp.ClientSession() as session, exclusively(stores.database) as hold:
        facts, _ = assemble(settings, world, start, stores=stores, session=session, hold=hold, damage=None)
        facts.watching.pipeline.feed_changed(FeedStatus(BINANCE, alive=True, since=T0, mark_at=T0), T0 + 7.0)
        yield facts


async def test_a_tick_that_fails_makes_it_unready_until_one_works(facts: Facts, clock: FakeClock) -> None:
    """Else clusters that stand still would be called ready, and the dead man's switch would be asked."""
    surges, pipeline = facts.watching.engine.surges, facts.watching.pipeline
    assert facts.readiness().blocking == ()
    pipeline.advance(T0 + 10.0)

    surges.look = None  # type: ignore[method-assign, assignment]
    clock.at = T0 + 65.0
    pipeline.advance(clock.at)
    failing = facts.readiness()
    del surges.look
    clock.at = T0 + 70.0
    pipeline.advance(clock.at)

    assert failing.blocking == (
        "Clusters and zones are as of 55 s ago, because of an error in liqalert itself: its log has it.",
    )
    assert facts.readiness().blocking == ()


async def test_errors_of_its_own_are_named_where_a_person_looks(facts: Facts) -> None:
    facts.delivering.sender.counts["telegram", "unexpected"] += 2
    facts.failed_jobs["pruning"] += 1

    said = "Errors in liqalert itself since the start (delivery 2, tick 1): the log has each; please report them."
    assert said in facts.readiness().notes
    assert said in (await facts.status()).problems
