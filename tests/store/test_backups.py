"""A shard's database as files, and back."""

from __future__ import annotations

import json
import os
import shlex
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from omega_core.errors import OmegaError
from omega_store import Store, audit, backup, backup_manifest, pushes, resources, states
from omega_store.migrate import pending
from omega_store.resources import ResourceKind
from omega_store.threshold_intake import ReportInbox, issue, note_randomness_keys
from omega_testing.fleet import NOW, patterns, push, registered
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.published import publish

THRESHOLD = (
    "threshold_inbox",
    "threshold_spent",
    "threshold_issued",
    "threshold_randomness",
)


@pytest.fixture
def pg_bin(postgres: EmbeddedPostgres) -> Path:
    return postgres.programs


@pytest.fixture
def direct_url(_reused_database_url: str) -> str:
    """Past a proxy that pools transactions, where the run has one."""
    return _reused_database_url


@pytest.fixture
def other_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    name = f"restored_{uuid.uuid4().hex}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture
def filled(store: Store) -> Store:
    """Devices, pushes, two states and two versions of factors."""
    for device_id in registered(store, 3):
        with store.transaction() as conn:
            pushes.store(conn, [push(device_id)], NOW)
    publish(store, patterns(3), factors=b"one")
    publish(store, patterns(1, seed=7), factors=b"two")
    return store


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as conn:
        return conn.execute(statement.encode()).fetchall()


def refused(caught: pytest.ExceptionInfo[OmegaError]) -> tuple[str, str]:
    return caught.value.field, caught.value.bound


def test_what_was_there_is_there_and_later_versions_keep_clear_of_what_was_given_out(
    filled: Store, direct_url: str, other_url: str, pg_bin: Path, tmp_path: Path
) -> None:
    made = backup.create(direct_url, tmp_path / "b", actor="ada", pg_bin=pg_bin)
    assert (made.counts["devices"], made.counts["pushes"], made.state_version) == (3, 3, 2)
    # Not in it: the instant of the backup was before.
    registered(filled, 1)
    assert backup_manifest.verify(tmp_path / "b") == made
    assert backup.restore(tmp_path / "b", other_url, actor="eve", pg_bin=pg_bin) == made
    for table in ("pushes", "global_patterns", "resources", "rounds"):
        statement = f"TABLE {table} ORDER BY 1, 2"
        assert rows(other_url, statement) == rows(direct_url, statement), table
    assert rows(other_url, "SELECT sum(welcome) FROM device_counts") == [(3,)]
    assert pending(other_url) == ()
    with Store.connect(other_url) as restored:
        with restored.transaction() as conn:
            assert states.current(conn).version == backup.VERSION_GAP + 2
            first = audit.entries(conn, 0, 5)[0]
            assert (first.actor, first.action, first.subject) == (
                "eve",
                "RestoreBackup",
                made.dump_sha256,
            )
            # An earlier state is the same in both; a TV with the backup's own or with one that was
            # given out since starts from nothing.
            for held, base, new in ((1, 1, 1), (2, 0, 4), (5, 0, 4)):
                step = states.step(conn, held)
                assert (step.base_version, len(step.patterns)) == (base, new), held
            following = resources.following_version(conn, ResourceKind.FACTORS)
            assert following == backup.VERSION_GAP + 3
        assert publish(restored, patterns(1, seed=9)).state_version == backup.VERSION_GAP + 3
    with filled.transaction() as conn:
        assert [e.action for e in audit.entries(conn, 0, 5)] == ["CreateBackup"]


