"""What every answer has in common: the key, the code in the body, the allowance, the headers."""

from __future__ import annotations

import pytest

from liqalert.ports import StorageError
from tests.web.coinglass.rig import KEY, NOW, Client, Rig, serving

TOKEN = "höhle-und-zahl-17"
ORDER = "/api/futures/liquidation/order?exchange=Binance&symbol=BTC"


@pytest.mark.parametrize("headers", [{}, {"CG-API-KEY": ""}, {"coinglassSecret": "anything"}])
async def test_a_missing_key_is_an_error_in_the_body(headers: dict[str, str], client: Client) -> None:
    async with client.session.get(ORDER, headers=headers) as response:
        body = await response.json()

    assert response.status == 200
    assert body == {
        "code": "401",
        "msg": "API key missing: send the header CG-API-KEY; any text will do, because web.token is not set.",
    }


@pytest.mark.parametrize("key", ["anything", "0", "ÿ"])
async def test_without_a_token_any_key_will_do(key: str, client: Client) -> None:
    async with client.session.get(ORDER, headers={"CG-API-KEY": key}) as response:
        body = await response.json()

    assert body["code"] == "0"


async def test_with_a_token_the_key_must_be_it(rig: Rig) -> None:
    async with serving(rig, TOKEN) as client, client.session.get(ORDER, headers={"CG-API-KEY": TOKEN}) as response:
        body = await response.json()

    assert body["code"] == "0"


@pytest.mark.parametrize("key", ["anything", "höhle-und-zahl-1", f"{TOKEN}7", f"Bearer {TOKEN}", "ÿ"])
async def test_with_a_token_another_key_is_refused(key: str, rig: Rig) -> None:
    async with serving(rig, TOKEN) as client, client.session.get(ORDER, headers={"CG-API-KEY": key}) as response:
        body = await response.json()

    assert body == {"code": "401", "msg": "The header CG-API-KEY must carry the token from web.token."}


async def test_with_a_token_a_missing_key_is_told_what_it_is(rig: Rig) -> None:
    async with serving(rig, TOKEN) as client, client.session.get(ORDER) as response:
        body = await response.json()

    assert body == {"code": "401", "msg": "API key missing: send the header CG-API-KEY, which is web.token."}


@pytest.mark.parametrize("path", ["order?exchange=Binance&symbol=BTC", "order", "max-pain", "nothing"])
async def test_every_answer_names_its_basis_and_the_allowance(path: str, client: Client) -> None:
    async with client.session.get(f"/api/futures/liquidation/{path}", headers=KEY) as response:
        headers = response.headers

    assert headers["X-Liqalert-Basis"] == "realised"
    assert (headers["API-KEY-MAX-LIMIT"], headers["API-KEY-USE-LIMIT"]) == ("1200", "1")


async def test_an_answer_without_a_key_names_its_basis_too(client: Client) -> None:
    async with client.session.get(ORDER) as response:
        headers = response.headers

    assert headers["X-Liqalert-Basis"] == "realised"
    assert headers["API-KEY-USE-LIMIT"] == "0"


async def test_the_allowance_is_used_up_and_new_in_the_next_minute(rig: Rig) -> None:
    question = {"exchange": "Binance", "symbol": "BTC"}
    async with serving(rig, per_minute=2) as client:
        codes = [(await client.get("order", **question))["code"] for _ in range(3)]
        refused = await client.get("order", **question)
        rig.clock.at = NOW + 40.0
        renewed = await client.headers("order", **question)

    assert codes == ["0", "0", "429"]
    assert refused == {"code": "429", "msg": "The 2 requests of this minute are used up."}
    assert renewed["API-KEY-USE-LIMIT"] == "1"


async def test_requests_without_the_key_use_up_nothing(rig: Rig) -> None:
    async with serving(rig, TOKEN, per_minute=1) as client:
        for _ in range(3):
            async with client.session.get(ORDER, headers={"CG-API-KEY": "wrong"}):
                pass
        async with client.session.get(ORDER, headers={"CG-API-KEY": TOKEN}) as response:
            body = await response.json()

    assert body["code"] == "0"


