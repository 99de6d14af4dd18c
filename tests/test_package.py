"""What is built from the checkout holds what it needs, and runs where there is no checkout."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import tarfile
import zipfile
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from liqalert.settings import known_keys
from tests.shipping import ROOT, Environment, build_sdist, build_wheel, new_environment

COMMANDS = {
    "--help": "liqalert",
    "check": "no file; defaults and the environment",
    "db upgrade": "The tables have version ",
    "db current": "which is current",
}
"""In this order: each must end well and say this."""
IMPORTED = """
import liqalert, liquidation_hunter, live_liquidation_heatmap
print(liqalert.__file__)
print(liquidation_hunter.LiquidationHunter)
print(live_liquidation_heatmap.LiveLiquidationHeatmap)
"""
OLD_NAMES = ["<class 'liqalert.hunter.LiquidationHunter'>", "<class 'liqalert.live.LiveLiquidationHeatmap'>"]
CONTAINERFILE = (ROOT / "deploy/Containerfile").read_text()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment that has the wheel, and nothing of this checkout."""
    environment = new_environment(tmp_path_factory.mktemp("installed"))
    environment.install(wheel)
    return environment


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_sdist(tmp_path_factory.mktemp("sdist"))


def _contents(wheel: Path) -> dict[str, int]:
    """The files of `wheel` with their checksums."""
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist()}


def test_wheel_holds_migrations_page_type_marker_and_licence(wheel: Path) -> None:
    shipped = {re.sub(r"-[0-9][^/]*\.dist-info/", ".dist-info/", name) for name in _contents(wheel)}

    assert shipped >= {
        "liqalert/__main__.py",
        "liqalert/migrations/env.py",
        "liqalert/migrations/versions/0001_first_tables.py",
        "liqalert/py.typed",
        "liqalert/web/static/index.html",
        "liqalert.dist-info/entry_points.txt",
        "liqalert.dist-info/licenses/LICENSE",
        "liqalert.dist-info/licenses/NOTICE",
    }


def test_notice_names_the_charts_that_the_page_has() -> None:
    with (ROOT / "liqalert/web/static/lightweight-charts.js").open() as script:
        version = re.search(r"v([0-9.]+)\n", script.read(200))

    assert version is not None
    assert f"Lightweight Charts {version[1]} (" in (ROOT / "NOTICE").read_text()


def test_wheel_holds_nothing_that_is_not_liqalert(wheel: Path) -> None:
    """Two modules at top level are liqalert under the names that old scripts import."""
    shipped = _contents(wheel)

    tops = {re.sub(r"-[0-9].*", "", Path(name).parts[0]) for name in shipped}
    assert tops == {"liqalert", "liquidation_hunter.py", "live_liquidation_heatmap.py"}
    assert [name for name in shipped if "__pycache__" in name or name.endswith((".pyc", ".db"))] == []


