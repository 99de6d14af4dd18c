"""Daemons that live elsewhere: in faster time, under another clock, where names resolve otherwise."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

from tests.daemon import RUN
from tests.faults.exchange import MARKS_EVERY_S
from tests.faults.rig import Rig

HURRIED = (sys.executable, "-m", "tests.faults.hurried")
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
HOST = "fstream.exchange.test"


async def start_hurried(
    rig: Rig, speed: float, *, lives_s: tuple[float, float] | None = None, connections: int = 2
) -> None:
    """The daemon, and the exchange with it, in a time that runs `speed` times faster."""
    begun, start = time.monotonic(), rig.exchange.now()
    rig.exchange.now = lambda: start + (time.monotonic() - begun) * speed
    lives = {"HURRIED_LIVES": f"{lives_s[0]} {lives_s[1]}"} if lives_s else {}
    environ = {"HURRIED_SPEED": str(speed), "HURRIED_START": f"{start} {begun}"}
    rig.stretch = speed
    await rig.start(connections=connections, command=HURRIED, **environ, **lives)
    # A feed is silent after a second here.
    rig.exchange.mark_every(MARKS_EVERY_S / 4 if speed > 1.0 else MARKS_EVERY_S)


class MovableClock:
    """The daemon's wall clock, which can be set; the monotonic one goes on, as it does on a real machine."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "clock"
        self.set(0)

    def set(self, ahead_s: int) -> None:
        """Replaced at once: half a line would be another time."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{ahead_s:+d}s\n")
        new.replace(self._file)

    @property
    def environ(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Its remedy for an old C library makes each wait for Python's lock a loop that takes a whole core.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }


class Names:
    """/etc/hosts as the daemon alone sees it, with no DNS behind it."""

    def __init__(self, directory: Path) -> None:
        self._hosts = directory / "hosts"
        self._resolver = directory / "resolv.conf"
        self._resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        self.resolve()

    def resolve(self) -> None:
        self._hosts.write_text(f"127.0.0.1 localhost {HOST}\n")

    def forget(self) -> None:
        self._hosts.write_text("127.0.0.1 localhost\n")

    @property
    def command(self) -> tuple[str, ...]:
        mounts = f"mount --bind {self._hosts} /etc/hosts && mount --bind {self._resolver} /etc/resolv.conf"
        return ("unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh", *RUN)


def lacks_faketime() -> str | None:
    return None if FAKETIME.exists() else "libfaketime"


def lacks_root() -> str | None:
    return None if os.geteuid() == 0 and shutil.which("unshare") else "root, which may mount"


def lacks_openssl() -> str | None:
    return None if shutil.which("openssl") else "openssl"
