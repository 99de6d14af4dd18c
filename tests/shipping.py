"""liqalert as it is shipped: built, and installed into environments that know nothing of this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
_UV = Path(sys.executable).with_name("uv")
# What would lead an installed program back to this checkout, or to settings of the person who runs the tests.
_OURS = ("LIQALERT_", "PYTHON", "VIRTUAL_ENV", "XDG_")


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment in `path`."""

    path: Path

    @property
    def python(self) -> Path:
        return self.path / "bin/python"

    def install(self, *what: str | Path) -> None:
        """`what`, options of uv included, with everything it declares to need in the locked versions."""
        _uv("pip", "install", "--python", self.python, "--constraint", LOCK, *what)

    def run(self, program: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """One of the installed programs, with its standard output and errors together."""
        with self.start(program, *arguments, cwd=cwd) as running:
            said, _ = running.communicate(timeout=120)
        return subprocess.CompletedProcess(running.args, running.returncode, said)

    @contextmanager
    def start(self, program: str, *arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
        """It, while it runs, and its end waited for; killed where the block fails."""
        process = subprocess.Popen(
            [self.path / "bin" / program, *arguments],
            cwd=cwd,
            env={name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with process:
            try:
                yield process
            except BaseException:
                process.kill()
                raise


def new_environment(path: Path, python: str = sys.executable) -> Environment:
    """An empty one; its programs still work when `path` is mounted elsewhere."""
    _uv("venv", "--relocatable", "--python", python, path)
    return Environment(path)


def build_wheel(source: Path, directory: Path) -> Path:
    """The wheel of `source`, a checkout or an sdist, in `directory`."""
    return _build("--wheel", source, directory, "*.whl")


def build_sdist(directory: Path) -> Path:
    return _build("--sdist", ROOT, directory, "*.tar.gz")


def _build(kind: str, source: Path, directory: Path, pattern: str) -> Path:
    _uv("build", kind, "--build-constraint", LOCK, "--out-dir", directory, source)
    [built] = directory.glob(pattern)
    return built


def _uv(*arguments: str | Path) -> None:
    """From uv's cache, which setting up .venv has filled; from the registry only what has been deleted there since."""
    for mode in (("--offline",), ()):
        ended = subprocess.run(
            [_UV, "--quiet", *mode, *arguments], capture_output=True, text=True, timeout=120, check=False
        )
        if ended.returncode == 0:
            return
    raise AssertionError(f"uv {arguments[0]} failed: {ended.stderr}")
