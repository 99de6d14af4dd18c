"""The disk is full or read-only, and the database's file is corrupt. Alerts go on; what can be written is."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.faults.case import Case
from tests.faults.disks import FailingDisk, SmallDisk, lacks_loop, lacks_mounting
from tests.faults.eyes import Seen, says, whole, whole_without
from tests.faults.measures import Allowed, Loss
from tests.faults.rig import Rig, Signs

UNWRITABLE = "(?i)unwritable|not kept|not recorded|does not answer"
TOLD = "(?i)database"
UNRECORDED = "not recorded: database unwritable"
OUTAGE_S = 25.0
CORRUPTED_FROM = 4096 + 100


async def full(rig: Rig) -> None:
    disk = SmallDisk(rig.directory)
    await disk.mount()
    rig.stack.push_async_callback(disk.unmount)
    rig.database = disk.path / "liqalert.db"
    await rig.start()
    symbol = await rig.stories.arm()
    rig.fault_began()
    disk.fill()
    await rig.until_noticed()
    await rig.stories.approach(symbol)
    await rig.until_alerted(symbol)
    rig.fact("messages that say they are not recorded", _unrecorded(rig), least=1, most=1)
    await rig.until_told(OUTAGE_S)
    rig.fault_ended()
    disk.empty()
    await rig.until_recovered()


async def fails_while_running(rig: Rig) -> None:
    """Read-only under the daemon; then it is stopped, the disk is repaired, and it starts again."""
    disk = FailingDisk(rig.directory)
    await disk.mount()
    rig.stack.push_async_callback(disk.unmount)
    rig.stack.push_async_callback(lambda: rig.daemon.kill())
    rig.database = disk.path / "liqalert.db"
    await rig.start()
    symbol = await rig.stories.arm()
    await asyncio.sleep(1.5)
    await disk.sync()
    rig.fault_began()
    await disk.fail()
    await rig.until_noticed()
    await rig.stories.approach(symbol)
    await rig.until_alerted(symbol)
    rig.fact("messages that say they are not recorded", _unrecorded(rig), least=1, most=1)
    await rig.until_told(OUTAGE_S)
    await rig.daemon.terminate(60.0)
    await disk.repair()
    rig.fault_ended()
    await rig.daemon.start()
    await rig.until_recovered()
    await asyncio.sleep(3.0)


async def read_only_from_the_start(rig: Rig) -> None:
    disk = SmallDisk(rig.directory)
    await disk.mount()
    rig.stack.push_async_callback(disk.unmount)
    rig.database = disk.path / "liqalert.db"
    await rig.start()
    symbol = await rig.stories.arm()
    await asyncio.sleep(1.5)
    rig.fault_began()
    await rig.daemon.terminate(60.0)
    await disk.remount("ro")
    size = rig.daemon.log.stat().st_size
    await rig.daemon.start()
    code = await asyncio.wait_for(rig.daemon.process.wait(), 60.0)
    said = rig.daemon.log.read_text()[size:]
    rig.fact("exit code on a read-only disk", code, least=1, most=1)
    rig.fact("lines of a traceback", said.count("Traceback"), most=0)
    rig.fact("sentences that name the database", sum(str(rig.database) in line for line in said.splitlines()), least=1)
    await disk.remount("rw")
    rig.fault_ended()
    await rig.daemon.start()
    await rig.stories.until(symbol, "armed", 60.0)
    await rig.stories.approach(symbol)
    await rig.until_recovered()


async def corrupt_at_start(rig: Rig) -> None:
    """Stopped, its file damaged, started: what was there is set aside, and what comes is kept."""
    await rig.start()
    await asyncio.sleep(3.0)
    rig.fault_began()
    await rig.daemon.terminate(60.0)
    damaged = _corrupt(rig.database)
    rig.begin_new_database()
    await rig.daemon.start()
    rig.fault_ended()
    await rig.eyes.until(lambda seen: whole(seen) or rig.daemon.process.returncode is not None)
    rig.fact("copies of the damaged file", _copies(rig.database, damaged), least=1)
    await rig.until_told(20.0)
    symbol = await rig.stories.arm()
    await rig.stories.approach(symbol)
    await rig.until_alerted(symbol)
    await rig.until_recovered()


async def corrupted_while_running(rig: Rig) -> None:
    """Damaged under the daemon; then it is started anew."""
    await rig.start()
    symbol = await rig.stories.arm()
    await asyncio.sleep(1.5)
    rig.fault_began()
    for name in ("", "-wal"):
        _corrupt(rig.database.with_name(rig.database.name + name))
    await rig.until_noticed()
    await rig.stories.approach(symbol)
    await rig.until_alerted(symbol)
    await rig.until_told(OUTAGE_S)
    rig.begin_new_database()
    await rig.daemon.terminate(60.0)
    rig.fault_ended()
    await rig.daemon.start()
    await rig.until_recovered()


def _unrecorded(rig: Rig) -> int:
    """Of the alert owed: notices may say so too."""
    [symbol] = rig.stories.owed
    return sum(UNRECORDED in text and symbol in text for text in rig.phone.texts(rig.chat))


def _corrupt(path: Path) -> bytes:
    """Overwrites all but the beginning; gives what is there now."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(min(CORRUPTED_FROM, size // 2))
        file.write(b"\xa5" * max(0, size - CORRUPTED_FROM))
    return path.read_bytes()


def _copies(database: Path, content: bytes) -> int:
    others = (path for path in database.parent.rglob("*") if path.is_file() and path != database)
    return sum(path.stat().st_size == len(content) and path.read_bytes() == content for path in others)


def down(seen: Seen) -> bool:
    return not seen.up


UNWRITTEN = Signs(says(UNWRITABLE), told=TOLD, well=whole_without(UNWRITABLE))

CASES = (
    Case(
        "full disk, 25 s",
        full,
        Allowed(noticed_s=15, told_s=30, recovered_s=20),
        UNWRITTEN,
        needs=lacks_mounting,
    ),
    Case(
        "the disk turns read-only, repaired after 25 s",
        fails_while_running,
        Allowed(Loss.GAP, repeated=1, noticed_s=15, told_s=30, recovered_s=60),
        UNWRITTEN,
        needs=lacks_loop,
    ),
    Case(
        "read-only disk at the start",
        read_only_from_the_start,
        Allowed(Loss.GAP, noticed_s=5, recovered_s=60),
        Signs(down),
        needs=lacks_mounting,
    ),
    Case(
        "corrupt database at the start",
        corrupt_at_start,
        Allowed(Loss.GAP, noticed_s=5, told_s=60, recovered_s=60),
        Signs(down, told=TOLD),
    ),
    Case(
        "the database is corrupted while it runs",
        corrupted_while_running,
        Allowed(Loss.GAP, repeated=1, noticed_s=15, told_s=30, recovered_s=60),
        UNWRITTEN,
    ),
)
