"""What the operating system says about a process."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Vitals:
    """At `at_s`, in a monotonic time of the caller's."""

    at_s: float
    memory_bytes: int
    """Resident."""
    files: int
    """Open file descriptors."""
    threads: int
    cpu_s: float
    machine_s: float
    """CPU that all processes of the machine have had since it started."""


def vitals(pid: int, at_s: float) -> Vitals:
    process = Path(f"/proc/{pid}")
    # The name of the command stands in brackets and may hold anything.
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return Vitals(
        at_s=at_s,
        memory_bytes=int(fields[21]) * os.sysconf("SC_PAGE_SIZE"),
        files=len(os.listdir(process / "fd")),
        threads=int(fields[17]),
        cpu_s=(int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
        machine_s=_machine_s(),
    )


def _machine_s() -> float:
    user, nice, system, _idle, _waiting, *interrupts = (
        int(ticks) for ticks in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8]
    )
    return sum((user, nice, system, *interrupts)) / os.sysconf("SC_CLK_TCK")
