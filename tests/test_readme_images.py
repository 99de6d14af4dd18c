"""The images of the README are there, small, and made from what their caption says."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image

from tests.readme_images import RECORDING, Replayed

ROOT = Path(__file__).parents[1]


def test_every_image_of_the_readme_is_there_and_small() -> None:
    named = [ROOT / path for path in re.findall(r"!\[[^]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text())]

    assert [path.name for path in named] == ["page.png", "picture.png", "rebuild.png"]
    assert all(path.stat().st_size < 100_000 for path in named)
    with Image.open(named[1]) as picture:
        assert picture.size == (1200, 700)


if RECORDING.exists():

    def test_the_images_show_the_night_that_the_readme_tells_of() -> None:
        replayed = Replayed()
        replayed.run()

        assert len(replayed.liquidations) == 1095
        [near] = [row for row in replayed.rows() if row.alert.kind == "near"]
        assert near.alert.evidence is not None
        assert near.alert.evidence.mark_price == 97_883.7
        assert near.episode is not None
        assert near.episode.outcome == "held"
