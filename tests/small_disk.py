"""A full disk is a small file system of our own, which only root can mount."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self


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


def can_fail() -> bool:
    """Whether a DiskThatFails works here."""
    needed = Path("/dev/loop-control"), Path("/sys/fs/ext4")
    return can_mount() and shutil.which("mkfs.ext4") is not None and all(each.exists() for each in needed)


class DiskThatFails:
    """An ext4 of 16 MB in a file, mounted at `directory`, that turns read-only at `fail`, as by a bad sector."""

    def __init__(self, place: Path) -> None:
        self.directory = place / "failing"
        self._image = place / "failing.img"

    def __enter__(self) -> Self:
        with self._image.open("wb") as image:
            image.truncate(16_000_000)
        _run("mkfs.ext4", "-q", "-F", str(self._image))
        self.directory.mkdir()
        self._mount()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        _run("umount", "-l", str(self.directory))

    def fail(self) -> None:
        device = _run("findmnt", "-n", "-o", "SOURCE", str(self.directory)).strip()
        Path("/sys/fs/ext4", Path(device).name, "trigger_fs_error").write_text("1")

    def mend(self) -> None:
        """As an operator would: unmounted, repaired, mounted again."""
        _run("umount", str(self.directory))
        subprocess.run(["fsck.ext4", "-y", str(self._image)], capture_output=True, timeout=30)
        self._mount()

    def _mount(self) -> None:
        _run("mount", "-o", "loop,errors=remount-ro", str(self._image), str(self.directory))


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
