"""A text in both forms from lines of HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from liqalert.render.text import Text

TAG = re.compile(r"</?(?:b|i|code)>")


def composed(lines: Iterable[str]) -> Text:
    """A text of `lines`, each HTML closed in itself (b, i and code only); the plain form is the same without tags."""
    markup = "\n".join(lines)
    return Text(markup, html.unescape(TAG.sub("", markup)))