def test_sdist_holds_what_a_wheel_and_an_image_are_made_of(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        tops = {Path(name).parts[1] for name in archive.getnames()}

    # hatchling adds .gitignore and PKG-INFO by itself.
    assert tops - {".gitignore", "PKG-INFO"} == {
        "CHANGELOG.md",
        "LICENSE",
        "NOTICE",
        "README.md",
        "deploy",
        "liqalert",
        "migrations",
        "pyproject.toml",
        "requirements.lock",
        "settings.example.toml",
    }


def test_wheel_made_from_the_sdist_is_the_same(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    assert _contents(build_wheel(sdist, tmp_path)) == _contents(wheel)


def test_commands_work_where_only_the_package_is(installed: Environment, tmp_path: Path) -> None:
    imported = installed.run("python", "-c", IMPORTED, cwd=tmp_path).stdout.splitlines()
    ended = {command: installed.run("liqalert", *command.split(), cwd=tmp_path) for command in COMMANDS}

    assert Path(imported[0]).is_relative_to(installed.path)
    assert imported[1:] == OLD_NAMES
    assert {command: done.returncode for command, done in ended.items()} == dict.fromkeys(COMMANDS, 0), ended
    assert [command for command, words in COMMANDS.items() if words not in ended[command].stdout] == []


def test_demo_alerts_where_only_the_package_is(installed: Environment, tmp_path: Path) -> None:
    """Ended by its first alert, not after some seconds: where much else runs, they pass before it has begun."""
    with installed.start("liqalert", "demo", "--port", "0", cwd=tmp_path) as demo:
        assert demo.stdout is not None
        alert = next((line for line in demo.stdout if "from a cluster of liquidated" in line), None)
        demo.send_signal(signal.SIGINT)
        rest = demo.stdout.read()

    assert alert is not None
    assert "None of it was real." in rest
    assert demo.returncode == 0


def test_editable_install_runs_the_checkout(tmp_path: Path) -> None:
    environment = new_environment(tmp_path / "environment")
    environment.install("--no-deps", "--editable", ROOT)

    imported = environment.run("python", "-c", IMPORTED, cwd=tmp_path).stdout.splitlines()

    assert imported == [str(ROOT / "liqalert/__init__.py"), *OLD_NAMES]


# ---------------------------------------------------------------- the image, as far as it goes without an engine


def test_image_is_made_of_files_that_exist_and_are_let_through() -> None:
    copied = [
        source.rstrip("/")
        for sources in re.findall(r"^COPY (?!--)(.*) \S+$", CONTAINERFILE, re.MULTILINE)
        for source in sources.split()
    ]
    let_through = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)

    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert sorted(copied) == sorted(let_through)


def test_image_does_not_run_as_root() -> None:
    last_stage = CONTAINERFILE.rpartition("\nFROM ")[2]

    assert re.findall(r"^USER (.*)$", last_stage, re.MULTILINE) == ["10001:10001"]


def test_image_writes_to_its_state_alone() -> None:
    last_stage = CONTAINERFILE.rpartition("\nFROM ")[2]
    compose = (ROOT / "deploy/compose.yaml").read_text()
    state = ["/var/lib/liqalert"]

    assert re.findall(r"^VOLUME (.*)$", last_stage, re.MULTILINE) == state
    assert re.findall(r"^WORKDIR (.*)$", last_stage, re.MULTILINE) == state
    assert re.findall(r"^ +- state:(.*)$", compose, re.MULTILINE) == state
    assert re.findall(r"^    tmpfs: (.*)$", compose, re.MULTILINE) == ["[/tmp]"]
    assert "\n    read_only: true\n" in compose


def test_container_has_no_privileges_and_leaves_no_dump() -> None:
    compose = (ROOT / "deploy/compose.yaml").read_text()

    for line in ("cap_drop: [ALL]", 'security_opt: ["no-new-privileges:true"]', "ulimits: {core: 0}"):
        assert f"\n    {line}\n" in compose
    # Published ports and secrets in the environment are for the operator to add, on purpose.
    assert re.findall(r"^    ports:", compose, re.MULTILINE) == []
    assert re.findall(r"^ +LIQALERT_\w+(?:TOKEN|SECRET):", compose, re.MULTILINE) == []


@pytest.mark.parametrize("given_in", ["environment", "file"])
@pytest.mark.parametrize(("status", "exit_code"), [(200, 0), (503, 1)])
async def test_health_check_of_the_image_says_what_healthz_says(
    status: int, exit_code: int, given_in: str, tmp_path: Path
) -> None:
    [check] = re.findall(r"^HEALTHCHECK .*\\\n +CMD (.*)$", CONTAINERFILE, re.MULTILINE)
    python, *arguments = msgspec.json.decode(check, type=list[str])
    app = web.Application()

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status)

    app.router.add_get("/healthz", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    if given_in == "environment":
        environ["LIQALERT_WEB__PORT"] = str(port)
    else:
        tmp_path.joinpath("settings.toml").write_text(f"[web]\nport = {port}\n")

    asked = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=tmp_path, env=environ, stderr=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(60):
        ended = await asked.wait()
    await runner.cleanup()

    assert python == "python"
    assert ended == exit_code


def test_compose_file_builds_our_image_and_names_settings_that_exist() -> None:
    compose = (ROOT / "deploy/compose.yaml").read_text()
    context = re.findall(r"context: (.*)", compose)
    dockerfile = re.findall(r"dockerfile: (.*)", compose)
    named = {name.lower().replace("__", ".") for name in re.findall(r"LIQALERT_(\w+):", compose)}

    assert (ROOT / "deploy" / context[0]).resolve() == ROOT
    assert (ROOT / dockerfile[0]).exists()
    assert named
    assert named - set(known_keys()) == set()
