"""A systemd that boots from this machine's own root without being able to change it, and shares its network."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_BOOT_S = 20.0
# The one hierarchy of today, or the two that systemd keeps beside those of old.
_HIERARCHIES = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified"))
# Mounted in a namespace of its own: whatever becomes of the tests, the mounts end with the container.
_BOOT = """
set -e
scratch=$1 groups=$2
shift 2
for group in $groups; do echo $$ > "$group/cgroup.procs"; done
mount -t tmpfs -o size=512m tmpfs "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
mount -t overlay -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" overlay "$scratch/root"
rm -f "$scratch"/root/etc/systemd/system/*.wants/*
: > "$scratch/root/etc/machine-id"
exec systemd-nspawn --quiet --directory="$scratch/root" --boot --register=no --keep-unit --link-journal=no \
    --console=pipe "$@"
"""


def can_boot() -> bool:
    return os.geteuid() == 0 and shutil.which("systemd-nspawn") is not None


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has run in the container."""

    status: int
    output: str


class SystemdContainer:
    """Use as `with SystemdContainer(directory, mounts) as container:`.

    `mounts`: path inside to path here. All are read-only inside, and what is changed here is seen there at once.
    """

    def __init__(self, directory: Path, mounts: Mapping[str, Path]) -> None:
        self._directory = directory
        self._binds = [f"--bind-ro={here}:{inside}" for inside, here in mounts.items()]
        self._name = f"liqalert-{os.getpid()}"
        # A cgroup of its own: two containers in the same one would end each other's services.
        self._groups = [parent / self._name for parent in _HIERARCHIES if (parent / "cgroup.procs").exists()]
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._init = 0

    def __enter__(self) -> Self:
        try:
            self._boot()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    async def run(self, *command: str, timeout_s: float = 30.0) -> Ended:
        """`command` inside, as root, with its standard output and errors together."""
        process = await asyncio.create_subprocess_exec(
            *self._entering(command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        async with asyncio.timeout(timeout_s):
            output, _ = await process.communicate()
        assert process.returncode is not None
        return Ended(process.returncode, output.decode().strip())

    # ---------------------------------------------------------------- boot and end

    def _boot(self) -> None:
        for group in self._groups:
            group.mkdir()
        scratch = self._directory / "scratch"
        scratch.mkdir()
        # A test run that is killed ends the container. By TERM: after KILL what was booted would live on alone.
        bound = ("setpriv", "--pdeathsig", "TERM", "unshare", "--mount", "--propagation", "private")
        boot = ("sh", "-c", _BOOT, "sh", str(scratch), " ".join(map(str, self._groups)))
        with (self._directory / "console.log").open("wb") as console:
            self._nspawn = subprocess.Popen(
                [*bound, *boot, f"--machine={self._name}", *self._binds],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        self._wait_until_running()

    def _wait_until_running(self) -> None:
        assert self._nspawn is not None
        until = time.monotonic() + _BOOT_S
        # "degraded": some service of this machine cannot run in there, which is not our matter.
        while self._state() not in ("running", "degraded"):
            log = (self._directory / "console.log").read_text(errors="replace")
            assert self._nspawn.poll() is None, log
            assert time.monotonic() < until, log
            time.sleep(0.05)

    def _state(self) -> str:
        assert self._nspawn is not None
        pid = self._nspawn.pid
        with suppress(OSError):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            self._init = int(children[0]) if children else 0
        if not self._init:
            return ""
        asked = subprocess.run(
            self._entering(("systemctl", "is-system-running")), capture_output=True, text=True, timeout=10, check=False
        )
        return asked.stdout.strip()

    def _entering(self, command: tuple[str, ...]) -> list[str]:
        """`command` in the container's namespaces; its network is ours already."""
        return ["nsenter", "--target", str(self._init), "--mount", "--uts", "--ipc", "--pid", "--", *command]

    def _end(self) -> None:
        if self._nspawn is not None:
            self._nspawn.terminate()
            try:
                self._nspawn.wait(10)
            except subprocess.TimeoutExpired:
                os.kill(self._init or self._nspawn.pid, signal.SIGKILL)
                self._nspawn.wait(10)
        for group in self._groups:
            _remove(group)


def _remove(group: Path) -> None:
    """Deletes a cgroup and those within, as soon as the kernel has buried the last process."""
    until = time.monotonic() + 5.0
    while group.exists():
        for path in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
            with suppress(OSError):
                path.rmdir()
        with suppress(OSError):
            group.rmdir()
        if time.monotonic() > until:
            raise AssertionError(f"{group} is still in use")
        time.sleep(0.02)
