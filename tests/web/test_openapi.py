"""The description of the interface: complete, valid, and true under a fuzzer."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import jsonschema
import msgspec
import pytest

from liqalert.web.access import Access
from liqalert.web.application import build_app
from liqalert.web.openapi import document
from tests.web.rig import BTC, Rig, cluster, mark, serving, snapshot, zone
from tests.web.test_alerts import ROW


def test_every_route_of_our_own_is_described_and_nothing_else() -> None:
    app = build_app(Rig().sources(), Access("127.0.0.1"))
    served = {
        (re.sub(r":[^}]*\}", "}", route.resource.canonical), route.method.lower())
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    served = {(path, method) for path, method in served if not path.startswith("/static/")}
    described = {(path, method) for path, methods in document(token=False)["paths"].items() for method in methods}  # type: ignore[attr-defined]

    assert served - described == {("/", "get"), ("/openapi.json", "get")}
    assert described <= served


async def test_answers_have_the_shapes_that_are_described() -> None:
    rig = Rig()
    rig.board.snapshot = snapshot(cluster(), zones=[zone()], marks=[mark()])
    rig.alerts.rows = [ROW]
    async with serving(rig) as client:
        _, described = await client.get("/openapi.json")
        for path, example in (
            ("/api/v1/clusters", "/api/v1/clusters"),
            ("/api/v1/heatmap/{symbol}", "/api/v1/heatmap/BTCUSDT"),
            ("/api/v1/alerts", "/api/v1/alerts"),
            ("/api/v1/alerts/{alert_id}", "/api/v1/alerts/a-1"),
            ("/api/v1/feeds", "/api/v1/feeds"),
        ):
            _, answer = await client.get(example)
            content = described["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
            jsonschema.validate(answer, described | content["schema"], jsonschema.Draft202012Validator)

    assert msgspec.json.decode(msgspec.json.encode(described)) == described
    assert BTC.symbol == "BTCUSDT"


@pytest.mark.parametrize(
    ("path", "usual", "most"),
    [("/api/v1/liquidations?symbol=BTCUSDT&", 100, 1000), ("/api/v1/alerts?", 50, 500)],
)
async def test_limits_are_described_as_they_are(path: str, usual: int, most: int) -> None:
    rig = Rig()
    rig.board.snapshot = snapshot(marks=[mark()])
    async with serving(rig) as client:
        _, described = await client.get("/openapi.json")
        parameters = {each["name"]: each for each in described["paths"][path.partition("?")[0]]["get"]["parameters"]}
        statuses = [(await client.get(f"{path}limit={number}"))[0] for number in (most, most + 1)]

    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": most, "default": usual}
    assert statuses == [200, 400]


async def test_a_fuzzer_finds_no_answer_that_is_not_described() -> None:
    rig = Rig()
    rig.board.snapshot = snapshot(cluster(), zones=[zone()], marks=[mark()])
    rig.alerts.rows = [ROW]
    async with serving(rig) as client:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"http://127.0.0.1:{client.port}/openapi.json",
            "--exclude-path",
            "/api/v1/events",
            "--max-examples",
            "25",
            "--seed",
            "7",
            "--no-color",
            env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.web.fuzz_hooks"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await asyncio.wait_for(process.communicate(), 90)

    assert process.returncode == 0, out.decode()
