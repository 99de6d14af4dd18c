"""The exchange cannot be found, is not trusted, or does not want this client; and connections that end on schedule."""

from __future__ import annotations

import asyncio
import time

from tests.certificates import Authority
from tests.faults.case import Case
from tests.faults.eyes import not_watching, says, watching, whole_without
from tests.faults.line_faults import reset_all
from tests.faults.measures import Allowed, Loss
from tests.faults.plays import Act
from tests.faults.rig import Rig, Signs
from tests.faults.worlds import HOST, Names, lacks_openssl, lacks_root, start_hurried

DNS_CACHED_S = 11.0
"""aiohttp remembers an address for ten seconds."""
OUTAGE_S = 25.0
REFUSED_AT_SPEED = 20.0
REFUSED_S = 8 * 60.0
DAY_S = 12.0
"""How long a day lasts for connections, in seconds."""
CONNECTING_S = 4.0
"""What a new connection may take on a busy machine, which is not made faster: in life there is an hour for it."""
REST_PROBLEMS = "could not be read|not calibrated|Candles"


async def unseen(rig: Rig, began: float, for_s: float) -> None:
    """Price comes near a zone that nobody sees, and so it stays until `for_s` after `began`."""
    await rig.stories.approach(rig.stories.armed[-1])
    await asyncio.sleep(began + for_s - time.monotonic())


async def no_name(rig: Rig) -> None:
    """The name of the exchange stops resolving, and then its connections break."""
    names = Names(rig.directory)
    rig.ws_url = f"ws://{HOST}:{rig.proxy.port}/market"
    await rig.start(command=names.command)
    await rig.stories.arm()
    names.forget()
    await asyncio.sleep(DNS_CACHED_S)
    began = time.monotonic()
    rig.fault_began()
    await reset_all(rig)
    await unseen(rig, began, OUTAGE_S)
    rig.fault_ended()
    names.resolve()
    await rig.until_recovered()


async def expired(rig: Rig) -> None:
    """Whoever answers for the exchange shows a certificate that has expired."""
    authority = Authority(rig.directory)
    good, bad = authority.server(), authority.server(days=-1)
    await rig.proxy.restart(good)
    rig.ws_url = f"wss://127.0.0.1:{rig.proxy.port}/market"
    await rig.start(SSL_CERT_FILE=str(authority.file))
    await rig.stories.arm()
    began = time.monotonic()
    rig.fault_began()
    await rig.proxy.restart(bad)
    await reset_all(rig)
    await unseen(rig, began, OUTAGE_S)
    rig.fault_ended()
    await rig.proxy.restart(good)
    await rig.until_recovered()


def refused(status: int) -> Act:
    async def play(rig: Rig) -> None:
        await start_hurried(rig, REFUSED_AT_SPEED)
        await rig.stories.arm()
        began, attempts = time.monotonic(), rig.exchange.attempts
        rig.fault_began()
        rig.exchange.refusal = status
        await reset_all(rig)
        await unseen(rig, began, REFUSED_S / REFUSED_AT_SPEED)
        rig.fault_ended()
        rig.fact(f"connections tried in {REFUSED_S / 60:.0f} min", rig.exchange.attempts - attempts, least=2, most=4)
        rig.exchange.refusal = None
        await rig.until_recovered()
        # When it is lost, and once more after ten minutes.
        rig.fact("times told", rig.times_told(), least=1, most=2)

    return play


def refused_by_rest(status: int, **headers: str) -> Act:
    """From before the start, so that it is asked for everything."""

    async def play(rig: Rig) -> None:
        rig.exchange.rest_status = status
        rig.exchange.rest_headers = headers
        await rig.start()
        rig.fault_began()
        symbol = await rig.stories.arm()
        await rig.stories.approach(symbol)
        await rig.until_alerted(symbol)
        await rig.until_noticed()
        most = 12 if not headers else 1
        rig.fact("REST calls while refused", len(rig.exchange.rest_calls), least=1, most=most)
        rig.exchange.rest_status = None
        rig.fault_ended()
        await rig.until_recovered(90.0)

    return play


def rotation(connections: int) -> Act:
    async def play(rig: Rig) -> None:
        """The daemon replaces connections before the exchange ends them, which is after a day."""
        cut = rig.end_connections_after(DAY_S + CONNECTING_S)
        await start_hurried(rig, 1.0, lives_s=(DAY_S / 24 * 12, DAY_S / 24 * 23), connections=connections)
        symbol = await rig.stories.arm()
        await rig.stories.approach(symbol)
        made = rig.exchange.connections
        await asyncio.sleep(3 * DAY_S)
        rig.fact("connections replaced in 3 days", rig.exchange.connections - made, least=2 * connections)
        rig.fact("connections that the exchange had to end", len(cut), most=0)

    return play


REST = Signs(says(REST_PROBLEMS), well=whole_without(REST_PROBLEMS))
LOST_FOR_LONG = Allowed(Loss.GAP, noticed_s=9, told_s=25, recovered_s=65)

CASES = (
    Case(
        "the exchange's name does not resolve, 25 s",
        no_name,
        LOST_FOR_LONG,
        Signs(not_watching, "could not be resolved", watching),
        needs=lacks_root,
    ),
    Case(
        "expired TLS certificate, 25 s",
        expired,
        LOST_FOR_LONG,
        Signs(not_watching, "(?i)certificate", watching),
        needs=lacks_openssl,
    ),
    Case(
        "HTTP 451 for 8 min (20 times faster)",
        refused(451),
        Allowed(Loss.GAP, noticed_s=60, told_s=120, recovered_s=660),
        Signs(not_watching, "does not serve this country", watching),
    ),
    Case(
        "HTTP 403 for 8 min (20 times faster)",
        refused(403),
        Allowed(Loss.GAP, noticed_s=60, told_s=120, recovered_s=660),
        Signs(not_watching, "firewall turns this network address away", watching),
    ),
    Case("REST answers 451", refused_by_rest(451), Allowed(noticed_s=5, recovered_s=90), REST),
    Case(
        "REST answers 429",
        refused_by_rest(429, **{"Retry-After": "12"}),
        Allowed(noticed_s=5, recovered_s=90),
        REST,
    ),
    Case(
        "REST answers 418",
        refused_by_rest(418, **{"Retry-After": "12"}),
        Allowed(noticed_s=5, recovered_s=90),
        REST,
    ),
    Case("daily end of connections, two (7,200 times faster)", rotation(2), Allowed()),
    Case("daily end of the only connection (7,200 times faster)", rotation(1), Allowed(Loss.GAP)),
)
