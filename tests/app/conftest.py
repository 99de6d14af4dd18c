from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from liqalert.app.parts import Stores, build_stores
from liqalert.storage.database import Database
from liqalert.storage.schema import prepare


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with Database(f"sqlite:///{tmp_path}/liqalert.db") as database:
        await prepare(database)
        yield build_stores(database)
