"""The parts of the daemon, put together."""

from __future__ import annotations

from random import Random

import aiohttp

from liqalert.app.candles import CandleDesk
from liqalert.app.facts import Facts
from liqalert.app.heatmaps import build_heatmaps, shown_to
from liqalert.app.parts import Stores, build_delivering, build_pings, build_watching
from liqalert.app.pictures import Pictures
from liqalert.app.requests import Requests
from liqalert.app.start import watched_instruments
from liqalert.app.world import World
from liqalert.core.start import Start
from liqalert.feeds.binance_open_interest import OpenInterestDesk
from liqalert.settings import Settings
from liqalert.storage.lock import Hold
from liqalert.storage.soundness import Damage
from liqalert.web.events import Events


def assemble(
    settings: Settings,
    world: World,
    start: Start,
    *,
    stores: Stores,
    session: aiohttp.ClientSession,
    hold: Hold,
    damage: Damage | None,
) -> tuple[Facts, Requests]:
    """The parts, put together; nothing runs yet."""
    clock = world.clock
    random = Random()
    delivering = build_delivering(settings, stores, world, session=session, random=random)
    watching = build_watching(
        settings, start, stores=stores, delivering=delivering, session=session, world=world, random=random
    )
    desk = OpenInterestDesk(
        watching.rest, watching.parser, store=stores.baselines, clock=clock, mark_price=watching.mark_price
    )
    candles = CandleDesk(
        stores.candles,
        watching.rest,
        watching.parser,
        clock=clock,
        watched=lambda: {*watched_instruments(settings), *watching.engine.ruled()},
    )
    heatmaps = build_heatmaps(stores, watching, candles, clock)
    pictures = Pictures(heatmaps, watching.board, stores.alerts, clock=clock, zone_name=settings.telegram.timezone)
    events = Events(watching.board, clock)
    watching.pipeline.shown = shown_to(candles, heatmaps, events)
    facts = Facts(
        settings,
        clock,
        start.at,
        stores=stores,
        delivering=delivering,
        watching=watching,
        open_interest=desk,
        candles=candles,
        heatmaps=heatmaps,
        pictures=pictures,
        events=events,
        hold=hold,
        damage=damage,
        pings=build_pings(settings, session),
    )
    return facts, Requests(clock, stores, delivering, watching.pipeline)
