"""A rig, and a client of its server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.web.rig import Client, Rig, serving


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
async def client(rig: Rig) -> AsyncIterator[Client]:
    async with serving(rig) as client:
        yield client