def test_reports_and_tokens_are_those_of_the_backup_and_what_came_since_is_forgotten(
    store: Store, direct_url: str, other_url: str, pg_bin: Path, tmp_path: Path
) -> None:
    (device,) = registered(store, 1)
    inbox = ReportInbox(store)
    moved, kept, later = ((os.urandom(32), os.urandom(118)) for _ in range(3))
    inbox.spend(7, *moved)
    with store.transaction() as conn:
        conn.execute("DELETE FROM threshold_inbox")
        issue(conn, device, str(uuid.uuid4()), 7, [bytes(32)] * 3, 5)
        note_randomness_keys(conn, {7: bytes(32)})
    inbox.spend(7, *kept)
    before = {t: rows(direct_url, f"TABLE {t}") for t in THRESHOLD}
    backup.create(direct_url, tmp_path / "b", pg_bin=pg_bin)
    inbox.spend(7, *later)
    with store.transaction() as conn:
        issue(conn, device, str(uuid.uuid4()), 7, [bytes(32)] * 2, 5)
    backup.restore(tmp_path / "b", other_url, pg_bin=pg_bin)
    assert {t: rows(other_url, f"TABLE {t}") for t in THRESHOLD} == before
    assert all(before.values())
    with Store.connect(other_url) as restored:
        again = ReportInbox(restored)
        # The report that came since is gone, and its number is good once more.
        taken = [again.spend(7, *each) for each in (moved, kept, later)]
        assert taken == [False, False, True]
        with restored.transaction() as conn:
            assert issue(conn, device, str(uuid.uuid4()), 7, [bytes(32)] * 2, 5) == 0
            conn.execute("DELETE FROM threshold_inbox")
        assert len(rows(other_url, "TABLE threshold_spent")) == 3
        assert again.spend(7, *later) is False


def test_a_backup_whose_making_cannot_be_noted_is_none(
    filled: Store, direct_url: str, pg_bin: Path, tmp_path: Path
) -> None:
    with psycopg.connect(direct_url, autocommit=True) as conn:
        conn.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN RAISE EXCEPTION ''the log is full''; END'"
        )
        conn.execute("CREATE TRIGGER refuse BEFORE INSERT ON audit EXECUTE FUNCTION refuse()")
        try:
            with pytest.raises(psycopg.errors.RaiseException, match="the log is full"):
                backup.create(direct_url, tmp_path / "b", pg_bin=pg_bin)
        finally:
            conn.execute("DROP FUNCTION refuse() CASCADE")
    assert list(tmp_path.iterdir()) == []
    assert backup.create(direct_url, tmp_path / "b", pg_bin=pg_bin).counts["devices"] == 3
    del filled


def test_a_restore_outlasts_the_connection_that_it_began_with(
    one_backup: Path, other_url: str, pg_bin: Path, tmp_path: Path
) -> None:
    cut = (
        "import psycopg, sys; psycopg.connect(sys.argv[1], autocommit=True).execute('SELECT"
        " pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()')"
    )
    for name, last in (("pg_dump", ""), ("pg_restore", f'{sys.executable} -c "$CUT" "$URL"')):
        # What a firewall does to a connection that is silent for an hour.
        tool = tmp_path / name
        tool.write_text(
            f"#!/bin/sh\nCUT={shlex.quote(cut)}\nURL={shlex.quote(other_url)}\n"
            f'{pg_bin / name} "$@" || exit\ncase "$*" in *--use-list*) {last};; esac\n'
        )
        tool.chmod(0o755)
    restored = backup.restore(one_backup, other_url, actor="ada", pg_bin=tmp_path)
    assert rows(other_url, "SELECT actor, subject FROM audit") == [("ada", restored.dump_sha256)]


def test_without_the_gap_a_version_would_be_given_out_again(
    filled: Store, direct_url: str, other_url: str, pg_bin: Path, tmp_path: Path
) -> None:
    backup.create(direct_url, tmp_path / "b", pg_bin=pg_bin)
    given_out = publish(filled, patterns(1, seed=11)).state_version
    backup.restore(tmp_path / "b", other_url, pg_bin=pg_bin, keep_versions=True)
    with Store.connect(other_url) as restored:
        again = publish(restored, patterns(1, seed=12)).state_version
        assert again == given_out
    # So whoever puts Postgres back in another way leaves the gap apart.
    backup.advance(other_url, actor="ada")
    with Store.connect(other_url) as restored:
        assert publish(restored, patterns(1, seed=13)).state_version > backup.VERSION_GAP


def test_a_database_in_use_and_a_folder_that_is_there_are_left_alone(
    filled: Store, direct_url: str, pg_bin: Path, tmp_path: Path
) -> None:
    backup.create(direct_url, tmp_path / "b", pg_bin=pg_bin)
    with pytest.raises(OmegaError) as caught:
        backup.restore(tmp_path / "b", direct_url, pg_bin=pg_bin)
    assert refused(caught)[0] == "the database"
    assert rows(direct_url, "SELECT count(*) FROM devices") == [(3,)]
    with pytest.raises(OmegaError) as caught:
        backup.create(direct_url, tmp_path / "b", pg_bin=pg_bin)
    assert refused(caught)[0] == "the folder"
    del filled


