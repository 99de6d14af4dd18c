"""The short replies of the bot: help, refusals, what was wrong and an example, what has been changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from liqalert.core.market import Instrument
from liqalert.core.rules import Rule
from liqalert.render.alerts import SubscriptionShown, rule, rule_lines
from liqalert.render.lines import composed
from liqalert.render.numbers import escape
from liqalert.render.text import Text


def help_text(commands: Iterable[tuple[str, str]]) -> Text:
    """/help, from (usage, what it does) pairs."""
    return composed(
        [
            "<b>liqalert</b> watches liquidations and tells when price comes near a strong zone of them.",
            *(f"{escape(usage)}: {escape(does)}" for usage, does in commands),
            "Symbols may be written BTCUSDT, btc, BTC/USDT or BTC/USDT:USDT.",
        ]
    )


def refusal(address: str) -> Text:
    """What a chat that is not listed is told, once an hour."""
    return composed(
        [
            f"This chat is not allowed. Its id is <code>{escape(address)}</code>.",
            "To allow it, add the id to this line of settings.toml, section [telegram] (telegram.allowed_chats), "
            "and restart liqalert:",
            f"<code>allowed_chats = [{escape(address)}]</code>",
        ]
    )


def cannot_check() -> Text:
    """What a chat is told, once an hour, while the database does not say whether it is allowed."""
    return composed(["liqalert cannot look up at the moment whether this chat is allowed: its database refuses."])


def moved(old_address: str, new_address: str) -> Text:
    """A group became a supergroup: its id in settings.toml is no longer true."""
    return composed(
        [
            f"Telegram has given this group a new id, <code>{escape(new_address)}</code>. Its rules have moved too.",
            f"Put it in telegram.allowed_chats in place of <code>{escape(old_address)}</code> before the next restart.",
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


def watching(held: Rule, *, seen: bool) -> Text:
    """/watch has been done. `seen`: a mark of the instrument has arrived."""
    lines = [f"This chat is now told: {rule(held)}."]
    if held.instrument and not seen:
        lines.append(f"{escape(held.instrument.symbol)} has not been seen yet: no mark price of it has arrived.")
    return composed(lines)


def not_watching(instrument: Instrument | None, stopped: bool, left: Sequence[SubscriptionShown]) -> Text:
    """/unwatch has been done, or there was nothing to stop (`stopped` False); `left` is what the chat still holds."""
    scope = escape(instrument.symbol) if instrument else "all instruments together"
    lines = [f"Stopped: no more alerts by a rule for {scope}." if stopped else f"This chat has no rule for {scope}."]
    if left:
        lines += ["It is still told:", *rule_lines(left)]
    else:
        lines.append("It is told nothing now. For a rule: <code>/watch BTC 1% 0.6</code>")
    return composed(lines)


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
