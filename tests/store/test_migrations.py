"""Migrations: once each, whoever runs them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from omega_core.content import Content, ContentKind
from omega_core.errors import ErrorCode, OmegaError
from omega_store import MigrationError, Store, contents, dialect, migrate, pending, pushes
from omega_store.migrate import migrations
from omega_testing.fleet import vectors


def test_an_empty_database_lacks_every_migration(empty_database_url: str) -> None:
    assert pending(empty_database_url) == tuple(m.name for m in migrations())


def test_migrations_are_numbered_without_gaps() -> None:
    assert [m.number for m in migrations()] == list(range(1, len(migrations()) + 1))


def test_migrating_twice_applies_once(empty_database_url: str) -> None:
    assert migrate(empty_database_url) == tuple(m.name for m in migrations())
    assert migrate(empty_database_url) == ()
    assert pending(empty_database_url) == ()


def test_concurrent_migrators_apply_each_migration_once(empty_database_url: str) -> None:
    with ThreadPoolExecutor(6) as threads:
        applied = list(threads.map(migrate, [empty_database_url] * 6))
    assert sorted(sum(applied, ())) == [m.name for m in migrations()]


@pytest.fixture
def first_release_url(empty_database_url: str) -> str:
    """A database that the first release migrated and filled, as it would."""
    first = migrations()[0]
    with psycopg.connect(empty_database_url) as conn:
        conn.execute(f"CREATE EXTENSION {dialect.EXTENSION}".encode())
        conn.execute(
            "CREATE TABLE schema_migrations (number integer PRIMARY KEY, name text NOT NULL,"
            " sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        conn.execute(dialect.render(first.text).encode())
        conn.execute(
            "INSERT INTO schema_migrations VALUES (%s, %s, %s)",
            (first.number, first.name, first.sha256),
        )
        add_title_as_the_first_release(conn, 0)
        push_as_the_first_release(conn, 0)
    return empty_database_url


def push_as_the_first_release(conn: psycopg.Connection, number: int) -> None:
    device_id = f"tv-{number:032x}"
    conn.execute(
        "INSERT INTO devices (device_id, request_id, platform, app_version, registered_at)"
        " VALUES (%s, gen_random_uuid(), '', '', now()) ON CONFLICT DO NOTHING",
        (device_id,),
    )
    conn.execute(
        "INSERT INTO pushes"
        " (device_id, request_id, model_version, sketches, classes, count, received_at)"
        " VALUES (%s, gen_random_uuid(), 'm', %s, %s, 1, now())",
        (device_id, bytes([number]) * 48, bytes(1)),
    )


def add_title_as_the_first_release(conn: psycopg.Connection, ordinal: int) -> None:
    conn.execute(
        "INSERT INTO contents (ordinal, content_id, title, kind, genres, year, country,"
        " description, providers, model_version, embedding, changed_version, updated_at)"
        " VALUES (%s, %s, 'T', 1, '{}', 0, '', '', '[]', 'm', %s, 1, now())",
        (ordinal, f"t{ordinal}", dialect.dump(vectors(1)[0])),
    )


def test_a_filled_database_is_upgraded_and_the_release_before_works_on(
    first_release_url: str,
) -> None:
    assert migrate(first_release_url) == tuple(m.name for m in migrations()[1:])
    with psycopg.connect(first_release_url) as conn:
        add_title_as_the_first_release(conn, 1)
        push_as_the_first_release(conn, 1)
    with Store.connect(first_release_url) as store, store.snapshot() as conn:
        found = list(contents.catalogue(conn))
        pushed = list(pushes.iterate(conn, "m"))
    assert [(each.sketches, each.sigma_hundredths) for each in pushed] == [
        (bytes([number]) * 48, 0) for number in range(2)
    ], "a push that states no noise scale stays one"
    assert [row.content for row in found] == [
        Content(f"t{i}", "T", ContentKind.MOVIE) for i in range(2)
    ]


def test_an_upgrade_behind_a_long_transaction_gives_way_and_is_tried_again(
    first_release_url: str,
) -> None:
    with psycopg.connect(first_release_url) as reader:
        reader.execute("SELECT count(*) FROM contents")
        with pytest.raises(OmegaError) as caught:
            migrate(first_release_url)
        assert caught.value.code == ErrorCode.STORAGE_UNAVAILABLE
        with psycopg.connect(first_release_url) as conn:
            conn.execute("SET lock_timeout = '1s'")
            add_title_as_the_first_release(conn, 1)
    assert migrate(first_release_url) == tuple(m.name for m in migrations()[1:])


def test_a_changed_migration_is_refused(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as conn:
        conn.execute("UPDATE schema_migrations SET sha256 = 'other' WHERE number = 1")
    with pytest.raises(MigrationError, match="0001_shard differs"):
        migrate(empty_database_url)
    with pytest.raises(MigrationError, match="0001_shard differs"):
        pending(empty_database_url)


def test_a_failed_migration_leaves_nothing_behind(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as conn:
        conn.execute("CREATE TABLE global_patterns (in_the_way integer)")
    with pytest.raises(psycopg.errors.DuplicateTable):
        migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as conn:
        assert conn.execute("SELECT to_regclass('devices')").fetchone() == (None,)
        conn.execute("DROP TABLE global_patterns")
    assert migrate(empty_database_url) == tuple(m.name for m in migrations())


def test_a_database_of_a_newer_release_lacks_nothing(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as conn:
        conn.execute("INSERT INTO schema_migrations VALUES (9999, '9999_later', 'x')")
    assert pending(empty_database_url) == ()
    assert migrate(empty_database_url) == ()


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(OmegaError) as caught:
        migrate("postgresql://postgres@127.0.0.1:1/postgres")
    assert caught.value.code == ErrorCode.STORAGE_UNAVAILABLE
