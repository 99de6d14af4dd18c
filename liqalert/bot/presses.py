"""What the buttons under alerts do. None of them knows Telegram."""

from __future__ import annotations

from dataclasses import dataclass, replace

from liqalert.bot import answers, settings_menu
from liqalert.bot.changes import MUTED_S
from liqalert.bot.desk import Asked, Desk
from liqalert.core.alerts import Alert
from liqalert.render import menu
from liqalert.render.callbacks import Press
from liqalert.render.captions import Photo
from liqalert.render.menu import Menu
from liqalert.render.text import Text

OLD = "This button is from another version of liqalert, or its alert is no longer kept."
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
            await desk.chats.mute(asked.chat.id, alert.instrument, desk.clock.now() + MUTED_S)
            return Pressed(f"{alert.instrument.symbol} is muted for 1 h. /unmute ends it.")
        case "ack":
            open_still = await desk.chats.acknowledge(asked.chat.id, alert.id)
            done = "Acknowledged: no more about this zone until its episode has ended."
            return Pressed(done if open_still else "Nothing to acknowledge: this episode has ended.")
        case "chart" if alert.instrument is not None:
            return Pressed(reply=await answers.heatmap(desk, replace(asked, arguments=(alert.instrument.symbol,))))
        case "why":
            return Pressed(reply=await answers.why(desk, replace(asked, arguments=(alert.id,))))
    return Pressed(OLD)


async def _alert(desk: Desk, press: Press) -> Alert | None:
    return await desk.alerts.alert(press.arguments[0]) if len(press.arguments) == 1 else None
