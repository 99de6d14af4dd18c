"""What an engine starts from, out of the database."""

from __future__ import annotations

import logging

from liqalert.app.parts import Stores
from liqalert.app.start import standard_of, terms_of
from liqalert.core.exchanges import BINANCE
from liqalert.core.market import GAPS_KEPT, UnixTime
from liqalert.core.start import Start
from liqalert.notifiers.apprise import name_of
from liqalert.ports import StorageError
from liqalert.ports.channels import APPRISE, CONSOLE, TELEGRAM, WEBHOOK
from liqalert.settings import Settings
from liqalert.storage.defaults import sync_defaults

log = logging.getLogger(__name__)


async def read_start(settings: Settings, stores: Stores, now: UnixTime) -> Start:
    """Brings chats in line with the settings, and reads what an earlier run left. Raises StorageError."""
    try:
        for channel, addresses in addresses_of(settings).items():
            await sync_defaults(stores.database, channel, addresses, standard=standard_of(settings), now=now)
    except StorageError as exc:
        # A disk that is full when the machine comes up must not keep it from watching: chats are as they were.
        log.error("chats not brought in line with the settings", extra={"reason": str(exc)})
    terms = terms_of(settings)
    restored = await stores.alerts.restore(now, terms.history_s)
    since, until = (await stores.history.heartbeats()).get(BINANCE, (None, None))
    return Start(
        at=now,
        terms=terms,
        rules=await stores.chats.rules(),
        samples=await stores.baselines.load("0000-00-00"),
        open_interest=await stores.baselines.open_interest(),
        zones=restored.zones,
        ended_zones=restored.ended_zones,
        episodes=restored.episodes,
        liquidations=restored.liquidations,
        told=restored.told,
        watching_since=since,
        watched_until=until,
        gaps=await stores.history.gaps(BINANCE, GAPS_KEPT),
    )


def addresses_of(settings: Settings) -> dict[str, list[str]]:
    """By channel: the addresses that the settings name."""
    return {
        # Also without a token: a start without it must not take from a chat what it is still owed.
        TELEGRAM: [str(chat) for chat in settings.telegram.allowed_chats],
        CONSOLE: [CONSOLE] if settings.console_enabled else [],
        WEBHOOK: [WEBHOOK] if settings.webhook.url else [],
        APPRISE: [name_of(url.get_secret_value()) for url in settings.apprise.urls],
    }
