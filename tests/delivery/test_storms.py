"""Many alerts at once: the first go out alone, the rest in one digest that grows."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.alerts import Alert
from liqalert.delivery.post import Limits
from liqalert.delivery.storms import Storms
from liqalert.notifiers.console import ConsoleNotifier
from liqalert.ports import DeliveryError, DeliveryStatus
from tests.changing import replace
from tests.delivery.rig import FakeDatabase, chats, delivering
from tests.fakes import FakeNotifier, near_alert
from tests.virtual_time import START, run

STORM = Limits(digest_after=4, daily_cap=1000)
CHAT = ("telegram", "7")


def alerts(count: int, *, first: int = 0, at: float = START) -> list[Alert]:
    """Each on an instrument of its own, the later the stronger."""
    found = []
    for number in range(first, first + count):
        alert = near_alert(f"alert{number:03}", at, symbol=f"COIN{number:03}USDT")
        assert alert.zone is not None
        found.append(replace(alert, zone=replace(alert.zone, strength=0.6 + number / 1000)))
    return found


def test_what_follows_the_first_four_is_one_digest_strongest_first() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(*alerts(30))

    async def main() -> None:
        async with delivering(database, STORM, telegram=notifier):
            await asyncio.sleep(30.0)

    run(main())

    *alone, digest = notifier.texts("7")
    assert [text.split(":")[0] for text in alone] == [f"COIN{number:03}USDT" for number in range(4)]
    assert re.findall(r"COIN(\d+)USDT", digest) == [f"{number:03}" for number in reversed(range(4, 30))]
    assert database.statuses() == [DeliveryStatus.SENT] * 30
    assert [each.in_digest for each in database.deliveries.values()] == [False] * 4 + [True] * 26


def test_a_digest_grows_in_its_message() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(*alerts(6))

    async def main() -> None:
        async with delivering(database, STORM, telegram=notifier) as sender:
            for second in range(1, 5):
                await asyncio.sleep(1.0)
                database.add_alerts(*alerts(5, first=second * 10, at=START + second))
                sender.wake()
            await asyncio.sleep(30.0)

    run(main())

    assert len(notifier.sent) == 5
    _, _, message_id, whole, _ = notifier.amended[-1]
    assert message_id == "5"
    assert len(re.findall(r"COIN\d+USDT", whole.plain)) == 2 + 4 * 5
    assert database.statuses() == [DeliveryStatus.SENT] * 26


def test_what_had_to_wait_for_the_channel_goes_out_alone_all_the_same() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(*alerts(4))
    notifier.answers.append(DeliveryError("Too Many Requests", retry_after_s=120.0))

    async def main() -> None:
        async with delivering(database, STORM, telegram=notifier):
            await asyncio.sleep(300.0)

    run(main())

    assert len(notifier.texts("7")) == 4
    assert not any(each.in_digest for each in database.deliveries.values())


def test_a_storm_that_goes_on_is_told_in_a_new_message_every_five_minutes() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(*alerts(4))

    async def main() -> None:
        async with delivering(database, STORM, telegram=notifier) as sender:
            for round_ in range(130):
                await asyncio.sleep(5.0)
                database.add_alerts(*alerts(1, first=4 + round_, at=START + 5.0 * (round_ + 1)))
                sender.wake()
            await asyncio.sleep(30.0)

    run(main())

    digests = [delivery for delivery in database.deliveries.values() if delivery.in_digest]
    ids = [int((delivery.message_id or "").split(",")[0]) for delivery in digests]
    told = Counter(ids)
    assert len(told) == 3, "650 seconds"
    assert max(told.values()) <= 300 / 5 + 1
    assert ids == sorted(ids), "each alert is in the message of its time"
    assert database.statuses() == [DeliveryStatus.SENT] * 134


def test_other_chats_have_storms_of_their_own() -> None:
    database, notifier = FakeDatabase(chats(7, 8)), FakeNotifier()
    database.add_alerts(*alerts(5))

    async def main() -> None:
        async with delivering(database, STORM, telegram=notifier):
            await asyncio.sleep(30.0)

    run(main())

    assert len(notifier.texts("7")) == len(notifier.texts("8")) == 5


@pytest.mark.parametrize("calm_s", [17.0, 55.0, 90.0])
def test_after_the_storm_an_alert_goes_out_alone_again(calm_s: float) -> None:
    """With a sound, and not into a list that was read long ago."""
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(*alerts(6))

    async def main() -> None:
        async with delivering(database, STORM, telegram=notifier) as sender:
            await asyncio.sleep(calm_s)
            database.add_alerts(*alerts(1, first=50, at=START + calm_s))
            sender.wake()
            await asyncio.sleep(10.0)

    run(main())

    assert notifier.texts("7")[-1].startswith("COIN050USDT: 0.93 % from")
    assert notifier.amended == []


def test_a_digest_that_cannot_be_changed_goes_on_in_a_message_of_what_is_new() -> None:
    class Fixed(FakeNotifier):
        async def amend(self, address, message_id, whole, news) -> str:  # type: ignore[no-untyped-def]
            raise DeliveryError("gone", permanent=True)

    database, notifier = FakeDatabase(chats(7)), Fixed()
    database.add_alerts(*alerts(6))

    async def main() -> None:
        async with delivering(database, STORM, telegram=notifier) as sender:
            await asyncio.sleep(5.0)
            database.add_alerts(*alerts(2, first=50, at=START + 5.0))
            sender.wake()
            await asyncio.sleep(30.0)

    run(main())

    assert re.findall(r"COIN(\d+)USDT", notifier.texts("7")[-1]) == ["051", "050"]
    assert database.statuses() == [DeliveryStatus.SENT] * 8


def test_a_digest_whose_network_fails_is_told_whole_later() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(*alerts(8))

    async def main() -> None:
        async with delivering(database, STORM, telegram=notifier):
            await asyncio.sleep(3.9)
            notifier.down = DeliveryError("network unreachable")
            await asyncio.sleep(60.0)
            notifier.down = None
            await asyncio.sleep(60.0)

    run(main())

    assert sorted(re.findall(r"COIN(\d+)USDT: ", "\n".join(notifier.texts("7")))) == [f"{n:03}" for n in range(8)]
    assert database.statuses() == [DeliveryStatus.SENT] * 8


def test_a_digest_that_had_to_wait_for_the_network_says_how_late_it_is() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(*alerts(8))
    notifier.down = DeliveryError("network unreachable")

    async def main() -> None:
        async with delivering(database, STORM, telegram=notifier):
            await asyncio.sleep(600.0)
            notifier.down = None
            await asyncio.sleep(60.0)

    run(main())

    assert ", sent 10 min later)" in notifier.texts("7")[-1].splitlines()[0]


def test_a_digest_of_two_messages_that_is_interrupted_goes_on_with_the_second() -> None:
    """Telegram may let a group wait for longer than a storm lasts."""
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(*alerts(80))

    async def main() -> None:
        async with delivering(database, STORM, telegram=notifier):
            while len(notifier.sent) < 5:
                await asyncio.sleep(0.01)
            notifier.answers.append(DeliveryError("Too Many Requests", retry_after_s=35.0))
            await asyncio.sleep(120.0)

    run(main())

    _, _, _, _, *parts = notifier.texts("7")
    assert len(parts) == 2
    assert sorted(re.findall(r"• COIN(\d+)USDT", "\n".join(parts))) == [f"{n:03}" for n in range(4, 80)]
    assert notifier.amended == []
    assert database.statuses() == [DeliveryStatus.SENT] * 80


def test_the_console_names_all_of_a_storm_however_long_its_list(tmp_path: Path) -> None:
    at_console = [replace(chat, channel="console", address="console") for chat in chats(7)]
    database, shown = FakeDatabase(at_console), tmp_path / "console"
    database.add_alerts(*alerts(6))

    async def main() -> None:
        with shown.open("w") as stream:
            async with delivering(database, STORM, console=ConsoleNotifier(stream)) as sender:
                await asyncio.sleep(5.0)
                database.add_alerts(*alerts(150, first=10, at=START + 5.0))
                sender.wake()
                await asyncio.sleep(30.0)

    run(main())

    assert len(set(re.findall(r"COIN\d+USDT", shown.read_text()))) == 156
    assert database.statuses() == [DeliveryStatus.SENT] * 156


def test_what_has_not_left_yet_counts_in_a_storm_too() -> None:
    storms = Storms(2)

    admitted = [storms.admit(CHAT, 0.0), storms.admit(CHAT, 20.0), storms.admit(CHAT, 40.0)]

    assert admitted == [True, True, False]


def test_as_many_as_allowed_go_out_alone_and_ten_seconds_later_as_many_again() -> None:
    storms, admitted = Storms(3), []

    for now in (0.0, 1.0, 2.0, 3.0, 9.9, 10.0, 10.9, 11.0):
        admitted.append(storms.admit(CHAT, now))
        if admitted[-1]:
            storms.told(CHAT, now)

    assert admitted == [True, True, True, False, False, True, False, True]


def test_a_chat_that_has_moved_is_in_the_storm_in_which_it_was() -> None:
    storms = Storms(1)
    storms.admit(CHAT, 0.0)

    storms.moved(CHAT, ("telegram", "-1007"))

    assert storms.admit(("telegram", "-1007"), 1.0) is False
    storms.moved(("telegram", "unheard of"), ("telegram", "8"))
    assert storms.admit(("telegram", "8"), 1.0) is True


def test_what_was_dropped_makes_room_for_the_next() -> None:
    storms = Storms(1)
    storms.admit(CHAT, 0.0)

    storms.dropped(CHAT)

    assert storms.admit(CHAT, 0.1)


@given(st.lists(st.floats(0.0, 5.0), min_size=1, max_size=100), st.integers(1, 6))
def test_no_more_than_allowed_go_out_alone_in_any_ten_seconds(pauses: list[float], digest_after: int) -> None:
    storms, now, alone = Storms(digest_after), 0.0, []

    for pause_s in pauses:
        now += pause_s
        if storms.admit(CHAT, now):
            storms.told(CHAT, now)
            alone.append(now)

    assert all(alone[n + digest_after] - alone[n] >= 10.0 for n in range(len(alone) - digest_after))


@pytest.mark.parametrize("kind", ["notice", "test"])
def test_what_is_about_liqalert_itself_is_never_in_a_digest(kind: str) -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    notice = replace(near_alert("notice", START, text="The clock is 12 s off."), kind=kind)
    database.add_alerts(*alerts(10), notice)

    async def main() -> None:
        async with delivering(database, STORM, telegram=notifier):
            await asyncio.sleep(30.0)

    run(main())

    assert sum("The clock is 12 s off." in text for text in notifier.texts("7")) == 1
    assert database.status("notice", "7") is DeliveryStatus.SENT
    assert len(notifier.texts("7")) == 6
