import logging

import pytest

from liqalert.core.rules import RuleKind
from liqalert.ports import NO_PREFERENCES, Loudness, Preferences, QuietHours
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.preferences import preferences_from, preferences_text
from tests.storage.subscribers import subscribers

EVERYTHING = Preferences(
    loudness=((RuleKind.NEAR, Loudness.ALWAYS), (RuleKind.LARGE, Loudness.OFF)),
    quiet=QuietHours(23 * 60, 7 * 60, "Europe/Berlin"),
    distance_pct=0.8,
    min_strength=0.1 + 0.2,
    numbers="1.234,5",
)


def test_preferences_are_read_back_as_they_were() -> None:
    assert preferences_from(preferences_text(EVERYTHING)) == EVERYTHING
    assert preferences_from(None) == NO_PREFERENCES


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"loudness": [["near", "shriller"]]}',
        '{"loudness": [["far", "loud"]]}',
        '{"quiet": {"start": 0, "end": 60, "zone_name": "Europe/Atlantis"}}',
        '{"quiet": {"start": 0, "end": 60, "zone_name": "../etc/passwd"}}',
        '{"quiet": {"start": 0, "end": 60, "zone_name": "Europe"}}',
        '{"quiet": {"start": 0, "end": 60, "zone_name": ""}}',
        '{"quiet": {"start": -1, "end": 60, "zone_name": "UTC"}}',
        '{"quiet": {"start": 0, "end": 1440, "zone_name": "UTC"}}',
    ],
)
def test_what_cannot_be_read_counts_as_nothing_chosen_and_is_logged_once(
    content: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        read = [preferences_from(content) for _ in range(3)]

    assert read == [NO_PREFERENCES] * 3
    assert [record.message for record in caplog.records] == ["preferences cannot be read"]


async def test_a_chat_has_what_it_prefers(database: Database, chats: ChatDirectory) -> None:
    await subscribers(database, 2)

    await chats.prefer(1, EVERYTHING)

    preferences = [chat.preferences for address in "01" if (chat := await chats.chat("telegram", address))]
    assert preferences == [EVERYTHING, NO_PREFERENCES]
