from __future__ import annotations

import pytest

from liqalert.core.alerts import Alert
from liqalert.render.buttons import alert_buttons
from liqalert.render.callbacks import Press, callback_data, press_of
from tests.render.told import DECIDED, near


def test_buttons_are_for_what_happened_in_the_market() -> None:
    rows = alert_buttons(near())

    assert [[label for label, _ in row] for row in rows] == [["Mute 1 h", "Ack"], ["Chart", "Why"]]
    assert next(press_of(data) for row in rows for _, data in row) == Press("mute", ("abcdefgh",))
    assert alert_buttons(Alert("n", "notice", DECIDED, "r", text="x")) == ()


@pytest.mark.parametrize("data", ["", "2:mute:a", "mute", "1:", "1", "x" * 70, "1:" + "é" * 40])
def test_callback_data_of_others_means_nothing(data: str) -> None:
    assert press_of(data) is None


def test_callback_data_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 64 bytes"):
        callback_data("mute", "x" * 60)
