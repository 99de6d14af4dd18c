from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from liqalert.app.check import check
from liqalert.ports import Role
from liqalert.settings import load_settings
from liqalert.storage.database import Database
from liqalert.storage.enrolment import Enrolments
from liqalert.storage.schema import migrate

TOKEN = "123456789:AAE-not_a_real_token"


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def _findings(**environ: str) -> tuple[list[str], list[str]]:
    """What is fine and what is a problem."""
    settings = load_settings(None, {f"LIQALERT_{name}": value for name, value in environ.items()})
    found = [finding async for finding in check(settings)]
    fine = [f"{item.subject} {item.text}" for item in found if item.ok]
    return fine, [f"{item.subject} {item.text}" for item in found if not item.ok]


async def _database(path: Path) -> None:
    async with Database(f"sqlite+aiosqlite:///{path}") as database:
        await migrate(database)


async def test_nothing_configured_and_no_database_is_fine_and_creates_nothing(empty_directory: Path) -> None:
    fine, problems = await _findings()

    assert problems == []
    assert fine[-1].endswith("liqalert.db does not exist yet: `liqalert run` creates it")
    assert list(empty_directory.iterdir()) == []


async def test_page_for_others_without_a_token_is_a_problem() -> None:
    open_to_all = load_settings(None, {"LIQALERT_WEB__HOST": "0.0.0.0"}, serves=False)

    problems = [finding async for finding in check(open_to_all) if not finding.ok]

    [found] = problems
    assert found.subject == "web.host"
    assert found.text.startswith("is 0.0.0.0, which others can reach: give web.token as well, or keep 127.0.0.1")


@pytest.mark.parametrize(
    ("reached", "length", "is_problem"),
    [
        ({"HOST": "0.0.0.0"}, 15, True),
        ({"PUBLIC_URL": "https://liqalert.example.org"}, 15, True),
        ({"HOST": "0.0.0.0"}, 16, False),
        ({"HOST": "::1"}, 3, False),
        ({"HOST": "0.0.0.0", "ENABLED": "false"}, 3, False),
    ],
)
async def test_token_that_others_can_guess_is_a_problem(reached: dict[str, str], length: int, is_problem: bool) -> None:
    environ = {f"LIQALERT_WEB__{name}": value for name, value in reached.items()}
    settings = load_settings(None, environ | {"LIQALERT_WEB__TOKEN": "x" * length})

    problems = [finding async for finding in check(settings) if not finding.ok]

    assert [(found.subject, "xxx" in found.text) for found in problems] == [("web.token", False)] * is_problem


async def test_current_and_sound_database_is_fine(empty_directory: Path) -> None:
    await _database(empty_directory / "liqalert.db")

    fine, problems = await _findings()

    assert problems == []
    assert fine[-2:] == [
        "database.url has tables of version 0004, which is current",
        "database.url passes SQLite's quick check",
    ]


async def test_outdated_tables_are_a_problem_with_the_command_that_helps(empty_directory: Path) -> None:
    await _database(empty_directory / "liqalert.db")
    with closing(sqlite3.connect("liqalert.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")

    _, problems = await _findings()

    assert problems == ["database.url has tables of version 0001, not 0004: run `liqalert db upgrade`"]


async def test_damaged_file_is_a_problem_with_the_command_that_helps(empty_directory: Path) -> None:
    path = empty_directory / "liqalert.db"
    await _database(path)
    content = bytearray(path.read_bytes())
    content[4096:-4096] = b"\xff" * (len(content) - 8192)
    path.write_bytes(content)

    _, problems = await _findings()

    assert len(problems) == 1
    assert "`liqalert db restore FILE`" in problems[0]


async def test_file_that_is_no_database_is_a_problem(empty_directory: Path) -> None:
    empty_directory.joinpath("liqalert.db").write_text("no database" * 100)

    _, problems = await _findings()

    assert "file is not a database" in problems[0]


async def test_directory_that_cannot_be_written_is_a_problem(empty_directory: Path) -> None:
    empty_directory.joinpath("file").touch()

    _, problems = await _findings(
        DATABASE__URL=f"sqlite+aiosqlite:///{empty_directory}/file/liqalert.db", RECORDING__DIRECTORY="file/frames"
    )

    assert [problem.partition(" ")[0] for problem in problems] == ["recording.directory", "database.url"]
    assert all(problem.endswith("cannot be written: give another place, or change its owner") for problem in problems)


async def test_token_of_the_wrong_form_is_a_problem_and_is_not_shown() -> None:
    _, problems = await _findings(TELEGRAM__TOKEN="geheim")

    assert problems == ["telegram.token is not of the form 123456789:AA...: copy it again from @BotFather"]


async def test_token_with_nobody_to_tell_is_a_problem(empty_directory: Path) -> None:
    _, problems = await _findings(TELEGRAM__TOKEN=TOKEN)

    assert problems == ["telegram.allowed_chats is empty, so nobody is told: run `liqalert pair`"]


async def test_a_chat_that_was_paired_is_somebody_to_tell(empty_directory: Path) -> None:
    await _database(empty_directory / "liqalert.db")
    async with Database(f"sqlite+aiosqlite:///{empty_directory}/liqalert.db") as database:
        enrolments = Enrolments(database)
        await enrolments.offer("ABCDEFGHJK", Role.USER, expires_at=2.0, now=1.0)
        await enrolments.redeem("ABCDEFGHJK", "telegram", "77", 1.0)

    fine, problems = await _findings(TELEGRAM__TOKEN=TOKEN)

    assert problems == []
    assert "telegram.allowed_chats is empty, and 1 chat is enrolled with the bot" in fine


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # what Apprise imports
async def test_other_channels_are_named_without_their_secrets(empty_directory: Path) -> None:
    fine, problems = await _findings(WEBHOOK__URL="https://hooks.test/geheim", APPRISE__URLS="ntfys://geheim/topic")

    said = "\n".join(fine)
    assert problems == []
    assert "webhook.url is set, not signed: set webhook.secret" in said
    assert "apprise.urls alerts also go to ntfys-" in said
    assert "geheim" not in said


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # what Apprise imports
async def test_an_address_that_apprise_cannot_use_is_a_problem(empty_directory: Path) -> None:
    """Each alert to it would be given up."""
    fine, problems = await _findings(APPRISE__URLS="ntfys://ntfy.test/topic, bogus://geheim, discord://geheim")

    remedy = "write it as Apprise's documents say"
    assert problems == [
        f"apprise.urls apprise: bogus-97001486 is no address that Apprise can use (number 2 of 3): {remedy}",
        f"apprise.urls apprise: discord-230fbe52 is no address that Apprise can use (number 3 of 3): {remedy}",
    ]
    assert "apprise.urls alerts also go to ntfys-15f08bd4" in fine
    assert "geheim" not in "\n".join((*fine, *problems))


async def test_server_database_is_left_to_the_online_check() -> None:
    fine, problems = await _findings(DATABASE__URL="postgresql+asyncpg://liqalert@127.0.0.1:9/liqalert")

    assert problems == []
    assert fine[-1] == "database.url is a server: `liqalert check --online` looks at it"


async def test_directory_of_the_database_that_does_not_exist_is_a_problem(empty_directory: Path) -> None:
    """Nothing makes it: the daemon would refuse to start."""
    fine, problems = await _findings(DATABASE__URL="sqlite+aiosqlite:///elsewhere/liqalert.db")

    assert problems == [f"database.url there is no directory {empty_directory / 'elsewhere'}: create it"]
    assert not any("database.url" in finding for finding in fine)
