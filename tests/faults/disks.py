"""Small disks that can be filled, made read-only and repaired. They need root."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

from tests.small_disk import can_mount

IMAGE_BYTES = 24 * 1024 * 1024


async def run(*command: str, allowed: tuple[int, ...] = (0,)) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        _, said = await process.communicate()
    if process.returncode not in allowed:
        raise OSError(f"{' '.join(command)}: {said.decode(errors='replace').strip()}")


class SmallDisk:
    """In memory; it can be filled up."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "disk"
        self._ballast = self.path / "ballast"

    async def mount(self) -> None:
        self.path.mkdir()
        await run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(self.path))

    async def unmount(self) -> None:
        await run("umount", "-l", str(self.path))

    async def remount(self, mode: str) -> None:
        """`ro` or `rw`; refused while somebody writes there."""
        await run("mount", "-o", f"remount,{mode}", str(self.path))

    def fill(self) -> None:
        with self._ballast.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * 65_536)

    def empty(self) -> None:
        self._ballast.unlink()


class FailingDisk:
    """A file system on an image, which turns read-only under its writers, as after an error of the disk."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "failing"
        self._image = directory / "image"

    async def mount(self) -> None:
        self.path.mkdir(exist_ok=True)
        if not self._image.exists():
            with self._image.open("wb") as file:
                file.truncate(IMAGE_BYTES)
            await run("mkfs.ext4", "-q", str(self._image))
        await run("mount", "-o", "loop", str(self._image), str(self.path))

    async def unmount(self) -> None:
        await run("umount", str(self.path))

    async def sync(self) -> None:
        """What was written so far is on the disk, as it would be after half a minute."""
        await run("sync", "--file-system", str(self.path))

    async def fail(self) -> None:
        await run("mount", "-o", "remount,abort", str(self.path))

    async def repair(self) -> None:
        await self.unmount()
        await run("e2fsck", "-fy", str(self._image), allowed=(0, 1))
        await self.mount()


def lacks_mounting() -> str | None:
    return None if can_mount() else "root, which may mount"


def lacks_loop() -> str | None:
    return lacks_mounting() or (None if shutil.which("mkfs.ext4") else "mkfs.ext4")
