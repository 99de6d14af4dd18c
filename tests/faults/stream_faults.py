"""The line is fine, and what comes over it is not: silence, other streams, late, twice, in disorder, garbage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from tests.faults.case import Case
from tests.faults.exchange import MARKS_EVERY_S, PRICE, SYMBOLS
from tests.faults.eyes import Seen, rejecting, whole
from tests.faults.frames import Delayed, Doubled, Garbled, MarksOnly, Nothing, OtherStream, Passing, Reordered
from tests.faults.ledger import remember_liquidations
from tests.faults.line_faults import ALL, ONE
from tests.faults.measures import Allowed, Loss
from tests.faults.plays import Act, blind, covered, unharmed
from tests.faults.rig import Rig, Signs
from tests.faults.worlds import start_hurried

LAG_S = 3.0
MUTE_S = 16 * 60.0
MUTE_AT_SPEED = 20.0
KNOWN_HOURS = 8


def to_one(passing: Callable[[], Passing]) -> Act:
    async def begin(rig: Rig) -> None:
        rig.exchange.passing[rig.exchange.clients[0]] = passing()

    return begin


def to_all(passing: Callable[[], Passing]) -> Act:
    async def begin(rig: Rig) -> None:
        rig.exchange.to_all(passing)

    return begin


async def silence(rig: Rig) -> None:
    """Those who are connected hear nothing more; who connects anew does."""
    for client in rig.exchange.clients:
        rig.exchange.passing[client] = Nothing()


async def heal(rig: Rig) -> None:
    await rig.exchange.heal()


async def rejected_at_most(rig: Rig) -> None:
    """Duplicates are no reason for a warning, and old frames none for a refusal."""
    rig.fact("refused events", sum(rig.eyes.seen[-1].feed["rejected"].values()), most=0)
    await heal(rig)
    await asyncio.sleep(LAG_S + 1.0)


async def mute(rig: Rig) -> None:
    """After hours in which a liquidation came every half minute none comes any more, while prices move."""
    await rig.create_database()
    remember_liquidations(rig.database, rig.exchange.now(), hours=KNOWN_HOURS)
    await start_hurried(rig, MUTE_AT_SPEED)
    await asyncio.sleep(3.0)
    rig.fault_began()
    rig.exchange.to_all(MarksOnly)
    for step in range(round(MUTE_S / MUTE_AT_SPEED / MARKS_EVERY_S)):
        rig.exchange.prices |= dict.fromkeys(SYMBOLS, PRICE * (1.0 - 0.001 * (step % 15)))
        await asyncio.sleep(MARKS_EVERY_S)
    rig.fault_ended()
    await rig.exchange.heal()
    await rig.until_recovered()


def mute_gap(seen: Seen) -> bool:
    """A gap of the stream of liquidations alone is open."""
    gaps = seen.feed.get("gaps", ())
    return any(gap["stream"] == "liquidations" and gap["to"] is None for gap in gaps)


SHUFFLED = Allowed(recovered_s=10)

CASES = (
    Case(
        "one connection of two silent, socket open",
        covered(to_one(Nothing), heal),
        Allowed(noticed_s=9, recovered_s=10),
        ONE,
        short=True,
    ),
    Case(
        "both silent, sockets open",
        blind(silence, heal, for_s=5),
        Allowed(Loss.GAP, noticed_s=9, recovered_s=15),
        ALL,
    ),
    Case(
        "silent route: connects, never delivers, 25 s",
        blind(to_all(Nothing), heal, for_s=25),
        Allowed(Loss.GAP, noticed_s=9, told_s=25, recovered_s=65),
        ALL,
    ),
    Case(
        "another stream's frames in place of ours, 8 s",
        blind(to_all(OtherStream), heal, for_s=8),
        Allowed(Loss.GAP, noticed_s=9, recovered_s=20),
        ALL,
    ),
    Case(
        f"no liquidations beside lively marks, {MUTE_S / 60:.0f} min ({MUTE_AT_SPEED:.0f} times faster)",
        mute,
        Allowed(Loss.GAP, noticed_s=15 * 60, told_s=15 * 60, recovered_s=60),
        Signs(mute_gap, told="has sent no liquidation", well=lambda seen: whole(seen) and not mute_gap(seen)),
    ),
    Case(
        "one connection of two 3 s late", unharmed(to_one(partial(Delayed, LAG_S)), rejected_at_most, for_s=8), SHUFFLED
    ),
    Case("both 3 s late", unharmed(to_all(partial(Delayed, LAG_S)), rejected_at_most, for_s=8), SHUFFLED),
    Case("frames in disorder, both", unharmed(to_all(Reordered), rejected_at_most, for_s=8), SHUFFLED),
    Case("every frame twice, both", unharmed(to_all(Doubled), rejected_at_most, for_s=8), SHUFFLED),
    Case(
        "garbage between the frames, both",
        unharmed(to_all(Garbled), heal, for_s=8),
        Allowed(noticed_s=3, recovered_s=10),
        Signs(rejecting),
    ),
)
