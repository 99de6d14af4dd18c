"""Commands that change what a chat is told: parse, write, say what holds now."""

from __future__ import annotations

from dataclasses import replace

from liqalert.bot.arguments import CannotAnswer, duration_s, mute_words, quiet_words, watch_words
from liqalert.bot.desk import Asked, Desk, instrument_meant, names_instrument
from liqalert.core.market import UnixTime
from liqalert.core.rules import RuleKind, Thresholds, rule_of
from liqalert.delivery.quiet import quiet_until
from liqalert.ports import Chat, QuietHours
from liqalert.render import replies
from liqalert.render.text import Text

ALL = "all"
MUTED_S = 3600.0
"""Where no duration is given, and by the button."""
CLOCKS_DIFFER_S = 60.0
"""By less, what was sent is taken to have been sent now."""


async def watch(desk: Desk, asked: Asked) -> Text:
    """Rules of every kind that is on in this chat."""
    wanted = watch_words(asked.arguments)
    instrument = None if wanted.scope.lower() == ALL else instrument_meant(desk, wanted.scope, "/watch")
    usual = desk.standard.thresholds_for(asked.chat.preferences)
    thresholds = Thresholds(
        wanted.distance_pct or usual.distance_pct, wanted.min_strength or usual.min_strength, usual.large_usd
    )
    kinds = desk.standard.kinds_for(asked.chat.preferences) or (RuleKind.NEAR,)
    rules = [rule_of(kind, instrument, thresholds) for kind in kinds]
    await desk.chats.subscribe(asked.chat.id, rules, desk.clock.now())
    await desk.rules_changed()
    numbers = desk.view(asked.chat).numbers
    held = await desk.chats.subscriptions(asked.chat.id) if instrument is None else ()
    own = sorted({one.rule.instrument.symbol for one in held if one.rule.instrument is not None})
    return replies.watching(rules, numbers, seen=instrument in desk.board.snapshot.marks, own=own)


async def unwatch(desk: Desk, asked: Asked) -> Text:
    if len(asked.arguments) != 1:
        raise CannotAnswer(replies.wrong("/unwatch takes one symbol, or all.", "/unwatch BTC"))
    scope = asked.arguments[0]
    held = await desk.chats.subscriptions(asked.chat.id)
    mine = [one.rule.instrument for one in held if one.rule.instrument]
    instrument = None if scope.lower() == ALL else instrument_meant(desk, scope, "/unwatch", also=mine)
    stopped = await desk.chats.unsubscribe(asked.chat.id, instrument, desk.clock.now())
    await desk.rules_changed()
    left = await desk.chats.subscriptions(asked.chat.id)
    return replies.not_watching(instrument, stopped, left, desk.view(asked.chat).numbers)


async def mute(desk: Desk, asked: Asked) -> Text:
    """[SYMBOL] [DURATION], in either order."""
    words = [word for word in mute_words(asked.arguments) if word.lower() != ALL]
    # Some symbols begin with a digit, too: 1000PEPEUSDT.
    symbols = [word for word in words if not word[0].isdigit() or names_instrument(desk, word)]
    durations = [word for word in words if word not in symbols]
    if len(durations) > 1 or len(symbols) > 1:
        raise CannotAnswer(replies.wrong("/mute takes a duration, and a symbol if not all is meant.", "/mute BTC 2h"))
    instrument = instrument_meant(desk, symbols[0], "/mute") if symbols else None
    until = _begins_at(desk, asked) + (duration_s(durations[0]) if durations else MUTED_S)
    if until <= desk.clock.now():
        return replies.mute_over(desk.view(asked.chat).when(until), " ".join(("/mute", *asked.arguments)))
    await desk.chats.mute(asked.chat.id, instrument, until)
    return replies.muted(instrument, desk.view(asked.chat).when_until(until))


def _begins_at(desk: Desk, asked: Asked) -> UnixTime:
    """When what lasts a while begins: when it was sent, not when a daemon that was down gets to it."""
    now = desk.clock.now()
    return now if asked.sent_at is None or now - asked.sent_at < CLOCKS_DIFFER_S else asked.sent_at


async def unmute(desk: Desk, asked: Asked) -> Text:
    """[SYMBOL]; without one, every mute."""
    words = [word for word in asked.arguments if word.lower() != ALL]
    if len(words) > 1:
        raise CannotAnswer(replies.wrong("/unmute takes one symbol, or none to end every mute.", "/unmute BTC"))
    if not words:
        return replies.unmuted(await desk.chats.unmute(asked.chat.id))
    muted = [mute.instrument for mute in await desk.chats.mutes(asked.chat.id, desk.clock.now()) if mute.instrument]
    instrument = instrument_meant(desk, words[0], "/unmute", also=muted)
    ended = await desk.chats.unmute(asked.chat.id, instrument)
    view = desk.view(asked.chat)
    left = await desk.chats.mutes(asked.chat.id, view.now)
    return replies.unmuted_one(instrument, ended, [(mute.instrument, view.when_until(mute.until)) for mute in left])


async def quiet(desk: Desk, asked: Asked) -> Text:
    if not asked.arguments:
        return replies.quiet_hours(asked.chat.preferences.quiet)
    hours = quiet_words(asked.arguments, desk.zone_name)
    await desk.chats.prefer(asked.chat.id, replace(asked.chat.preferences, quiet=hours))
    await release_held(desk, asked.chat, hours)
    return replies.quiet_hours(hours)


async def release_held(desk: Desk, chat: Chat, hours: QuietHours | None) -> None:
    """What waits for the end of the quiet hours that `chat` had comes now, or when those end that it has since."""
    now = desk.clock.now()
    ends_at = None if hours is None else quiet_until(hours, now)
    await desk.chats.hold_until(chat.id, now if ends_at is None else ends_at)
    desk.outbox_changed()