def test_what_is_not_as_the_manifest_says_is_not_a_shards_database(
    filled: Store, direct_url: str, other_url: str, pg_bin: Path, tmp_path: Path
) -> None:
    backup.create(direct_url, tmp_path / "b", pg_bin=pg_bin)
    file = tmp_path / "b" / backup_manifest.MANIFEST
    told = json.loads(file.read_text("utf-8"))
    told["counts"]["pushes"] += 1
    file.write_text(json.dumps(told))
    with pytest.raises(OmegaError) as caught:
        backup.restore(tmp_path / "b", other_url, pg_bin=pg_bin)
    assert refused(caught) == (
        "what was restored",
        "what the manifest says; rows differ in pushes",
    )
    # A constellation that is started on it by mistake finds no schema that it knows.
    assert rows(other_url, "SELECT * FROM schema_migrations") == []
    del filled


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"form": 2}, "the backup"),
        ({"dump_bytes": 1}, "the backup"),
        ({"schema": {"9999_later": "00"}}, "the backup"),
        ({"dialect": "ruvector"}, "OMEGA_STORE_DIALECT"),
        ({"postgres": 99}, "the database"),
        ({"tools": 99}, "--pg-bin"),
        ({"more": 1}, "the backup"),
        ({"counts": {"devices": "0"}}, "the backup"),
    ],
)
def test_a_backup_of_another_kind_is_refused_before_anything_is_done(
    change: dict[str, object],
    field: str,
    one_backup: Path,
    other_url: str,
    pg_bin: Path,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "changed"
    folder.mkdir()
    (folder / backup_manifest.DUMP).write_bytes((one_backup / backup_manifest.DUMP).read_bytes())
    told = json.loads((one_backup / backup_manifest.MANIFEST).read_text("utf-8"))
    (folder / backup_manifest.MANIFEST).write_text(json.dumps(told | change))
    with pytest.raises(OmegaError) as caught:
        backup.restore(folder, other_url, pg_bin=pg_bin)
    assert refused(caught)[0] == field
    assert rows(other_url, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'") == []


@pytest.fixture(scope="module")
def one_backup(
    postgres: EmbeddedPostgres,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Of a shard without rows."""
    folder = tmp_path_factory.mktemp("backup") / "b"
    name = f"backed_up_{uuid.uuid4().hex}"
    url = postgres.create_database(name, template_database)
    backup.create(url, folder, pg_bin=postgres.programs)
    postgres.drop_database(name)
    return folder


def test_a_damaged_dump_is_found(one_backup: Path, tmp_path: Path) -> None:
    assert backup_manifest.verify(one_backup).counts["devices"] == 0
    assert (one_backup / backup_manifest.DUMP).stat().st_mode & 0o077 == 0
    body = bytearray((one_backup / backup_manifest.DUMP).read_bytes())
    body[len(body) // 2] ^= 1
    (tmp_path / backup_manifest.DUMP).write_bytes(body)
    (tmp_path / backup_manifest.MANIFEST).write_bytes(
        (one_backup / backup_manifest.MANIFEST).read_bytes()
    )
    with pytest.raises(OmegaError) as caught:
        backup_manifest.verify(tmp_path)
    assert "whole" in refused(caught)[1]


def test_tools_that_are_missing_or_too_old_are_named(
    one_backup: Path, other_url: str, tmp_path: Path
) -> None:
    for version in ("", "9.6"):
        for name in ("pg_dump", "pg_restore"):
            if version:
                (tmp_path / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
                (tmp_path / name).chmod(0o755)
        with pytest.raises(OmegaError) as caught:
            backup.restore(one_backup, other_url, pg_bin=tmp_path)
        assert refused(caught)[0] == "--pg-bin"


def test_a_database_that_is_no_shards_is_not_backed_up(
    other_url: str, pg_bin: Path, tmp_path: Path
) -> None:
    with pytest.raises(OmegaError) as caught:
        backup.create(other_url, tmp_path / "b", pg_bin=pg_bin)
    assert refused(caught)[0] == "the database"
    assert not (tmp_path / "b").exists()
    with pytest.raises(OmegaError) as caught:
        backup.advance(other_url)
    assert refused(caught)[0] == "the database"
