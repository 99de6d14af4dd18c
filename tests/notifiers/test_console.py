from __future__ import annotations

import os
from pathlib import Path

import pytest

from liqalert.notifiers.console import ConsoleNotifier
from liqalert.ports import DeliveryError, Message


async def test_each_message_is_a_block_of_plain_text(tmp_path: Path) -> None:
    path = tmp_path / "console"
    with path.open("w") as stream:
        notifier = ConsoleNotifier(stream)

        first = await notifier.send("console", Message("<b>one</b>", "one"))
        second = await notifier.send("console", Message("<b>two</b>", "two\nlines"))

        assert path.read_text() == "\none\n\n\ntwo\nlines\n\n"
    assert (first, second) == ("1", "2")


async def test_it_comes_after_what_others_have_written(tmp_path: Path) -> None:
    path = tmp_path / "console"
    with path.open("w") as stream:
        print("liqalert watches", file=stream)

        await ConsoleNotifier(stream).send("console", Message("x", "x"))

    assert path.read_text() == "liqalert watches\n\nx\n\n"


async def test_what_the_terminal_cannot_show_is_escaped(tmp_path: Path) -> None:
    path = tmp_path / "console"
    with path.open("w", encoding="iso-8859-1") as stream:
        await ConsoleNotifier(stream).send("console", Message("", "牛来USDT at 14:05 • swept ü"))

    assert path.read_text(encoding="iso-8859-1") == "\n\\u725b\\u6765USDT at 14:05 \\u2022 swept ü\n\n"


async def test_closed_stream_is_a_permanent_failure(tmp_path: Path) -> None:
    with (tmp_path / "console").open("w") as stream:
        notifier = ConsoleNotifier(stream)

    with pytest.raises(DeliveryError) as caught:
        await notifier.send("console", Message("x", "x"))

    assert caught.value.permanent


async def test_reader_that_has_gone_is_a_permanent_failure() -> None:
    reading, writing = os.pipe()
    os.close(reading)

    with os.fdopen(writing, "w") as stream, pytest.raises(DeliveryError) as caught:
        await ConsoleNotifier(stream).send("console", Message("x", "x"))

    assert caught.value.permanent


async def test_full_disk_may_pass() -> None:
    with Path("/dev/full").open("w") as stream, pytest.raises(DeliveryError) as caught:
        await ConsoleNotifier(stream).send("console", Message("x", "x"))

    assert not caught.value.permanent
    assert "No space left on device" in str(caught.value)


async def test_what_failed_for_want_of_room_is_written_once_when_there_is_room_again() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    filled = os.write(writing, b"." * 10_000_000)
    with os.fdopen(writing, "w") as stream:
        notifier = ConsoleNotifier(stream)

        with pytest.raises(DeliveryError) as caught:
            await notifier.send("console", Message("x", "x"))
        os.read(reading, filled)
        await notifier.send("console", Message("x", "x"))

        assert not caught.value.permanent
        assert os.read(reading, 100) == b"\nx\n\n"
    os.close(reading)
