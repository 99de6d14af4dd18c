"""The scale: what is twice as much looks twice as far away, to everybody, and the same on the page."""

from __future__ import annotations

import re
from importlib import resources

import numpy as np
import pytest
from numpy.typing import NDArray

from liqalert.render import colours

# Machado, Oliveira and Fernandes 2009, at full severity: linear RGB as seen without one kind of cone.
SEEN = {
    "by most": np.eye(3),
    "without red": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "without green": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}


@pytest.mark.parametrize("how", SEEN)
def test_equal_steps_of_the_scale_are_equally_much_lighter(how: str) -> None:
    lightness = _lightness(colours.scale(), SEEN[how])

    ninths = np.diff(lightness[np.round(np.linspace(0, colours.STEPS - 1, 10)).astype(int)])

    assert ninths.min() > 7.0
    assert ninths.max() < 10.5


def test_the_page_has_the_same_scale() -> None:
    script = resources.files("liqalert.web").joinpath("static/colours.js").read_text()
    stops = re.findall(r'"([0-9a-f]{6})"', script)

    table = colours.scale()
    for number, stop in enumerate(stops):
        nearest = table[round(number * (colours.STEPS - 1) / (len(stops) - 1))].astype(int)
        assert np.abs(nearest - [int(stop[at : at + 2], 16) for at in (0, 2, 4)]).max() <= 3
    assert len(stops) == 10


def _lightness(rgb: NDArray[np.uint8], seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIE L*, 0 to 100, of sRGB."""
    share = rgb / 255.0
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    luminance = np.clip(linear @ seen.T, 0.0, 1.0) @ np.array([0.2126, 0.7152, 0.0722])
    return np.where(luminance > 216 / 24389, 116 * np.cbrt(luminance) - 16, luminance * 24389 / 27)
