"""The short replies of the bot: help, refusals, what was wrong and an example, what has been changed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

from liqalert.core.market import Instrument, UnixTime
from liqalert.core.rules import Rule
from liqalert.render.alerts import SubscriptionShown, rule, rule_lines
from liqalert.render.answers import View
from liqalert.render.lines import composed
from liqalert.render.menu import QuietShown, quiet_words
from liqalert.render.numbers import NumberStyle, escape
from liqalert.render.text import Text


class ChatShown(Protocol):
    """A chat that may ask."""

    @property
    def id(self) -> int: ...
    @property
    def channel(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def dead_since(self) -> UnixTime | None: ...
    @property
    def added_at(self) -> UnixTime: ...


def help_text(commands: Iterable[tuple[str, str]], buttons: Iterable[tuple[str, str]]) -> Text:
    """/help, from (usage, what it does) and (label, what it does) pairs."""
    return composed(
        [
            "<b>liqalert</b> watches liquidations and tells when price comes near a strong zone of them.",
            *(f"{escape(usage)}: {escape(does)}" for usage, does in commands),
            "Under an alert:",
            *(f"• {escape(label)}: {escape(does)}" for label, does in buttons),
            "Symbols may be written BTCUSDT, btc, BTC/USDT or BTC/USDT:USDT.",
        ]
    )


def refusal(address: str) -> Text:
    """What a chat that is not listed is told, once an hour."""
    return composed(
        [
            f"This chat is not allowed. Its id is <code>{escape(address)}</code>.",
            "To allow it, write /start CODE here with a code from <code>liqalert pair</code>, or add the id to this "
            "line of settings.toml, section [telegram] (telegram.allowed_chats), and restart liqalert:",
            f"<code>allowed_chats = [{escape(address)}]</code>",
        ]
    )


def cannot_check() -> Text:
    """What a chat is told, once an hour, while the database does not say whether it is allowed."""
    return composed(["liqalert cannot look up at the moment whether this chat is allowed: its database refuses."])


def wait(seconds: float) -> Text:
    """To a group that has asked a lot in a minute."""
    return composed(
        [
            "That was a lot for one minute, and Telegram lets a bot post only so much in a group: the rest is kept "
            f"for alerts. Ask again in {math.ceil(seconds)} s."
        ]
    )


def moved(old_address: str, new_address: str) -> Text:
    """A group became a supergroup: its id in settings.toml is no longer true."""
    return composed(
        [
            f"Telegram has given this group a new id, <code>{escape(new_address)}</code>. Its rules have moved too.",
            f"Put it in telegram.allowed_chats in place of <code>{escape(old_address)}</code> before the next restart.",
        ]
    )


def not_moved_yet(new_address: str) -> Text:
    """Telegram names the new id again with each message to the old one."""
    return composed(
        [
            f"Telegram has given this group a new id, <code>{escape(new_address)}</code>, "
            "which liqalert cannot note now: its database refuses.",
            "The rules of this group move with its next alert; until then liqalert does not know it here.",
        ]
    )


def wrong(problem: str, example: str) -> Text:
    """A command that makes no sense: what was wrong, and an example."""
    return composed([f"{escape(problem)} Example: <code>{escape(example)}</code>"])


def unknown_symbol(symbol: str, nearest: Sequence[Instrument], command: str) -> Text:
    """`command` (`/clusters`) was given a symbol that no feed has."""
    sentence = f"No instrument is called {escape(symbol)}."
    if not nearest:
        return composed([f"{sentence} Try the exchange's own symbol, like <code>{escape(command)} BTCUSDT</code>"])
    named = ", ".join(escape(instrument.symbol) for instrument in nearest)
    example = f"{command} {nearest[0].symbol}"
    return composed([f"{sentence} The nearest: {named}. Example: <code>{escape(example)}</code>"])


def watching(held: Sequence[Rule], numbers: NumberStyle, *, seen: bool, own: Sequence[str] = ()) -> Text:
    """/watch has been done. `seen`: a mark of the instrument has arrived. `own`: after /watch all, the symbols of which
    the chat has said something else, which counts there."""
    lines = ["This chat is now told:", *(f"• {rule(each, numbers)}" for each in held)]
    instrument = held[0].instrument
    if instrument and not seen:
        lines.append(f"{escape(instrument.symbol)} has not been seen yet: no mark price of it has arrived.")
    if own:
        lines.append(f"Not for {escape(', '.join(own))}, for which it has rules of its own: /rules lists them.")
    return composed(lines)


def not_watching(
    instrument: Instrument | None, stopped: bool, left: Sequence[SubscriptionShown], numbers: NumberStyle
) -> Text:
    """/unwatch has been done, or there was nothing to stop (`stopped` False); `left` is what the chat still holds."""
    scope = escape(instrument.symbol) if instrument else "all instruments together"
    lines = [f"Stopped: no more alerts by a rule for {scope}." if stopped else f"This chat has no rule for {scope}."]
    if left:
        lines += ["It is still told:", *rule_lines(left, numbers)]
    else:
        lines.append("It is told nothing now. For a rule: <code>/watch BTC 1% 0.6</code>")
    return composed(lines)


def muted(instrument: Instrument | None, until: str) -> Text:
    scope = escape(instrument.symbol) if instrument else "Everything"
    return composed([f"{scope} is muted until {escape(until)}. /unmute ends it, /alerts lists what was told."])


def mute_over(ended: str, again: str) -> Text:
    """/mute was sent so long before it was read that nothing of it is left; `again` repeats it."""
    return composed(
        [
            f"Nothing is muted: this was sent so long ago that the mute would have ended at {escape(ended)}. "
            f"For one from now: <code>{escape(again)}</code>"
        ]
    )


def unmuted(was_muted: bool) -> Text:
    return composed(["No longer muted." if was_muted else "Nothing was muted."])


def unmuted_one(instrument: Instrument, was_muted: bool, left: Sequence[tuple[Instrument | None, str]]) -> Text:
    """/unmute SYMBOL. `left`: what is muted still (None: everything), and until when."""
    symbol = escape(instrument.symbol)
    lines = [f"The mute of {symbol} has ended." if was_muted else f"{symbol} had no mute of its own."]
    if left:
        named = (f"{escape(each.symbol) if each else 'everything'} until {escape(until)}" for each, until in left)
        lines.append(f"Still muted: {', '.join(named)}. /unmute ends every mute.")
    return composed(lines)


def quiet_hours(quiet: QuietShown | None) -> Text:
    """/quiet: what holds now."""
    if quiet is None:
        return composed(
            ["No quiet hours: alerts come at any time. To set them: <code>/quiet 23:00-07:00 Europe/Berlin</code>"]
        )
    return composed(
        [
            f"Quiet hours: {escape(quiet_words(quiet))}.",
            "Alerts in them come in one silent list when they end, except kinds set to always (/settings).",
        ]
    )


def code_refused() -> Text:
    return composed(
        ["This code is not valid (any more): it works once, for 10 minutes. The owner makes another: liqalert pair"]
    )


def enrolled(role: str, held: Sequence[SubscriptionShown], numbers: NumberStyle) -> Text:
    may = {"reader": "It may ask, not change.", "user": "It may ask and change its own settings."}
    return composed(
        [
            f"This chat is enrolled as {escape(role)}. {may.get(role, 'It may do everything.')}",
            "It is told:",
            *rule_lines(held, numbers),
            "/clusters shows what is there now, /help what can be asked, /test sends a test alert.",
        ]
    )


def chats(view: View, known: Sequence[ChatShown], *, mine: int) -> Text:
    """/chats: who may ask."""
    lines = ["<b>Chats that may ask</b>"]
    for chat in known:
        dead = f", not reachable since {view.when(chat.dead_since)}" if chat.dead_since is not None else ""
        here = ", this chat" if chat.id == mine else ""
        address = f"<code>{escape(chat.address)}</code>"
        lines.append(
            f"• {address} {escape(chat.channel)}, {escape(chat.role)}{here}, since {view.when(chat.added_at)}{dead}"
        )
    return composed([*lines, "To remove one: <code>/remove ADDRESS</code>. To enrol another: liqalert pair"])


def removed(address: str) -> Text:
    return composed(
        [
            f"{escape(address)} may no longer ask and is told nothing any more.",
            "If telegram.allowed_chats lists it, take it out there too: the next start allows it again otherwise.",
        ]
    )


def may_not_change(reason: str) -> Text:
    return composed([escape(reason)])


def on_its_way(alert_id: str) -> Text:
    """/test has been done."""
    return composed(
        [
            f"Test alert <code>{escape(alert_id)}</code> is on its way: rule, database, outbox, this chat.",
            f"If it does not come within a minute: <code>/status</code> and <code>/why {escape(alert_id)}</code>",
        ]
    )


def no_such_alert(alert_id: str) -> Text:
    return composed([f"No alert has the id {escape(alert_id)}. /alerts lists the last ones with their ids."])


def database_refused(cause: str) -> Text:
    return composed([f"liqalert cannot do this now: {escape(cause)}", "/clusters and /help work without the database."])


def broken() -> Text:
    """Something is wrong in liqalert itself."""
    return composed(["liqalert failed to answer this; the reason is in its log."])


def with_warnings(text: Text, warnings: Sequence[str]) -> Text:
    """`text` under the sentences about liqalert itself that every answer carries."""
    if not warnings:
        return text
    above = composed([f"<b>{escape(warning)}</b>" for warning in warnings])
    return Text(f"{above.html}\n{text.html}", f"{above.plain}\n{text.plain}")
