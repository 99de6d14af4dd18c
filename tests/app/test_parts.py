"""The daemon's parts, before anything runs."""

from __future__ import annotations

from random import Random

import aiohttp

from liqalert.app.parts import Stores, build_delivering
from liqalert.app.world import World
from liqalert.settings import load_settings


async def test_the_first_delivery_that_is_given_up_is_growth_for_prometheus(stores: Stores) -> None:
    """`increase()` of a count that appears as 1 is 0: LiqalertDeliveriesDead would only speak at the second."""
    settings = load_settings(None, {"LIQALERT_WEBHOOK__URL": "http://127.0.0.1:9/hook"})
    async with aiohttp.ClientSession() as session:
        delivering = build_delivering(settings, stores, World(), session=session, random=Random(1))

    assert dict(delivering.sender.counts) == {
        ("webhook", "sent"): 0,
        ("webhook", "late"): 0,
        ("webhook", "dead"): 0,
        ("webhook", "failed"): 0,
    }
