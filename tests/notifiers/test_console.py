from __future__ import annotations

import io

import pytest

from liqalert.notifiers.console import ConsoleNotifier
from liqalert.ports import DeliveryError, Message


async def test_each_message_is_a_block_of_plain_text() -> None:
    stream = io.StringIO()
    notifier = ConsoleNotifier(stream)

    first = await notifier.send("console", Message("<b>one</b>", "one"))
    second = await notifier.send("console", Message("<b>two</b>", "two\nlines"))

    assert stream.getvalue() == "\none\n\n\ntwo\nlines\n\n"
    assert (first, second) == ("1", "2")


async def test_closed_stream_is_a_permanent_failure() -> None:
    stream = io.StringIO()
    stream.close()

    with pytest.raises(DeliveryError) as caught:
        await ConsoleNotifier(stream).send("console", Message("x", "x"))

    assert caught.value.permanent
