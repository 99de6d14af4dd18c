"""Whatever the headers hold, byte for byte as they were sent, the answer is one we know, and never a 500."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liqalert.web.access import COOKIE, Access
from tests.mutations import ODD_TEXTS
from tests.web.rig import BTC, Client, Rig, mark, serving, snapshot

KNOWN = {200, 304, 400, 401, 403, 404, 405}
WITH_TOKEN = Access("127.0.0.1", "a-token")
WITHIN_EXAMPLES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
# What cannot be in a header is another request, or none: the HTTP parser's own matter.
VALUES = st.binary(max_size=40).map(lambda raw: raw.translate(None, b"\r\n\0")) | ODD_TEXTS.map(
    lambda text: text.encode("utf-8", "replace").translate(None, b"\r\n\0")
)
IDS = VALUES | st.tuples(st.sampled_from([b"LIFE-", b"-", b""]), st.integers(-5, 10**20)).map(
    lambda parts: parts[0] + str(parts[1]).encode()
)


async def status_of(client: Client, path: str, headers: list[tuple[bytes, bytes]], method: str = "GET") -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    try:
        own = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n".encode()
        writer.write(own + b"".join(b"%s: %s\r\n" % header for header in headers) + b"\r\n")
        async with asyncio.timeout(5):
            status_line = await reader.readline()
    finally:
        writer.close()
    return int(status_line.split()[1])


@pytest.fixture(autouse=True)
def market(rig: Rig) -> None:
    rig.board.snapshot = snapshot(marks=[mark(BTC)])


@WITHIN_EXAMPLES
@given(last=IDS)
async def test_any_last_event_id(last: bytes, rig: Rig, client: Client) -> None:
    life = rig.events._life.encode()
    last = last.replace(b"LIFE", life)

    assert await status_of(client, "/api/v1/events?symbol=BTCUSDT", [(b"Last-Event-ID", last)]) in {200, 400}


@WITHIN_EXAMPLES
@given(
    headers=st.lists(
        st.tuples(
            st.sampled_from(
                [b"If-None-Match", b"Accept-Encoding", b"Range", b"Accept", b"Origin", b"Cookie", b"Referer"]
            ),
            VALUES,
        ),
        max_size=4,
    )
)
async def test_any_headers_of_a_question(headers: list[tuple[bytes, bytes]], client: Client) -> None:
    assert await status_of(client, "/api/v1/heatmap/BTCUSDT?range=24h", headers) in KNOWN


@WITHIN_EXAMPLES
@given(at=ODD_TEXTS | st.datetimes().map(str) | st.text(max_size=30))
async def test_any_moment(at: str, client: Client) -> None:
    moment = quote(at.encode("utf-8", "surrogateescape"))

    assert await status_of(client, f"/api/v1/heatmap/BTCUSDT?range=24h&at={moment}", []) in {200, 400}


@pytest.fixture
async def guarded(rig: Rig) -> AsyncIterator[Client]:
    async with serving(rig, WITH_TOKEN) as client:
        yield client


@WITHIN_EXAMPLES
@given(name=st.sampled_from([b"Cookie", b"Authorization", b"CG-API-KEY"]), value=VALUES, named=st.booleans())
async def test_no_cookie_and_no_header_but_the_right_one_opens(
    name: bytes, value: bytes, named: bool, guarded: Client
) -> None:
    prefix = {b"Cookie": f"{COOKIE}=".encode(), b"Authorization": b"Bearer "}.get(name, b"") if named else b""

    assert await status_of(guarded, "/api/v1/clusters", [(name, prefix + value)]) in {400, 401}


@WITHIN_EXAMPLES
@given(method=st.sampled_from(["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "X"]), kind=VALUES)
async def test_any_method_and_type(method: str, kind: bytes, client: Client) -> None:
    headers = [(b"Content-Type", kind), (b"Content-Length", b"0")]

    assert await status_of(client, "/api/v1/alerts/test", headers, method) in KNOWN | {415}


async def test_request_that_is_none_is_no_line_in_the_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever reaches the port could fill the disk with it."""
    with caplog.at_level(logging.DEBUG):
        statuses = [await status_of(client, "/", [(b"X", value)]) for value in (b"\x01", b"\x7f", b"\x02")]

    assert statuses == [400, 400, 400]
    assert [record for record in caplog.records if record.name != "asyncio"] == []
