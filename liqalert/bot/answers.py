"""One function per command: parse, read, render. None of them knows Telegram."""

from __future__ import annotations

from liqalert.bot.arguments import CannotAnswer, shown, watch_words
from liqalert.bot.desk import Asked, Desk, instrument_meant
from liqalert.core.rules import Rule, RuleKind
from liqalert.ports import Role
from liqalert.render import alerts as render_alerts
from liqalert.render import replies
from liqalert.render.answers import clusters_of, clusters_overview
from liqalert.render.status import status as render_status
from liqalert.render.text import Text

ALL = "all"
ALERTS_LISTED = 10


async def clusters(desk: Desk, asked: Asked) -> Text:
    match asked.arguments:
        case ():
            return clusters_overview(desk.view(), desk.watched, strong=desk.default_min_strength)
        case (symbol,):
            return clusters_of(desk.view(), instrument_meant(desk, symbol, "/clusters"))
        case _:
            raise CannotAnswer(replies.wrong("/clusters takes one symbol, or none.", "/clusters BTC"))


async def watch(desk: Desk, asked: Asked) -> Text:
    wanted = watch_words(asked.arguments)
    instrument = None if wanted.scope.lower() == ALL else instrument_meant(desk, wanted.scope, "/watch")
    rule = Rule(
        RuleKind.NEAR,
        instrument,
        wanted.distance_pct or desk.default_distance_pct,
        wanted.min_strength or desk.default_min_strength,
    )
    await desk.chats.subscribe(asked.chat.id, rule, desk.clock.now())
    await desk.rules_changed()
    return replies.watching(rule, seen=instrument in desk.board.snapshot.marks)


async def unwatch(desk: Desk, asked: Asked) -> Text:
    if len(asked.arguments) != 1:
        raise CannotAnswer(replies.wrong("/unwatch takes one symbol, or all.", "/unwatch BTC"))
    scope = asked.arguments[0]
    held = await desk.chats.subscriptions(asked.chat.id)
    mine = [one.rule.instrument for one in held if one.rule.instrument]
    instrument = None if scope.lower() == ALL else instrument_meant(desk, scope, "/unwatch", also=mine)
    stopped = await desk.chats.unsubscribe(asked.chat.id, instrument, desk.clock.now())
    await desk.rules_changed()
    return replies.not_watching(instrument, stopped, await desk.chats.subscriptions(asked.chat.id))


async def rules(desk: Desk, asked: Asked) -> Text:
    return render_alerts.rules(await desk.chats.subscriptions(asked.chat.id))


async def alerts(desk: Desk, asked: Asked) -> Text:
    rows = await desk.alerts.recent(ALERTS_LISTED, chat_id=asked.chat.id)
    return render_alerts.alerts(desk.view(), rows, address=asked.chat.address)


async def why(desk: Desk, asked: Asked) -> Text:
    if len(asked.arguments) != 1:
        raise CannotAnswer(replies.wrong("/why takes the id of one alert; /alerts lists them.", "/why ab12cd34"))
    alert_id = asked.arguments[0].lower()
    row = await desk.alerts.why(alert_id)
    if row is None:
        raise CannotAnswer(replies.no_such_alert(shown(alert_id)))
    owner = asked.chat.role is Role.OWNER
    return render_alerts.why(desk.view(), row, address=asked.chat.address, addresses_shown=owner)


async def status(desk: Desk, asked: Asked) -> Text:
    facts = await desk.status()
    return render_status(desk.view(), facts)


async def test(desk: Desk, asked: Asked) -> Text:
    return replies.on_its_way(await desk.send_test(asked.chat.id))
