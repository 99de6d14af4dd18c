from __future__ import annotations

from liqalert.web.health import Health, Readiness
from tests.web.rig import NOW, Client, Rig


async def test_healthz_shows_the_last_tick_and_what_was_caught(rig: Rig, client: Client) -> None:
    rig.health = Health(on_time=True, last_tick_at=NOW - 2.5, caught=(("feed", 1), ("tick", 0)))

    answer = await client.get("/healthz")

    assert answer == (
        200,
        {"ok": True, "last_tick_at": "2023-11-14T22:13:17.500Z", "exceptions": {"feed": 1, "tick": 0}},
    )


async def test_healthz_is_503_as_soon_as_a_tick_is_late(rig: Rig, client: Client) -> None:
    rig.health = Health(on_time=False)

    answer = await client.get("/healthz")

    assert answer == (503, {"ok": False, "last_tick_at": None, "exceptions": {}})


async def test_readiness_follows_the_reasons(rig: Rig, client: Client) -> None:
    rig.readiness = Readiness(blocking=("binance: no mark for 8 s",), notes=("no chat is allowed",))
    dark = await client.get("/readyz")
    rig.readiness = Readiness(notes=("no chat is allowed",))
    noted = await client.get("/readyz")
    rig.readiness = Readiness()
    fine = await client.get("/readyz")

    assert dark == (503, {"ready": False, "reasons": ["binance: no mark for 8 s", "no chat is allowed"]})
    assert noted == (200, {"ready": True, "reasons": ["no chat is allowed"]})
    assert fine == (200, {"ready": True, "reasons": []})


async def test_a_probe_may_add_a_query_of_its_own(client: Client) -> None:
    status, _ = await client.get("/healthz?probe=1")

    assert status == 200
