"""Whatever is asked, the answer is an envelope, and never a 500."""

from __future__ import annotations

from urllib.parse import quote, quote_from_bytes

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from liqalert.web.coinglass.endpoints import routes
from tests.web.coinglass.rig import KEY, Client, Rig

ENDPOINTS = st.sampled_from(
    ["heatmap/model1", "map", "aggregated-map", "order", "history", "exchange-list", "max-pain"]
)
NAMES = st.sampled_from(["exchange", "ex", "symbol", "range", "interval", "limit", "start_time", "end_time", "shape"])
VALUES = st.sampled_from(["Binance", "BTCUSDT", "BTC", "12h", "1d", "1h", "1700000000000", "0", "-1", "nan"])
FEW = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


async def envelope_of(client: Client, path_and_query: str) -> tuple[int, str]:
    url = URL(f"http://127.0.0.1:{client.port}{path_and_query}", encoded=True)
    async with client.session.get(url, headers=KEY) as response:
        body = await response.json()
    assert set(body) == ({"code", "msg", "data"} if body["code"] == "0" else {"code", "msg"})
    return response.status, body["code"]


@FEW
@given(name=ENDPOINTS, query=st.lists(st.tuples(NAMES, VALUES | st.text(max_size=30)), max_size=6))
async def test_any_query_is_answered(name: str, query: list[tuple[str, str]], rig: Rig, client: Client) -> None:
    rig.clock.at += 60.0  # another minute, another allowance
    text = "&".join(f"{quote(key)}={quote(value)}" for key, value in query)

    status, code = await envelope_of(client, f"/api/futures/liquidation/{name}?{text}")

    assert (status, code in ("0", "400", "404")) == (200, True)


@FEW
@given(rest=st.binary(max_size=40))
async def test_any_bytes_are_answered(rest: bytes, rig: Rig, client: Client) -> None:
    rig.clock.at += 60.0
    encoded = quote_from_bytes(rest, safe="")

    in_path = await envelope_of(client, f"/api/futures/liquidation/x{encoded}")
    in_query = await envelope_of(client, f"//api/futures/liquidation/order?exchange=Binance&symbol={encoded}")

    assert in_path == (404, "404")
    assert in_query in ((200, "0"), (200, "400"))


def test_every_endpoint_is_read_only(rig: Rig) -> None:
    assert {route.method for route in routes(rig.sources())} == {"GET"}
