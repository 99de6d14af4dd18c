from liqalert.core.market import OpenInterest, PositionSide
from liqalert.core.strength import DaySamples
from liqalert.storage.baselines import BaselineStore
from liqalert.storage.database import Database
from tests.storage.objects import BTC, CHINESE, T0

LONG_18 = DaySamples(BTC, PositionSide.LONG, "2026-11-18", ((-3, 5), (210, 283)))
SHORT_18 = DaySamples(BTC, PositionSide.SHORT, "2026-11-18", ((190, 288),))
LONG_19 = DaySamples(BTC, PositionSide.LONG, "2026-11-19", ())


async def test_samples_are_read_back_as_they_were(database: Database) -> None:
    store = BaselineStore(database)

    await store.save([LONG_19, SHORT_18, LONG_18], T0)

    assert await store.load("2026-11-18") == (LONG_18, LONG_19, SHORT_18)
    assert await store.load("2026-11-19") == (LONG_19,)


async def test_a_day_saved_again_is_replaced(database: Database) -> None:
    store = BaselineStore(database)
    await store.save([LONG_18], T0)
    fuller = DaySamples(BTC, PositionSide.LONG, "2026-11-18", ((210, 288),))

    await store.save([fuller], T0 + 1)

    assert await store.load("2026-11-18") == (fuller,)


async def test_the_newest_open_interest_of_each_instrument_is_read_back(database: Database) -> None:
    store = BaselineStore(database)
    newest = [OpenInterest(BTC, 8.5e9, T0 + 86_400), OpenInterest(CHINESE, 1e7, T0)]

    await store.save_open_interest([*newest, OpenInterest(BTC, 8e9, T0)])
    await store.save_open_interest([OpenInterest(BTC, 9e9, T0 + 86_000)])

    assert await store.open_interest() == tuple(newest)


async def test_open_interest_and_samples_of_one_day_stand_beside_each_other(database: Database) -> None:
    store = BaselineStore(database)
    on_the_18th = 1_794_960_000.0

    await store.save([LONG_18], T0)
    await store.save_open_interest([OpenInterest(BTC, 8e9, on_the_18th)])
    await store.save([SHORT_18], T0)

    assert await store.load("2026-11-01") == (LONG_18, SHORT_18)
    assert await store.open_interest() == (OpenInterest(BTC, 8e9, on_the_18th),)


async def test_an_empty_store_gives_nothing(database: Database) -> None:
    store = BaselineStore(database)
    await store.save([], T0)
    await store.save_open_interest([])

    assert await store.load("2026-01-01") == ()
    assert await store.open_interest() == ()


async def test_clusters_and_flow_of_one_day_stand_beside_each_other(database: Database) -> None:
    store = BaselineStore(database)
    flow = DaySamples(BTC, PositionSide.LONG, "2026-11-18", ((170, 280),), "flow")
    flow_19 = DaySamples(BTC, PositionSide.LONG, "2026-11-19", ((171, 12),), "flow")

    await store.save([flow, LONG_18, flow_19], T0)
    await store.save([SHORT_18], T0)

    assert await store.load("2026-11-01") == (LONG_18, SHORT_18, flow, flow_19)
    assert await store.load("2026-11-19") == (flow_19,)
