"""The audit log: it only grows, and names no device that is gone."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from omega_store import Store, audit, devices
from omega_testing.fleet import NOW, registered


def test_entries_come_newest_first_page_by_page(store: Store) -> None:
    with store.transaction() as conn:
        for i in range(5):
            audit.note(conn, "ada", "CreateClaims", f"{i} claims", NOW + timedelta(seconds=i))
    with store.statements() as conn:
        first = audit.entries(conn, 0, 2)
        rest = audit.entries(conn, first[-1].entry_id, 10)
    assert [e.subject for e in first + rest] == [f"{i} claims" for i in (4, 3, 2, 1, 0)]
    assert (first[0].actor, first[0].action) == ("ada", "CreateClaims")
    assert first[0].at == NOW + timedelta(seconds=4)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit",
        "UPDATE audit SET actor = 'eve'",
        "UPDATE audit SET subject = 'another'",
        "UPDATE audit SET subject = gone_device(subject), at = at + interval '1 s'",
    ],
)
def test_the_log_only_grows(store: Store, statement: str) -> None:
    [device_id] = registered(store, 1)
    with store.transaction() as conn:
        audit.note(conn, "ada", "RevokeDevice", device_id, NOW)
    with pytest.raises(psycopg.errors.RestrictViolation), store.transaction() as conn:
        conn.execute(statement.encode())


def test_a_device_that_goes_is_named_by_a_hash_from_then_on(store: Store) -> None:
    gone, stays = registered(store, 2)
    with store.transaction() as conn:
        for device_id in (gone, stays):
            audit.note(conn, "ada", "RevokeDevice", device_id, NOW)
        devices.erase(conn, gone)
        subjects = [entry.subject for entry in audit.entries(conn, 0, 10)]
    assert subjects == [stays, audit.gone(gone)]
