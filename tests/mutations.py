"""Real input, damaged: what the property tests of every parser are given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st

KEPT = Path(__file__).parent / "payloads/hostile"
"""Inputs that once broke something. One file each, in a folder for each parser."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ODD_NUMBERS = st.sampled_from([0, -1, 1, 0.0, -0.0, 1e-300, 1e300, 1e17, -1e17, 2**63 - 1, -(2**63), 253402300800])
ODD_TEXTS = st.sampled_from(
    ["", "nan", "inf", "-1", "1e400", "0", "00", "0x1", "1_0", "\ud7ff", "\x00", "\u202e", "a" * 300, "١"]
)
ODD_VALUES = JSON | ODD_NUMBERS | ODD_TEXTS


@st.composite
def damaged(draw: st.DrawFn, originals: st.SearchStrategy[bytes]) -> bytes:
    """One of `originals` with a few bytes taken out, put in or changed."""
    original = draw(originals)
    start = draw(st.integers(0, len(original)))
    end = draw(st.integers(start, min(len(original), start + 20)))
    return original[:start] + draw(st.binary(max_size=20)) + original[end:]


@st.composite
def misvalued(draw: st.DrawFn, originals: st.SearchStrategy[bytes]) -> bytes:
    """One of `originals`, which are JSON, with one value anywhere in it replaced by an odd one, or left out."""
    content = msgspec.json.decode(draw(originals))
    found = list(places(content))
    if not found:
        return msgspec.json.encode(draw(ODD_VALUES))
    container, key = draw(st.sampled_from(found))
    if draw(st.integers(0, 9)) == 0:
        del container[key]
    else:
        container[key] = draw(ODD_VALUES)
    return msgspec.json.encode(content)


def places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Each value in `content`, as the container and the key that give it."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in list(items):
        yield content, key
        yield from places(value)


def kept(folder: str) -> list[Path]:
    """The inputs kept for one parser."""
    return sorted((KEPT / folder).iterdir())
