"""A full disk is a small file system of our own, which only root can mount."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile


def can_mount() -> bool:
    if os.geteuid() != 0 or not shutil.which("mount"):
        return False
    with tempfile.TemporaryDirectory() as directory:
        command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", directory]
        mounted = subprocess.run(command, capture_output=True, timeout=10).returncode == 0
        if mounted:
            subprocess.run(["umount", directory], check=True, timeout=10)
    return mounted
