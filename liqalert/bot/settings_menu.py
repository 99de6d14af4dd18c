"""/settings: a menu of buttons, edited in place."""

from __future__ import annotations

from dataclasses import replace

from liqalert.bot.changes import release_held
from liqalert.bot.desk import Asked, Desk
from liqalert.core.rules import RuleKind
from liqalert.ports import Chat, Loudness, Preferences, QuietHours
from liqalert.render import menu
from liqalert.render.menu import Menu, MenuFacts


async def shown(desk: Desk, asked: Asked, page: str = menu.MAIN) -> Menu:
    """The menu as it stands for this chat."""
    return menu.menu(page, await _facts(desk, asked.chat))


async def pressed(desk: Desk, asked: Asked, arguments: tuple[str, ...]) -> Menu | None:
    """Does what a button of the menu says and gives the menu as it stands then; None: that button means nothing."""
    match arguments:
        case (page,) if page in menu.PAGES:
            return await shown(desk, asked, page)
        case (page, *values):
            preferences = changed(desk, asked.chat.preferences, page, tuple(values))
            if preferences is None:
                return None
            chat = await _prefer(desk, asked.chat, preferences)
            return await shown(desk, replace(asked, chat=chat), page)
    return None


def changed(desk: Desk, preferences: Preferences, page: str, values: tuple[str, ...]) -> Preferences | None:
    """`preferences` after a button was pressed; None where it means nothing (any more)."""
    match page, values:
        case menu.KINDS, (kind, loudness) if kind in menu.KIND_NAMES and loudness in menu.LOUDNESS:
            chosen = dict(preferences.loudness) | {RuleKind(kind): Loudness(loudness)}
            return replace(preferences, loudness=tuple(sorted(chosen.items())))
        case menu.DISTANCE, (value,) if value in menu.DISTANCES:
            return replace(preferences, distance_pct=float(value))
        case menu.STRENGTH, (value,) if value in menu.STRENGTHS:
            return replace(preferences, min_strength=float(value))
        case menu.QUIET, ("off",):
            return replace(preferences, quiet=None)
        case menu.QUIET, (value,) if value in menu.QUIET_CHOICES:
            zone_name = preferences.quiet.zone_name if preferences.quiet else desk.zone_name
            return replace(preferences, quiet=QuietHours(*menu.QUIET_CHOICES[value], zone_name))
        case menu.NUMBERS, (value,) if value in menu.NUMBER_STYLES:
            return replace(preferences, numbers=menu.NUMBER_STYLES[value])
    return None


async def _prefer(desk: Desk, chat: Chat, preferences: Preferences) -> Chat:
    await desk.chats.prefer(chat.id, preferences)
    await desk.chats.hold_defaults(chat.id, desk.standard, desk.clock.now())
    await desk.rules_changed()
    if preferences.quiet != chat.preferences.quiet:
        await release_held(desk, chat, preferences.quiet)
    return replace(chat, preferences=preferences)


async def _facts(desk: Desk, chat: Chat) -> MenuFacts:
    preferences = chat.preferences
    thresholds = desk.standard.thresholds_for(preferences)
    on = desk.standard.kinds_for(preferences)
    return MenuFacts(
        loudness={kind: preferences.loudness_of(kind).value if kind in on else "off" for kind in RuleKind},
        distance_pct=thresholds.distance_pct,
        min_strength=thresholds.min_strength,
        quiet=preferences.quiet,
        numbers=preferences.numbers,
        estimate=await desk.estimate(thresholds),
    )
