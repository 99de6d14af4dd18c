"""A text in both forms, Telegram's HTML and plain text with the same lines, and how it is split."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from liqalert.render.numbers import escaped, one_line

TELEGRAM_LIMIT = 4096
"""Telegram counts after parsing, in units it does not name; we count before, in UTF-16: never less."""
CAPTION_LIMIT = 1024
"""Of the words under a picture."""


class Text(Struct, frozen=True, gc=False):
    """A text in both forms, line by line the same. Each line of `html` is closed in itself."""

    html: str
    plain: str


def split(text: Text, limit: int = TELEGRAM_LIMIT) -> tuple[Text, ...]:
    """`text` in as few parts of at most `limit` as its line ends allow. A line that is too long is cut, unformatted."""
    parts: list[Text] = []
    part: list[Text] = []
    room = limit
    for html, plain in zip(text.html.split("\n"), text.plain.split("\n"), strict=True):
        line = _fitting(Text(html, plain), limit)
        if part and units(line.html) + 1 > room:
            parts.append(joined(part))
            part, room = [], limit
        room -= units(line.html) + (1 if part else 0)
        part.append(line)
    return (*parts, joined(part))


# ---------------------------------------------------------------- both forms at once


def line(text: str) -> Text:
    plain = one_line(text)
    return Text(escaped(plain), plain)


def bold(text: str) -> Text:
    plain = one_line(text)
    return Text(f"<b>{escaped(plain)}</b>", plain)


def joined(lines: Sequence[Text]) -> Text:
    return Text("\n".join([line.html for line in lines]), "\n".join([line.plain for line in lines]))


def clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _fitting(line: Text, limit: int) -> Text:
    if units(line.html) <= limit:
        return line
    bare = re.sub(r"<[^>]*>", "", line.html)
    # Cut by UTF-16 units, then drop what the cut has torn: half a pair, half an entity.
    cut = bare.encode("utf-16-le")[: 2 * (limit - 1)].decode("utf-16-le", "ignore")
    return Text(re.sub(r"&\w*$", "", cut) + "…", clip(line.plain, limit // 2))


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
