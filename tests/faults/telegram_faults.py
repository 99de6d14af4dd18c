"""Telegram refuses, delays, forgets to answer, or is away. What is decided meanwhile is owed."""

from __future__ import annotations

import asyncio
import time

from tests.daemon import OWNER
from tests.faults.case import Case
from tests.faults.eyes import says, whole_without
from tests.faults.measures import Allowed
from tests.faults.plays import Act
from tests.faults.rig import NEVER_S, Rig, Signs
from tests.faults.worlds import start_hurried
from tests.telegram_server import Fault

SECOND_CHAT = 5151
TROUBLE = "(?i)telegram|token"
UNAUTHORISED = Fault.refuse(401, "Unauthorized")
BLOCKED = Fault.refuse(403, "Forbidden: bot was blocked by the user")
CONFLICT = Fault.refuse(409, "Conflict: terminated by other getUpdates request")
INTERNAL = Fault.refuse(500, "Internal Server Error")
WAIT_S = 4
TOO_MANY = Fault.refuse(429, f"Too Many Requests: retry after {WAIT_S}", retry_after=WAIT_S)
ACCEPTED_LATE_S = 14.0
"""Longer than the answer to a message is waited for."""
HOUR_AT_SPEED = 240.0
FOREVER = 10_000


def met_by_alert(*faults: Fault) -> Act:
    """The attempts to send one alert meet `faults`, one each."""

    async def play(rig: Rig) -> None:
        await rig.start()
        symbol = await rig.stories.arm()
        rig.phone.fail("sendMessage", *faults)
        rig.fault_began()
        await rig.stories.approach(symbol)
        await rig.until_alerted(symbol, 60.0)
        rig.fact("attempts", len(rig.phone.calls_of("sendMessage")), most=len(faults) + 1)
        rig.fact("seconds until the alert came", rig.seconds_until_alert(), most=45)

    return play


async def told_to_wait(rig: Rig) -> None:
    await met_by_alert(TOO_MANY)(rig)
    first, second = (call.at for call in rig.phone.calls_of("sendMessage"))
    rig.fact("seconds waited after being told to wait 4 s", second - first, least=WAIT_S)


async def accepted_unanswered(rig: Rig) -> None:
    """Telegram takes the message, and the connection breaks before it says so."""
    await met_by_alert(Fault.drop_after_accepting())(rig)
    await asyncio.sleep(4.0)


async def accepted_late(rig: Rig) -> None:
    await met_by_alert(Fault.hang(ACCEPTED_LATE_S))(rig)
    await asyncio.sleep(ACCEPTED_LATE_S + 4.0)


def polling(fault: Fault, count: int) -> Act:
    """So many questions for messages fail, while alerts could be sent; then a command is answered again."""

    async def play(rig: Rig) -> None:
        await rig.start()
        symbol = await rig.stories.arm()
        rig.fault_began()
        rig.phone.fail("getUpdates", *[fault] * count)
        # Ends the question that is open, so that the next one comes now.
        await rig.phone.push_text(OWNER, "/help")
        await rig.until_noticed()
        await rig.stories.approach(symbol)
        await rig.until_alerted(symbol)
        rig.phone.recover("getUpdates")
        rig.fault_ended()
        asked_at = time.monotonic()
        await rig.phone.push_text(OWNER, "/rules")
        await rig.until(lambda: rig.phone.first(OWNER, "This chat is told", asked_at) is not None, 60.0)
        answered_at = rig.phone.first(OWNER, "This chat is told", asked_at)
        rig.fact("seconds until commands are answered again", (answered_at or asked_at + NEVER_S) - asked_at, most=60)
        await rig.until_recovered()

    return play


