"""The process is killed or asked to stop at bad moments, and the machine's clock is set."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from random import Random

from tests.faults.case import Case
from tests.faults.eyes import Seen, whole
from tests.faults.measures import Allowed, Loss
from tests.faults.plays import Act
from tests.faults.rig import Rig, Signs
from tests.faults.worlds import MovableClock, lacks_faketime
from tests.telegram_server import Fault

KILLS = 8
AHEAD_S, BACK_S = 3600, -600
WRONG_FOR_S = 60.0
STOP_WITHIN_S = 25.0


def down(seen: Seen) -> bool:
    return not seen.up


async def killed(rig: Rig) -> None:
    """Alerts are decided one after the other, and the daemon is killed at any moment of it."""
    rig.stories_at_most = 40
    await rig.start()
    random = Random(6)
    telling = asyncio.create_task(one_after_the_other(rig), name="stories")
    rig.stack.callback(telling.cancel)
    for number in range(KILLS):
        await asyncio.sleep(random.uniform(0.3, 4.0))
        if number == 0:
            rig.fault_began()
        await rig.daemon.kill()
        await rig.daemon.start()
        # Also while it starts, but not always.
        if random.random() < 0.75:
            await rig.eyes.until(whole)
    rig.fault_ended()
    await rig.until_recovered()
    telling.cancel()
    with suppress(asyncio.CancelledError):
        await telling
    rig.fact("alerts owed in all", len(rig.stories.owed), least=1)


async def one_after_the_other(rig: Rig) -> None:
    """Price takes its time, as it does: what was known a second before a kill is on the disk."""
    while True:
        symbol = await rig.stories.arm(patiently=True)
        process = None
        while process is not rig.daemon.process:
            await rig.stories.until(symbol, "armed", 120.0)
            process = rig.daemon.process
            await asyncio.sleep(1.2)
        await rig.stories.approach(symbol)
        await rig.until_alerted(symbol, 60.0)


def stopped_while_sending(*, answered_after_s: float) -> Act:
    """SIGTERM while Telegram has the message and has not answered; then a new start."""

    async def play(rig: Rig) -> None:
        await rig.start()
        symbol = await rig.stories.arm()
        rig.phone.fail("sendMessage", Fault.hang(answered_after_s))
        await rig.stories.approach(symbol)
        await rig.phone.wait_for("sendMessage", timeout=60.0)
        rig.fault_began()
        began = time.monotonic()
        code = await rig.daemon.terminate(60.0)
        rig.fact("exit code of the interrupted run", code, most=0)
        rig.fact("seconds until it had stopped", time.monotonic() - began, most=STOP_WITHIN_S)
        await rig.daemon.start()
        rig.fault_ended()
        await rig.until_recovered()
        # Time for what might come again.
        await asyncio.sleep(3.0)

    return play


def clock_set(ahead_s: int) -> Act:
    async def play(rig: Rig) -> None:
        clock = MovableClock(rig.directory)
        await rig.start(**clock.environ)
        first, second = await rig.stories.arm(), await rig.stories.arm()
        rig.fault_began()
        clock.set(ahead_s)
        await asyncio.sleep(3.0)
        await rig.stories.approach(first)
        await rig.until_alerted(first)
        await rig.until_told(WRONG_FOR_S)
        rig.fault_ended()
        clock.set(0)
        await asyncio.sleep(3.0)
        await rig.stories.approach(second)
        await rig.until_alerted(second)
        await rig.until_recovered()

    return play


CLOCK = Signs(told="(?i)clock")

CASES = (
    Case(
        f"kill -9 at {KILLS} random moments",
        killed,
        Allowed(Loss.GAP, repeated=KILLS, noticed_s=2, recovered_s=60),
        Signs(down),
    ),
    Case(
        "SIGTERM while a message is being sent",
        stopped_while_sending(answered_after_s=3.0),
        Allowed(Loss.GAP, recovered_s=60),
        short=True,
    ),
    Case(
        "SIGTERM while Telegram does not answer at all",
        stopped_while_sending(answered_after_s=25.0),
        Allowed(Loss.GAP, repeated=1, recovered_s=60),
    ),
    Case(
        "the clock jumps an hour ahead, and back",
        clock_set(AHEAD_S),
        Allowed(told_s=60, recovered_s=30),
        CLOCK,
        needs=lacks_faketime,
    ),
    Case(
        "the clock jumps ten minutes back, and ahead again",
        clock_set(BACK_S),
        Allowed(told_s=60, recovered_s=30),
        CLOCK,
        needs=lacks_faketime,
    ),
)
