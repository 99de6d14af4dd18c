"""Whatever is asked, the answer is JSON in one of the shapes we know, and never a 500."""

from __future__ import annotations

from urllib.parse import quote, quote_from_bytes

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from tests.web.rig import BTC, Client, Rig, mark, snapshot

PATHS = st.sampled_from(["/api/v1/clusters", "/api/v1/alerts", "/api/v1/liquidations", "/api/v1/feeds", "/nowhere"])
PARENTS = st.sampled_from(["/api/v1/clusters/", "/api/v1/alerts/", "/"])
NAMES = st.sampled_from(["limit", "kind", "symbol"]) | st.text(max_size=5)
VALUES = st.sampled_from(["1", "-1", "1e400", "nan", "near", "btc", "%"]) | st.text(max_size=50)
FEW = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


async def status_of(client: Client, path_and_query: str) -> int:
    url = URL(f"http://127.0.0.1:{client.port}{path_and_query}", encoded=True)
    async with client.session.get(url) as response:
        answer = await response.json()
        if response.status != 200:
            assert set(answer) == {"error", "allowed"}
            assert answer["error"]
    return response.status


@FEW
@given(path=PATHS, query=st.lists(st.tuples(NAMES, VALUES), max_size=3))
async def test_any_query_is_answered(path: str, query: list[tuple[str, str]], rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(marks=[mark(BTC)])
    text = "&".join(f"{quote(name)}={quote(value)}" for name, value in query)

    status = await status_of(client, f"{path}?{text}")

    assert status in (200, 400, 404)


@FEW
@given(parent=PARENTS, rest=st.binary(max_size=60))
async def test_any_bytes_in_a_path_or_a_query_are_answered(parent: str, rest: bytes, rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(marks=[mark(BTC)])
    encoded = quote_from_bytes(rest, safe="")

    in_path = await status_of(client, f"{parent}x{encoded}")
    in_query = await status_of(client, f"/api/v1/liquidations?symbol={encoded}")

    assert in_path in (200, 400, 404)
    assert in_query in (200, 400, 404)
