"""The line to the exchange breaks: closed, reset, stalled, half open."""

from __future__ import annotations

from tests.faults.case import Case
from tests.faults.eyes import connection_lost, not_watching, watching
from tests.faults.measures import Allowed, Loss
from tests.faults.plays import Act, blind, covered
from tests.faults.rig import Rig, Signs

MID_FRAME = 37
"""Bytes: less than a frame's, more than its head."""
ONE = Signs(noticed=connection_lost)
ALL = Signs(noticed=not_watching, told="(?i)not being watched", well=watching)


async def close_one(rig: Rig) -> None:
    await rig.exchange.clients[0].socket.close(code=1001)


async def close_all(rig: Rig) -> None:
    await rig.proxy.refuse()
    for client in list(rig.exchange.clients):
        await client.socket.close(code=1001)


async def listen_again(rig: Rig) -> None:
    await rig.proxy.start()


async def reset_one(rig: Rig) -> None:
    rig.proxy.links[0].reset()


async def reset_all(rig: Rig) -> None:
    for link in list(rig.proxy.links):
        link.reset()


def stall_one(count: int) -> Act:
    async def stall(rig: Rig) -> None:
        rig.proxy.links[0].stall_after(count)

    return stall


def stall_all(count: int) -> Act:
    async def stall(rig: Rig) -> None:
        for link in rig.proxy.links:
            link.stall_after(count)

    return stall


async def half_open_all(rig: Rig) -> None:
    """Also who connects anew gets no answer: a firewall that forgot everyone and drops what it does not know."""
    rig.proxy.holding = True
    await stall_all(0)(rig)


async def open_again(rig: Rig) -> None:
    rig.proxy.holding = False


CASES = (
    Case(
        "server closes one connection of two",
        covered(close_one),
        Allowed(noticed_s=3, recovered_s=10),
        ONE,
        short=True,
    ),
    Case(
        "server closes both, away for 4 s",
        blind(close_all, listen_again, for_s=4),
        Allowed(Loss.GAP, noticed_s=2, recovered_s=20),
        ALL,
        short=True,
    ),
    Case("one connection of two reset", covered(reset_one), Allowed(noticed_s=3, recovered_s=10), ONE),
    Case("both connections reset", blind(reset_all, for_s=0), Allowed(Loss.GAP, noticed_s=2, recovered_s=10), ALL),
    Case(
        "the only connection reset",
        blind(reset_all, for_s=0, connections=1),
        Allowed(Loss.GAP, noticed_s=2, recovered_s=10),
        ALL,
    ),
    Case(
        "one connection of two stalls in mid-frame",
        covered(stall_one(MID_FRAME)),
        Allowed(noticed_s=9, recovered_s=10),
        ONE,
    ),
    Case(
        "both connections stall in mid-frame",
        blind(stall_all(MID_FRAME), for_s=5),
        Allowed(Loss.GAP, noticed_s=9, recovered_s=10),
        ALL,
    ),
    Case("one connection of two half open", covered(stall_one(0)), Allowed(noticed_s=9, recovered_s=10), ONE),
    Case(
        "both half open, and new ones too, for 25 s",
        blind(half_open_all, open_again, for_s=25),
        Allowed(Loss.GAP, noticed_s=9, told_s=25, recovered_s=65),
        ALL,
    ),
)
