"""What the buttons under alerts do. None of them knows Telegram."""

from __future__ import annotations

from dataclasses import dataclass, replace

from liqalert.bot import answers, settings_menu
from liqalert.bot.changes import MUTED_S
from liqalert.bot.desk import Asked, Desk
from liqalert.core.alerts import Alert
from liqalert.core.market import Instrument
from liqalert.render import menu
from liqalert.render.callbacks import Press
from liqalert.render.captions import Photo
from liqalert.render.menu import Menu
from liqalert.render.text import Text

OLD = "This button is from another version of liqalert, or its alert is no longer kept."
ACKNOWLEDGED = "Acknowledged: no more about this zone until its episode has ended."
NOT_ACKNOWLEDGED = "Nothing to acknowledge: this episode has ended, or this chat no longer has the rule of this alert."
CHANGING = frozenset({"mute", "ack", menu.ACTION})
"""Actions that need the right to change what the chat is told."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a press comes to: a short notice over the chat, a message into it, a menu in place of the old one."""

    notice: str = ""
    reply: Text | Photo | None = None
    menu: Menu | None = None


async def do(desk: Desk, asked: Asked, press: Press) -> Pressed:
    if press.action == menu.ACTION:
        changed = await settings_menu.pressed(desk, asked, press.arguments)
        return Pressed(menu=changed) if changed else Pressed(OLD)
    alert = await _alert(desk, press)
    if alert is None:
        return Pressed(OLD)
    match press.action:
        case "mute" if alert.instrument is not None:
            return Pressed(await _muted(desk, asked, alert.instrument))
        case "ack":
            noted = await desk.chats.acknowledge(asked.chat.id, alert.id)
            return Pressed(ACKNOWLEDGED if noted else NOT_ACKNOWLEDGED)
        case "chart" if alert.instrument is not None:
            return Pressed(reply=await answers.heatmap(desk, replace(asked, arguments=(alert.instrument.symbol,))))
        case "why":
            return Pressed(reply=await answers.why(desk, replace(asked, arguments=(alert.id,))))
    return Pressed(OLD)


async def _muted(desk: Desk, asked: Asked, instrument: Instrument) -> str:
    """Mutes `instrument` for an hour, unless it is muted for longer: what a command has asked for is not cut short."""
    until = desk.clock.now() + MUTED_S
    longer = [
        mute
        for mute in await desk.chats.mutes(asked.chat.id, desk.clock.now())
        if mute.instrument in (None, instrument) and mute.until > until
    ]
    if not longer:
        await desk.chats.mute(asked.chat.id, instrument, until)
        return f"{instrument.symbol} is muted for 1 h. /unmute ends it."
    last = max(longer, key=lambda mute: mute.until)
    scope = last.instrument.symbol if last.instrument else "Everything"
    return f"{scope} is muted already, until {desk.view(asked.chat).when_until(last.until)}. /unmute ends it."


async def _alert(desk: Desk, press: Press) -> Alert | None:
    return await desk.alerts.alert(press.arguments[0]) if len(press.arguments) == 1 else None
