"""Has whoever writes a row wait, so that it can be killed just there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from omega_store import Store

_GATE = 424_242
_WAITERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name = %s AND wait_event = 'advisory'"
)


@contextmanager
def closed(store: Store, table: str, condition: str) -> Iterator[None]:
    """Closes the gate before such a row; it opens at the end.

    Args:
        store: of the database.
        table: where the row is inserted.
        condition: SQL over NEW.
    """
    with store.transaction() as conn:
        conn.execute(
            "CREATE OR REPLACE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS"
            f" 'BEGIN PERFORM pg_advisory_xact_lock_shared({_GATE}); RETURN NEW; END'"
        )
        conn.execute(
            f"CREATE OR REPLACE TRIGGER gated BEFORE INSERT ON {table}"
            f" FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION gate()"
        )
    with store.session() as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", (_GATE,))
        yield
        holder.execute("SELECT pg_advisory_unlock(%s)", (_GATE,))
    with store.transaction() as conn:
        conn.execute(f"DROP TRIGGER gated ON {table}")


def await_somebody(store: Store, name: str, *, seconds: float = 50.0) -> None:
    """Waits until a program of this name stands before the gate.

    Raises:
        TimeoutError: none comes.
    """
    deadline = time.monotonic() + seconds
    while not somebody_waits(store, name):
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {name} before the gate")
        time.sleep(0.02)


def somebody_waits(store: Store, name: str) -> bool:
    """Whether a program of this name stands before the gate."""
    with store.statements() as conn:
        row = conn.execute(_WAITERS, (name,)).fetchone()
    return row is not None and row[0] > 0
