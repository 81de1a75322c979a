"""The inbox becomes partitioned under a live shard, and the release before works on beside it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from omega_core.errors import OmegaError
from omega_store import Store, counts, dialect, inbox, migrate, pushes, status
from omega_store.counts import DeviceCounts
from omega_store.migrate import migrations
from omega_store.pushes import Outcome
from omega_testing.fleet import MODEL, push

BEFORE = 8
"""Migrations of the release before."""
# What it did with a batch.
STAGE = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS staged_pushes ("
    ' position integer, device_id text COLLATE "C", request_id uuid, model_version text,'
    " sketches bytea, classes bytea, count integer, sigma_hundredths smallint)"
    " ON COMMIT DELETE ROWS"
)
TOUCH = (
    "UPDATE devices SET last_seen_at = %s FROM ("
    "  SELECT device_id FROM devices WHERE device_id IN (SELECT device_id FROM staged_pushes)"
    "  AND revoked_at IS NULL AND coalesce(last_seen_at < %s, true)"
    "  ORDER BY device_id FOR NO KEY UPDATE"
    ") AS stale WHERE devices.device_id = stale.device_id"
)
KNOWN = (
    "SELECT device_id, region, revoked_at IS NOT NULL FROM devices"
    " WHERE device_id IN (SELECT device_id FROM staged_pushes) ORDER BY device_id FOR KEY SHARE"
)
INSERT = (
    "INSERT INTO pushes"
    " (device_id, request_id, model_version, sketches, classes, count, sigma_hundredths,"
    " received_at)"
    " SELECT DISTINCT ON (s.device_id, s.request_id)"
    "  s.device_id, s.request_id, s.model_version, s.sketches, s.classes, s.count,"
    "  s.sigma_hundredths, %s"
    " FROM staged_pushes AS s JOIN devices AS d USING (device_id)"
    " WHERE s.count > 0 AND d.device_id = ANY(%s)"
    " ORDER BY s.device_id, s.request_id, s.position"
    " ON CONFLICT DO NOTHING RETURNING device_id, request_id"
)


@pytest.fixture
def before(empty_database_url: str) -> Iterator[Store]:
    """A shard of the release before with 20 devices, of which one is revoked, and 40 pushes."""
    with psycopg.connect(empty_database_url) as conn:
        conn.execute(f"CREATE EXTENSION {dialect.EXTENSION}".encode())
        conn.execute(
            "CREATE TABLE schema_migrations (number integer PRIMARY KEY, name text NOT NULL,"
            " sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        for each in migrations()[:BEFORE]:
            conn.execute(dialect.render(each.text).encode())
            conn.execute(
                "INSERT INTO schema_migrations VALUES (%s, %s, %s)",
                (each.number, each.name, each.sha256),
            )
        for number in range(20):
            conn.execute(
                "INSERT INTO devices (device_id, request_id, platform, app_version, registered_at,"
                " revoked_at) VALUES (%s, gen_random_uuid(), '', '', now(), %s)",
                (device(number), datetime.now(UTC) if number == 19 else None),
            )
    with Store.connect(empty_database_url) as store:
        now = datetime.now(UTC)
        for age in (400, 0):
            old_store(store, [(device(n), request(n, age)) for n in range(20)], now, age)
        yield store


def device(number: int) -> str:
    return f"tv-{number:032x}"


def request(number: int, age: int) -> uuid.UUID:
    return uuid.UUID(int=1_000 * age + number)


def old_store(store: Store, keys: list[tuple[str, uuid.UUID]], now: datetime, age: int = 0) -> int:
    """Stores pushes as the release before did; returns how many it took for new."""
    at = now - timedelta(days=age)
    with store.transaction() as conn:
        conn.execute(STAGE)
        with conn.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO staged_pushes VALUES (%s, %s, %s, %s, %s, %s, 1, NULL)",
                [(i, d, r, MODEL, bytes(48), bytes(1)) for i, (d, r) in enumerate(keys)],
            )
        conn.execute(TOUCH, (at, at - timedelta(minutes=1)))
        known = [d for d, _, revoked in conn.execute(KNOWN) if not revoked]
        return len(conn.execute(INSERT, (at, known)).fetchall())


def total(store: Store) -> int:
    with store.statements() as conn:
        row = conn.execute(
            "SELECT count(*), count(DISTINCT (device_id, request_id)) FROM pushes"
        ).fetchone()
    assert row
    assert row[0] == row[1], "a push is stored twice"
    return int(row[0])


def test_what_was_stored_stays_and_is_found_again(before: Store) -> None:
    assert migrate(before.url) == tuple(m.name for m in migrations()[BEFORE:])
    assert total(before) == 38
    with before.snapshot() as conn:
        assert inbox.months(conn)[0].name == "pushes_before"
        assert counts.devices(conn) == counts.counted(conn) == DeviceCounts(19, 1, 0)
        assert status.figures(conn, datetime.now(UTC)).sketches == 38
        assert len(list(pushes.iterate(conn, MODEL))) == 19
    again = [push(device(n)) for n in range(19)]
    again = [
        pushes.Push(p.device_id, str(request(n, 400)), MODEL, p.sketches, p.classes)
        for n, p in enumerate(again)
    ]
    for days in (0, 90):
        with before.transaction() as conn:
            made = pushes.store(conn, again, datetime.now(UTC) + timedelta(days=days))
        assert {(r.outcome, r.sketches) for r in made} == {(Outcome.DUPLICATE, 1)}
    assert total(before) == 38


def test_new_pushes_go_into_months_as_soon_as_one_begins(before: Store) -> None:
    migrate(before.url)
    later = datetime.now(UTC) + timedelta(days=35)
    with before.transaction() as conn:
        pushes.store(conn, [push(device(0))], later)
        where = conn.execute(
            "SELECT tableoid::regclass::text FROM pushes WHERE received_at = %s", (later,)
        ).fetchone()
    assert where
    assert where[0].startswith(f"pushes_{later:%Y_%m}_")


def test_old_pushes_are_dropped_when_all_that_lies_with_them_is_old(before: Store) -> None:
    migrate(before.url)
    with before.transaction() as conn:
        assert inbox.maintaining(conn)
        until = inbox.months(conn)[0].until
        assert until > datetime.now(UTC)
        assert inbox.drop_months(conn, until - timedelta(seconds=1)) == 0
        assert inbox.drop_months(conn, until) == 1
    assert total(before) == 0


def test_the_release_before_stores_each_push_once_beside_this_one(before: Store) -> None:
    migrate(before.url)
    now = datetime.now(UTC)
    keys = [(device(n), request(n, 0)) for n in range(20)]
    for days in (0, 40, 80):
        assert old_store(before, keys, now + timedelta(days=days)) == 0
    fresh = [(device(n), request(n, 7)) for n in range(20)]
    assert old_store(before, fresh, now) == 19
    assert old_store(before, fresh, now + timedelta(days=40)) == 0
    with before.transaction() as conn:
        conn.execute("DELETE FROM devices WHERE device_id = %s", (device(0),))
    assert old_store(before, [(device(0), uuid.uuid4())], now) == 0
    assert total(before) == 38 + 19 - 3
    with before.snapshot() as conn:
        assert counts.devices(conn) == counts.counted(conn) == DeviceCounts(18, 1, 0)


def test_a_push_of_nobody_is_refused_by_the_table(before: Store) -> None:
    migrate(before.url)
    with pytest.raises(psycopg.errors.ForeignKeyViolation), before.transaction() as conn:
        conn.execute(
            "INSERT INTO pushes (device_id, request_id, model_version, sketches, classes, count,"
            " received_at) VALUES (%s, gen_random_uuid(), 'm', '', '', 0, now())",
            (device(99),),
        )


def test_pushes_go_on_while_the_inbox_is_rebuilt(before: Store) -> None:
    """Both releases, the same pushes, before, during and after."""
    migrated = threading.Event()
    taken: list[int] = []
    failed: list[Exception] = []

    def work() -> None:
        turn = 0
        try:
            while not migrated.is_set() or turn < 30:
                keys = [(device(n), request(n, 1_000 + turn)) for n in range(19)]
                taken.append(old_store(before, keys, datetime.now(UTC)))
                turn += 1
        except OmegaError as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    while not migrated.is_set():
        # Behind a batch that takes long it gives way, as the constellation does at its start.
        with suppress(OmegaError):
            migrate(before.url)
            migrated.set()
    for thread in threads:
        thread.join()
    assert not failed
    assert total(before) == 38 + sum(taken)
