"""A full disk is a small file system of our own, which only root can mount."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def can_mount() -> bool:
    if os.geteuid() != 0 or not shutil.which("mount"):
        return False
    with tempfile.TemporaryDirectory() as directory:
        command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", directory]
        mounted = subprocess.run(command, capture_output=True, timeout=10).returncode == 0
        if mounted:
            subprocess.run(["umount", directory], check=True, timeout=10)
    return mounted


@contextmanager
def mounted(directory: Path, size: str) -> Iterator[Path]:
    """A file system of that size in memory, at `directory`, which is made for it."""
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)], check=True, timeout=10)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True, timeout=10)


def fill(directory: Path) -> Path:
    """The file that takes up all the room there was."""
    ballast = directory / "ballast"
    with ballast.open("wb") as file:
        file.write(b"x" * shutil.disk_usage(directory).free)
    return ballast
