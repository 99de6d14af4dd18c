from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from liqalert.ports import StorageError
from liqalert.storage.database import Database
from liqalert.storage.schema import SchemaOutdated, current_revision, head, migrate, migrations_path, prepare, upgrade
from liqalert.storage.tables import METADATA


def _differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), METADATA))


def _tables(connection: Connection) -> list[str]:
    return sorted(inspect(connection).get_table_names())


async def test_migrations_go_up_down_and_up_again(empty_url: str) -> None:
    async with Database(empty_url) as database:
        await migrate(database)
        await migrate(database, "base")

        assert await current_revision(database) is None
        async with database.read("test") as connection:
            assert await connection.run_sync(_tables) == ["alembic_version"]

        await migrate(database)

        assert await current_revision(database) == "0004"


async def _execute(database: Database, *statements: str) -> None:
    async with database.write("test") as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)


async def _rows(database: Database, query: str) -> list[tuple[object, ...]]:
    async with database.read("test") as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


async def test_an_upgrade_keeps_what_the_first_version_held(empty_url: str) -> None:
    """Of the deliveries, the first was sent, the second told late in a list, the third is still due."""
    delivery = "INSERT INTO deliveries (alert_id, chat_id, silent, attempts, created_at, "
    async with Database(empty_url) as database:
        await migrate(database, "0001")
        await _execute(
            database,
            "INSERT INTO chats (id, channel, address, listed_as, role, added_at) "
            "VALUES (1, 'telegram', '7', '7', 'owner', 5)",
            *(
                f"INSERT INTO alerts (id, kind, decided_at, reason, content) VALUES ('{id_}', 'near', 5, 'r', '{{}}')"
                for id_ in "abc"
            ),
            f"{delivery}status, updated_at, message_id) VALUES ('a', 1, false, 1, 5, 'sent', 6, '99')",
            f"{delivery}status, updated_at, message_id, error) VALUES ('b', 1, false, 1, 5, 'sent', 7, '98', 'late')",
            f"{delivery}status, updated_at, due_at) VALUES ('c', 1, true, 0, 5, 'due', 8, 9)",
            "INSERT INTO rules (id, kind, distance_pct, min_strength) VALUES ('near:*:1:0.6', 'near', 1, 0.6)",
            "INSERT INTO subscriptions (chat_id, rule_id, loudness, from_default, since) "
            "VALUES (1, 'near:*:1:0.6', 'loud', true, 5)",
            "INSERT INTO baselines (exchange, symbol, liquidated, day, bins) VALUES ('b', 's', 'long', 'd', '[]')",
        )

        await migrate(database)

        deliveries = "SELECT alert_id, status, sent_at, message_id, due_at, final FROM deliveries ORDER BY id"
        assert await _rows(database, deliveries) == [
            ("a", "sent", 6.0, "99", None, False),
            ("b", "sent", 7.0, "98", None, True),
            ("c", "due", None, None, 9.0, False),
        ]
        untold = "SELECT DISTINCT in_digest, shown, amend_at, amend_attempts FROM deliveries"
        assert await _rows(database, untold) == [(False, None, None, 0)]
        assert await _rows(database, "SELECT id, min_usd FROM rules") == [("near:*:1:0.6", 0.0)]
        assert await _rows(database, "SELECT role, paired, preferences FROM chats") == [("owner", False, None)]
        assert await _rows(database, "SELECT loudness, from_default FROM subscriptions") == [("loud", True)]
        assert await _rows(database, "SELECT bins, flow_bins FROM baselines") == [("[]", None)]


