"""Run as a process and killed by test_crash.py: records alerts and fans them out, and prints what is committed."""

import asyncio
import sys

from liqalert.core.episodes import Transition
from liqalert.storage.alerts import AlertStore
from liqalert.storage.database import Database
from liqalert.storage.outbox import DeliveryOutbox
from tests.changing import replace
from tests.storage.objects import T0, alert, near


async def main() -> None:
    async with Database(sys.argv[1]) as database:
        alerts, outbox = AlertStore(database), DeliveryOutbox(database)
        for number in range(100_000):
            await alerts.record([numbered(number)])
            print(number, flush=True)
            await outbox.fan_out(numbered(number).alert or alert(), T0)


def numbered(number: int) -> Transition:
    """The near transition of an episode of its own, with an alert of its own."""

    first = near()
    episode = replace(first.episode, id=f"e{number}", alert_id=f"a{number}")
    return replace(first, episode=episode, alert=alert(f"a{number}", episode_id=f"e{number}"))


if __name__ == "__main__":
    asyncio.run(main())