@pytest.mark.parametrize("prefix", ["/api", "//api", "///api"])
async def test_an_unknown_path_is_a_real_404(prefix: str, client: Client) -> None:
    url = f"http://127.0.0.1:{client.port}{prefix}/futures/open-interest/history"
    async with client.session.get(url, headers=KEY) as response:
        body = await response.json()

    assert response.status == 404
    assert body == {"code": "404", "msg": f"There is nothing at {prefix}/futures/open-interest/history."}


async def test_two_slashes_before_an_unknown_endpoint_are_a_real_404_too(client: Client) -> None:
    url = f"http://127.0.0.1:{client.port}//api/futures/liquidation/order/x"
    async with client.session.get(url, headers=KEY) as response:
        body = await response.json()

    assert (response.status, body["code"]) == (404, "404")


async def test_two_slashes_are_answered_like_one(client: Client) -> None:
    """Their own examples write them, and clients follow no redirect."""
    url = f"http://127.0.0.1:{client.port}//api/futures/liquidation/order?exchange=Binance&symbol=ETH"

    async with client.session.get(url, headers=KEY, allow_redirects=False) as response:
        body = await response.json()

    assert response.status == 200
    assert body["data"] == await client.data("order", exchange="Binance", symbol="ETH")


async def test_two_slashes_need_the_key_too(client: Client) -> None:
    url = f"http://127.0.0.1:{client.port}//api/futures/liquidation/order?exchange=Binance&symbol=ETH"
    async with client.session.get(url) as response:
        body = await response.json()

    assert body["code"] == "401"


async def test_another_method_is_refused_in_the_body(client: Client) -> None:
    async with client.session.delete(ORDER, headers=KEY) as response:
        body = await response.json()

    assert (response.status, body) == (200, {"code": "405", "msg": "Method Not Allowed."})


async def test_a_guard_within_is_refused_in_the_body(client: Client) -> None:
    async with client.session.get(ORDER, headers=KEY | {"Host": "evil.example"}) as response:
        body = await response.json()

    assert (response.status, body["code"]) == (200, "403")
    assert "evil.example" in body["msg"]


async def test_a_database_that_refuses_is_an_error_of_the_server(rig: Rig, client: Client) -> None:
    rig.grids.broken = StorageError("reading liquidations: disk I/O error")

    body = await client.get("heatmap/model1", exchange="Binance", symbol="BTCUSDT")

    assert body == {"code": "500", "msg": "reading liquidations: disk I/O error"}


async def test_before_the_first_mark_nothing_can_be_looked_up(rig: Rig, client: Client) -> None:
    rig.board.snapshot = type(rig.board.snapshot)(as_of=NOW, decay_s=3600.0)

    body = await client.get("order", exchange="Binance", symbol="BTC")

    assert body == {"code": "500", "msg": "No feed has delivered a mark yet: see /api/v1/feeds."}


async def test_other_paths_are_none_of_its_business(client: Client) -> None:
    async with client.session.get("/api/v1/clusters") as response:
        body = await response.json()

    assert response.status == 404
    assert set(body) == {"error", "allowed"}
    assert "X-Liqalert-Basis" not in response.headers


async def test_the_same_question_is_computed_once_for_all(rig: Rig, client: Client) -> None:
    question = {"exchange": "Binance", "symbol": "BTCUSDT", "range": "12h"}

    bodies = [await client.get("heatmap/model1", **question) for _ in range(5)]

    assert all(body == bodies[0] for body in bodies)
    assert len(rig.grids.asked) == 1


async def test_a_second_later_the_same_question_is_computed_anew(rig: Rig, client: Client) -> None:
    question = {"exchange": "Binance", "symbol": "BTCUSDT", "range": "12h"}
    await client.get("heatmap/model1", **question)
    rig.clock.at = NOW + 1.0

    await client.get("heatmap/model1", **question)

    assert len(rig.grids.asked) == 2
