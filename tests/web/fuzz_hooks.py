"""For the fuzzer of test_openapi.py: what OpenAPI cannot say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import schemathesis
from schemathesis import HookContext


@schemathesis.hook  # type: ignore[untyped-decorator]
def filter_query(ctx: HookContext, query: dict[str, Any]) -> bool:
    """`at` lies in the past: a moment that does not is refused, which its own test shows."""
    at = (query or {}).get("at")
    if not isinstance(at, str):
        return True
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        return True
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return datetime(1970, 1, 2, tzinfo=UTC) < found < datetime(2023, 11, 1, tzinfo=UTC)
