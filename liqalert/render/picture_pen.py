"""Words and shapes on a bitmap. Pillow is loaded with the first pen."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liqalert.render import colours
from liqalert.render.colours import Colour

if TYPE_CHECKING:
    from PIL.Image import Image as Bitmap
    from PIL.ImageDraw import ImageDraw as Shapes
    from PIL.ImageFont import FreeTypeFont
    from PIL.ImageFont import ImageFont as PlainFont

SIZE = 24
"""Of common words: 8 pixels where a picture of 1200 is shown on 400."""


class Pen:
    """Draws on one bitmap, with the font that comes with Pillow. Not thread-safe."""

    def __init__(self, width: int, height: int) -> None:
        from PIL import Image, ImageDraw

        self.image: Bitmap = Image.new("RGB", (width, height), colours.GROUND)
        self.shapes: Shapes = ImageDraw.Draw(self.image)
        self._fonts: dict[int, FreeTypeFont | PlainFont] = {}

    def paste(self, pixels: NDArray[np.uint8], left: int, top: int) -> None:
        from PIL import Image

        self.image.paste(Image.fromarray(np.ascontiguousarray(pixels)), (left, top))

    def text(
        self,
        place: tuple[float, float],
        words: str,
        *,
        colour: Colour = colours.PALE,
        anchor: str = "la",
        size: int = SIZE,
        edge: int = 0,
    ) -> None:
        """`anchor` is Pillow's: which point of the words lies at `place`. `edge` is how wide a dark edge they have."""
        self.shapes.text(
            place,
            drawable(words),
            fill=colour,
            anchor=anchor,
            font=self._font(size),
            stroke_width=edge,
            stroke_fill=colours.GROUND,
        )

    def length(self, words: str, size: int = SIZE) -> float:
        return self.shapes.textlength(drawable(words), font=self._font(size))

    def fitting(self, words: str, room: float, size: int = SIZE) -> str:
        """`words`, cut where `room` pixels end."""
        if self.length(words, size) <= room:
            return words
        while words and self.length(f"{words}...", size) > room:
            words = words[:-1].rstrip()
        return f"{words}..."

    def wrapped(self, words: str, room: float, most: int) -> tuple[str, ...]:
        """`words` in at most `most` lines of `room` pixels; what is left over is cut off."""
        lines: list[str] = []
        rest = words.split()
        while rest and len(lines) < most - 1:
            count = 1
            while count < len(rest) and self.length(" ".join(rest[: count + 1])) <= room:
                count += 1
            lines.append(self.fitting(" ".join(rest[:count]), room))
            rest = rest[count:]
        return (*lines, *([self.fitting(" ".join(rest), room)] if rest else []))

    def png(self) -> bytes:
        out = BytesIO()
        self.image.save(out, "PNG", compress_level=6)
        return out.getvalue()

    def _font(self, size: int) -> FreeTypeFont | PlainFont:
        from PIL import ImageFont

        if size not in self._fonts:
            self._fonts[size] = ImageFont.load_default(size)
        return self._fonts[size]


def drawable(words: str) -> str:
    """The font has ASCII only: a sign that it lacks is drawn as its code point, so that symbols stay apart."""
    return "".join(sign if " " <= sign <= "~" else f"u{ord(sign):x}" for sign in words)
