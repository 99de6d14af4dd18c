"""Whom to tell when the database cannot say."""

from collections.abc import Sequence

from liqalert.delivery.remembered import RememberedAudience
from liqalert.ports import Chat, Held, Member, Role, StorageError
from tests.fakes import NEAR_BTC, near_alert


class FakeRoster:
    def __init__(self, *members: Member) -> None:
        self.present = members
        self.refusing = False

    async def members(self, limit: int) -> Sequence[Member]:
        if self.refusing:
            raise StorageError("reading who is told failed on a fake: the disk is gone")
        return self.present[:limit]


def member(number: int) -> Member:
    return Member(Chat(number, "telegram", str(number), Role.USER), (Held(NEAR_BTC, stopped=False),))


async def test_what_was_known_last_is_kept_when_the_database_refuses() -> None:
    roster = FakeRoster(member(1), member(2))
    remembered = RememberedAudience(roster)
    await remembered.refresh()

    roster.refusing = True
    await remembered.refresh()

    assert [each.address for each in remembered.recipients(near_alert(), 0.0)] == ["1", "2"]


async def test_at_most_as_many_as_a_batch_are_remembered() -> None:
    remembered = RememberedAudience(FakeRoster(*(member(number) for number in range(1, 700))))

    await remembered.refresh()

    assert len(remembered.recipients(near_alert(), 0.0)) == 500
