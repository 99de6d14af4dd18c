"""Which episodes a restart takes up, and what a message about one shows."""

from collections.abc import Sequence

import pytest

from liqalert.core.episodes import Decision, EpisodeState, Reason, Transition, ZoneEnded, ZoneOpened
from liqalert.core.zones import ZoneEnd
from liqalert.storage.alerts import AlertStore
from liqalert.storage.database import Database
from liqalert.storage.episodes import shown_state
from tests.changing import replace
from tests.storage.objects import (
    EVIDENCE,
    T0,
    alert,
    armed,
    cooling,
    episode,
    held,
    interrupted,
    near,
    notice,
    touched,
    zone,
)

BEFORE: tuple[Decision, ...] = (ZoneOpened(zone(), T0), armed(), near())
ANEW = Transition(episode(id="e2", since=T0 + 95), EpisodeState.IDLE, T0 + 95, Reason.BEYOND_REARM_DISTANCE, EVIDENCE)
RESTED = Transition(
    replace(held().episode, id="e2", state=EpisodeState.IDLE, since=T0 + 99),
    EpisodeState.COOLING,
    T0 + 99,
    Reason.COOLDOWN_OVER,
    EVIDENCE,
)


@pytest.mark.parametrize(
    ("after", "taken_up"),
    [
        pytest.param((interrupted(),), (interrupted().episode,), id="told of, then its zone was rewritten"),
        pytest.param((interrupted(), ANEW), (ANEW.episode,), id="armed anew since"),
        pytest.param((interrupted(), RESTED), (), id="over with its successor"),
        pytest.param((interrupted(Reason.RULE_GONE),), (), id="nobody held its rule any more"),
        pytest.param((touched(), held(), cooling()), (cooling().episode,), id="cooling"),
    ],
)
async def test_a_restart_takes_up_what_whoever_was_told_is_still_in(
    alerts: AlertStore, after: Sequence[Decision], taken_up: Sequence[object]
) -> None:
    await alerts.record([*BEFORE, *after])

    assert (await alerts.restore(T0 + 200, 0)).episodes == taken_up


async def test_an_interrupted_episode_ends_with_its_zone(alerts: AlertStore) -> None:
    await alerts.record([*BEFORE, interrupted(), ZoneEnded(zone(), T0 + 95, ZoneEnd.EXPIRED)])

    assert (await alerts.restore(T0 + 200, 0)).episodes == ()


async def test_rows_that_cannot_be_read_do_not_stop_a_start(database: Database, alerts: AlertStore) -> None:
    await alerts.record([*BEFORE, ZoneOpened(zone("z2"), T0), replace(armed(), episode=episode(id="e2"))])
    async with database.write("test") as connection:
        await connection.exec_driver_sql("UPDATE episodes SET rule = 'x' WHERE id = 'e1'")
        await connection.exec_driver_sql("UPDATE clusters SET liquidated = 'x' WHERE id = 'z2'")

    restored = await alerts.restore(T0 + 200, 0)

    assert [each.id for each in restored.zones] == ["z1"]
    assert [each.id for each in restored.episodes] == ["e2"]


@pytest.mark.parametrize(
    ("transition", "shown"),
    [
        (armed(), None),
        (near(), None),
        (touched(), EpisodeState.TOUCHED),
        (interrupted(), EpisodeState.IDLE),
        (held(), EpisodeState.HELD),
        (cooling(), EpisodeState.HELD),
        (RESTED, EpisodeState.HELD),
    ],
    ids=["armed", "near", "touched", "rewritten", "held", "cooling", "rested"],
)
def test_a_message_shows_the_outcome_also_when_the_episode_goes_on(
    transition: Transition, shown: EpisodeState | None
) -> None:
    assert shown_state(transition.episode) is shown


async def test_episodes_are_found_by_their_alerts(alerts: AlertStore) -> None:
    """Not that of a rule that nobody holds any more: what became of it nobody has looked at."""
    others = [replace(near().episode, id=f"e{number}", alert_id=f"a{number}") for number in (2, 3)]
    tellings = [replace(near(), episode=one, alert=alert(one.alert_id, episode_id=one.id)) for one in others]
    gone = replace(others[1], state=EpisodeState.IDLE, since=T0 + 90)
    await alerts.record([*BEFORE, *tellings, touched(), replace(interrupted(Reason.RULE_GONE), episode=gone)])
    await alerts.record_notice(notice())

    listed = {row.alert.id: row.episode for row in await alerts.recent(9)}
    found = await alerts.episodes_of(["a1", "a2", "a3", "n1", "unknown", *(f"x{number}" for number in range(999))])

    assert found == {"a1": touched().episode, "a2": others[0]}
    assert listed == {**found, "a3": None}
    assert (why := await alerts.why("a3")) is not None
    assert why.episode is None
    assert [each.reason for each in why.transitions] == [Reason.WITHIN_DISTANCE, Reason.RULE_GONE]
    assert await alerts.episodes_of([]) == {}
