"""Advisory locks: one migrator, catalogue writer, revoker and round leader a shard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from omega_core.errors import ErrorCode, OmegaError
from omega_store.pool import Connection, Store

# Arbitrary, distinct, and fixed for ever: two releases must meet at the same locks.
MIGRATION_LOCK = 7_310_001
"""Held while migrations are applied."""
CATALOGUE_LOCK = 7_310_002
"""Held by a transaction that writes contents or publishes a catalogue."""
LEADER_LOCK = 7_310_003
"""Held by the worker that runs the shard's round."""
REVOCATION_LOCK = 7_310_004
"""Held by a transaction that revokes a device."""

COPY_LOCK = 7_310_010
"""Held by a transaction that copies what the home shard gives out into this one."""


def lock_copies(conn: Connection) -> None:
    """Waits for the right to write copies until this transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(%s)", (COPY_LOCK,))


def lock_catalogue(conn: Connection) -> None:
    """Waits for the right to write the catalogue until this transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(%s)", (CATALOGUE_LOCK,))


def lock_revocations(conn: Connection) -> None:
    """Waits for the right to revoke until this transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(%s)", (REVOCATION_LOCK,))


@contextmanager
def leadership(store: Store) -> Iterator[Connection]:
    """The connection that holds the shard's leader lock.

    Publish on this connection: a worker that lost it lost the lock, too, and can publish nothing.
    It is in autocommit mode; `with conn.transaction():` makes several statements one. Needs a
    direct connection or a session-pooling proxy.

    Raises:
        OmegaError: ROUND_CONFLICT when another worker holds the lock; STORAGE_UNAVAILABLE.
    """
    with store.session() as conn:
        row = conn.execute("SELECT pg_try_advisory_lock(%s)", (LEADER_LOCK,)).fetchone()
        if row != (True,):
            raise OmegaError(ErrorCode.ROUND_CONFLICT)
        try:
            yield conn
        finally:
            # Closing alone gives it up only once the server has noticed.
            if not conn.closed:
                conn.execute("SELECT pg_advisory_unlock(%s)", (LEADER_LOCK,))