async def test_a_downgrade_leaves_what_the_first_version_understands(empty_url: str) -> None:
    delivery = "INSERT INTO deliveries (alert_id, chat_id, silent, status, attempts, created_at, due_at, updated_at) "
    async with Database(empty_url) as database:
        await migrate(database)
        await _execute(
            database,
            "INSERT INTO chats (id, channel, address, listed_as, role, added_at) "
            "VALUES (1, 'telegram', '7', '7', 'owner', 5)",
            "INSERT INTO alerts (id, kind, decided_at, reason, content) VALUES ('a', 'near', 5, 'r', '{}')",
            "INSERT INTO alerts (id, kind, decided_at, reason, content) VALUES ('c', 'cascade', 5, 'r', '{}')",
            f"{delivery}VALUES ('a', 1, true, 'held', 0, 5, 9, 6)",
            f"{delivery}VALUES ('c', 1, true, 'due', 0, 5, 9, 6)",
            "INSERT INTO attempts (delivery_id, at) SELECT id, 6 FROM deliveries",
            "INSERT INTO mutes (chat_id, exchange, symbol, until) VALUES (1, '', '', 9)",
            "INSERT INTO rules (id, kind, distance_pct, min_strength) VALUES ('near:*:1:0.6', 'near', 1, 0.6)",
            "INSERT INTO rules (id, kind, distance_pct, min_strength) VALUES ('cascade:*:0.6', 'cascade', 0, 0.6)",
            "INSERT INTO subscriptions (chat_id, rule_id, loudness, from_default, since) "
            "SELECT 1, id, 'loud', false, 5 FROM rules",
        )

        for _ in range(3):
            await migrate(database, "-1")

        assert await current_revision(database) == "0001"
        assert await _rows(database, "SELECT alert_id, status, due_at FROM deliveries") == [("a", "due", 9.0)]
        assert await _rows(database, "SELECT id FROM alerts") == [("a",)]
        assert await _rows(database, "SELECT rule_id FROM subscriptions") == [("near:*:1:0.6",)]
        assert await _rows(database, "SELECT id FROM rules") == [("near:*:1:0.6",)]

        await migrate(database)

        assert await _rows(database, "SELECT alert_id, status, sent_at FROM deliveries") == [("a", "due", None)]


async def test_tables_in_the_code_match_the_newest_migration(database: Database) -> None:
    async with database.write("test") as connection:
        assert await connection.run_sync(_differences) == []


async def test_all_tables_of_the_contract_exist(database: Database) -> None:
    async with database.read("test") as connection:
        assert await connection.run_sync(_tables) == [
            "alembic_version",
            "alerts",
            "attempts",
            "baselines",
            "candles",
            "chats",
            "clusters",
            "deliveries",
            "episodes",
            "feed_gaps",
            "feed_heartbeats",
            "liquidations",
            "mutes",
            "pairing_codes",
            "rules",
            "starts",
            "subscriptions",
            "transitions",
        ]


async def test_a_new_database_gets_its_tables(empty_url: str) -> None:
    async with Database(empty_url) as database:
        assert await current_revision(database) is None

        await prepare(database)

        assert await current_revision(database) == head()


async def test_a_present_database_is_left_alone(database: Database) -> None:
    await prepare(database)

    assert await current_revision(database) == head()


