"""One function per command: parse, read, render. None of them knows Telegram."""

from __future__ import annotations

from liqalert.bot.arguments import CannotAnswer, shown
from liqalert.bot.desk import Asked, Desk, instrument_meant
from liqalert.core.heatmap_cells import RANGES
from liqalert.ports import Role, StorageError
from liqalert.render import alerts as render_alerts
from liqalert.render import replies
from liqalert.render.answers import clusters_of, clusters_overview
from liqalert.render.captions import Photo
from liqalert.render.status import status as render_status
from liqalert.render.text import Text
from liqalert.render.why import why as render_why

ALERTS_LISTED, MOST_ALERTS = 10, 200
DEFAULT_RANGE = "24h"


async def clusters(desk: Desk, asked: Asked) -> Text:
    match asked.arguments:
        case ():
            thresholds = desk.standard.thresholds_for(asked.chat.preferences)
            return clusters_overview(desk.view(asked.chat), desk.watched, strong=thresholds.min_strength)
        case (symbol,):
            return clusters_of(desk.view(asked.chat), instrument_meant(desk, symbol, "/clusters"))
        case _:
            raise CannotAnswer(replies.wrong("/clusters takes one symbol, or none.", "/clusters BTC"))


async def heatmap(desk: Desk, asked: Asked) -> Photo:
    """Symbol and range in any order, both optional: the first watched instrument, 24 h."""
    ranges = [word.lower() for word in asked.arguments if word.lower() in RANGES]
    symbols = [word for word in asked.arguments if word.lower() not in RANGES]
    if len(ranges) > 1 or len(symbols) > 1:
        wrong = f"/heatmap takes a symbol and a range ({', '.join(RANGES)}), or either, or none."
        raise CannotAnswer(replies.wrong(wrong, "/heatmap BTC 24h"))
    instrument = instrument_meant(desk, symbols[0], "/heatmap") if symbols else desk.watched[0]
    return await desk.picture(instrument, ranges[0] if ranges else DEFAULT_RANGE, desk.view(asked.chat))


async def rules(desk: Desk, asked: Asked) -> Text:
    held = await desk.chats.subscriptions(asked.chat.id)
    mutes = await desk.chats.mutes(asked.chat.id, desk.clock.now())
    return render_alerts.rules(desk.view(asked.chat), held, mutes, asked.chat.preferences)


async def alerts(desk: Desk, asked: Asked) -> Text:
    rows = await desk.alerts.recent(_count(asked.arguments), chat_id=asked.chat.id)
    return render_alerts.alerts(desk.view(asked.chat), rows, address=asked.chat.address)


async def why(desk: Desk, asked: Asked) -> Text:
    if len(asked.arguments) != 1:
        raise CannotAnswer(replies.wrong("/why takes the id of one alert; /alerts lists them.", "/why ab12cd34"))
    alert_id = asked.arguments[0].lower()
    row = await desk.alerts.why(alert_id, asking=asked.chat.id)
    if row is None:
        raise CannotAnswer(replies.no_such_alert(shown(alert_id)))
    # Not in a group that is the owner's: everybody there may ask.
    owner = asked.chat.role is Role.OWNER and asked.chat.address == asked.person
    view = desk.view(asked.chat)
    return render_why(view, row.with_running(view.feeds), address=asked.chat.address, addresses_shown=owner)


async def status(desk: Desk, asked: Asked) -> Text:
    facts = await desk.status()
    try:
        mutes = await desk.chats.mutes(asked.chat.id, desk.clock.now())
    except StorageError:
        mutes = ()  # `facts` say that the database refuses
    return render_status(desk.view(asked.chat), facts, mutes)


async def test(desk: Desk, asked: Asked) -> Text:
    return replies.on_its_way(await desk.send_test(asked.chat.id))


def _count(arguments: tuple[str, ...]) -> int:
    """How many alerts to list. Raises CannotAnswer."""
    match arguments:
        case ():
            return ALERTS_LISTED
        case (word,) if word.isascii() and word.isdecimal() and len(word) <= 6 and 1 <= int(word) <= MOST_ALERTS:
            return int(word)
        case _:
            raise CannotAnswer(replies.wrong(f"/alerts takes a number from 1 to {MOST_ALERTS}, or none.", "/alerts 30"))
