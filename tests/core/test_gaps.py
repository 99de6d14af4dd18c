from __future__ import annotations

from liqalert.core.gaps import merged


def test_stretches_that_overlap_are_one() -> None:
    assert merged([(5.0, 9.0), (1.0, 3.0), (2.0, 4.0), (9.0, 10.0)]) == ((1.0, 4.0), (5.0, 10.0))