async def test_an_outdated_database_is_refused_with_the_command_that_helps(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("liqalert.storage.schema.head", lambda: "0005")

    with pytest.raises(SchemaOutdated, match=r"version 0004, this liqalert needs 0005: run `liqalert db upgrade`"):
        await prepare(database)


async def test_a_database_of_a_newer_liqalert_is_refused(full_url: str) -> None:
    async with Database(full_url) as database:
        async with database.write("test") as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

        with pytest.raises(SchemaOutdated, match=r"newer liqalert \(version 9999\)"):
            await prepare(database)


async def test_upgrading_a_database_of_a_newer_liqalert_is_a_storage_error(full_url: str) -> None:
    async with Database(full_url) as database:
        async with database.write("test") as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

        with pytest.raises(StorageError, match="upgrading the tables failed"):
            await migrate(database)


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    async with Database(f"sqlite+aiosqlite:///{tmp_path}/absent/liqalert.db") as database:
        with pytest.raises(StorageError, match=r"there is no directory .*/absent: create it"):
            await prepare(database)


def test_upgrade_runs_without_a_loop(tmp_path: Path) -> None:
    upgrade(f"sqlite+aiosqlite:///{tmp_path}/liqalert.db")

    assert (tmp_path / "liqalert.db").stat().st_size > 0


def test_migrations_are_found_beside_the_package_in_a_checkout(tmp_path: Path) -> None:
    assert migrations_path(tmp_path / "liqalert") == tmp_path / "migrations"


def test_migrations_are_found_inside_an_installed_package(tmp_path: Path) -> None:
    inside = tmp_path / "liqalert" / "migrations"
    inside.mkdir(parents=True)
    (inside / "env.py").touch()

    assert migrations_path(tmp_path / "liqalert") == inside


async def test_gaps_of_one_stream_come_and_go_with_the_third_version(empty_url: str) -> None:
    async with Database(empty_url) as database:
        await migrate(database, "0002")
        await _execute(database, "INSERT INTO feed_gaps (exchange, start_at, cause) VALUES ('binance', 5, 'closed')")
        await migrate(database)
        await _execute(
            database,
            "INSERT INTO feed_gaps (exchange, start_at, cause, stream) VALUES ('binance', 5, 'mute', 'liquidations')",
        )

        streams = "SELECT stream, cause FROM feed_gaps ORDER BY id"
        assert await _rows(database, streams) == [("all", "closed"), ("liquidations", "mute")]

        for _ in range(2):
            await migrate(database, "-1")

        assert await _rows(database, "SELECT cause FROM feed_gaps") == [("closed",)]


async def test_how_far_price_went_is_a_price_from_the_fourth_version_on(empty_url: str) -> None:
    """As the zone stands: from above and from below, and where the zone is no more."""
    zone = (
        "INSERT INTO clusters (id, cluster_id, exchange, symbol, liquidated, basis, low, high, strength, notional_usd, "
        "count, opened_at, peak_at, baseline, outside) VALUES ('{0}', 'c', 'e', 's', 'long', 'realised', 100, 101, 1, "
        "1, 1, 5, 5, '{{}}', '{0}')"
    )
    episode = (
        "INSERT INTO episodes (id, rule_id, rule, zone_id, state, since, touched, closest_pct) "
        "VALUES ('{0}', 'r', '{{}}', '{0}', 'near', 5, false, 1)"
    )
    async with Database(empty_url) as database:
        await migrate(database, "0003")
        await _execute(
            database, *map(zone.format, ("above", "below")), *map(episode.format, ("above", "below", "gone"))
        )

        await migrate(database)

        furthest = await _rows(database, "SELECT furthest FROM episodes ORDER BY id")
        assert furthest == [(pytest.approx(101 / 0.99),), (pytest.approx(100 / 1.01),), (None,)]

        await migrate(database, "-1")

        closest = await _rows(database, "SELECT closest_pct FROM episodes ORDER BY id")
        assert closest == [(pytest.approx(1.0),), (pytest.approx(1.0),), (None,)]


async def test_the_price_that_is_worked_out_is_the_one_that_was_seen(empty_url: str) -> None:
    """The third version kept of a mark of 99.5, below a zone that begins at 100, that it was 0.5025... % away."""
    async with Database(empty_url) as database:
        await migrate(database, "0003")
        await _execute(
            database,
            "INSERT INTO clusters (id, cluster_id, exchange, symbol, liquidated, basis, low, high, strength, "
            "notional_usd, count, opened_at, peak_at, baseline, outside) "
            "VALUES ('z', 'c', 'e', 's', 'long', 'realised', 100, 101, 1, 1, 1, 5, 5, '{}', 'below')",
            "INSERT INTO episodes (id, rule_id, rule, zone_id, state, since, touched, closest_pct) "
            "VALUES ('e', 'r', '{}', 'z', 'near', 5, false, 0.5025125628140703)",
        )

        await migrate(database)

        assert await _rows(database, "SELECT furthest FROM episodes") == [(99.5,)]


def test_the_version_of_the_tables_is_where_alembic_arrives() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_path()))

    assert head() == ScriptDirectory.from_config(config).get_current_head()