async def token_refused(rig: Rig) -> None:
    """Everything is answered 401, as after the token was revoked and given back."""
    await rig.start()
    symbol = await rig.stories.arm()
    rig.fault_began()
    for method in ("getUpdates", "sendMessage"):
        rig.phone.fail(method, *[UNAUTHORISED] * FOREVER)
    await rig.phone.push_text(OWNER, "/help")
    await rig.stories.approach(symbol)
    await rig.until_noticed()
    await asyncio.sleep(2.0)
    rig.fact("attempts to send while refused", len(rig.phone.calls_of("sendMessage")), least=1, most=2)
    for method in ("getUpdates", "sendMessage"):
        rig.phone.recover(method)
    rig.fault_ended()
    await rig.until_alerted(symbol, 90.0)
    await rig.until_recovered(90.0)


async def blocked(rig: Rig) -> None:
    """One of two chats has blocked the bot: it gets nothing more, and the other one everything."""
    rig.chat = SECOND_CHAT
    await rig.start(LIQALERT_TELEGRAM__ALLOWED_CHATS=f"{OWNER},{SECOND_CHAT}")
    first, second = await rig.stories.arm(), await rig.stories.arm()
    rig.phone.blocked.add(OWNER)
    await rig.stories.approach(first)
    await rig.until_alerted(first)
    await rig.stories.approach(second)
    await rig.until_alerted(second)
    tries = [call for call in rig.phone.calls_of("sendMessage") if call.chat_id == OWNER]
    rig.fact("attempts at the chat that blocked the bot", len(tries), most=1)


def away(for_s: float) -> Act:
    """Nobody listens at Telegram's address; two alerts are decided meanwhile."""

    async def play(rig: Rig) -> None:
        await rig.start()
        symbols = [await rig.stories.arm(), await rig.stories.arm()]
        rig.fault_began()
        await rig.phone.down()
        for symbol in symbols:
            await rig.stories.approach(symbol)
        await asyncio.sleep(for_s)
        rig.fault_ended()
        await rig.phone.up()
        await rig.until_recovered()
        await rig.until_alerted(symbols[-1], 60.0)
        rig.fact("seconds from the return to the alerts", rig.seconds_until_alert(since_end=True), most=45)

    return play


async def hour_away(rig: Rig) -> None:
    """One alert is decided at the beginning, and told as missed; one in the last minutes, and still sent as such."""
    await start_hurried(rig, HOUR_AT_SPEED)
    early, late = await rig.stories.arm(), await rig.stories.arm()
    rig.fault_began()
    await rig.phone.down()
    await rig.stories.approach(early)
    await asyncio.sleep(3300.0 / HOUR_AT_SPEED)
    await rig.stories.approach(late)
    await asyncio.sleep(300.0 / HOUR_AT_SPEED)
    rig.fault_ended()
    await rig.phone.up()
    await rig.until_alerted(early, 60.0)
    await rig.until_alerted(late, 60.0)
    lists = [text for text in rig.phone.texts(OWNER) if text.startswith("Missed while")]
    # Two where the second alert is late as well: the pauses between attempts pass in the machine's time.
    rig.fact("lists of what was missed", len(lists), least=1, most=2)


SLOWLY = Signs(says(TROUBLE), well=whole_without(TROUBLE))
NOTICED = Allowed(noticed_s=15, recovered_s=90)

CASES = (
    Case("Telegram answers 401 once while polling", polling(UNAUTHORISED, 1), NOTICED, SLOWLY),
    Case("Telegram answers 401 to everything", token_refused, NOTICED, SLOWLY),
    Case("Telegram answers 403: one chat of two has blocked the bot", blocked, Allowed()),
    Case("Telegram answers 409 while polling", polling(CONFLICT, FOREVER), NOTICED, SLOWLY),
    Case("Telegram answers 429 to an alert", told_to_wait, Allowed()),
    Case(
        "Telegram answers 500 twice, then 502",
        met_by_alert(INTERNAL, INTERNAL, Fault.bad_gateway()),
        Allowed(),
    ),
    Case("Telegram takes an alert and breaks off", accepted_unanswered, Allowed(repeated=1), short=True),
    Case("Telegram takes an alert and answers after 14 s", accepted_late, Allowed(repeated=1)),
    Case("Telegram away for 20 s", away(20.0), Allowed(noticed_s=20, recovered_s=60), SLOWLY),
    Case("Telegram away for an hour (240 times faster)", hour_away, Allowed()),
)
