"""Advisory locks of a shard: who may migrate, publish, move devices, release, or lead."""

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
MAINTENANCE_LOCK = 7_310_005
"""Held by a transaction that makes or drops partitions."""
REGISTRATION_LOCK = 7_310_006
"""Held by a transaction that registers a device while the shard is nearly full."""
RELEASE_LOCK = 7_310_009
"""Held by a transaction that begins, judges or ends a release."""
DIRECTORY_LOCK = 7_310_007
"""Held by a transaction that publishes a directory; shared by those that place devices by it."""
MOVER_LOCK = 7_310_008
"""Held by the constellation that moves the shard's devices."""

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


def lock_registrations(conn: Connection) -> None:
    """Waits for the right to register until this transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(%s)", (REGISTRATION_LOCK,))


def lock_releases(conn: Connection) -> None:
    """Waits for the right to change releases until this transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(%s)", (RELEASE_LOCK,))


def try_lock_releases(conn: Connection) -> bool:
    """Takes the right to change releases until this transaction ends, unless another has it."""
    row = conn.execute("SELECT pg_try_advisory_xact_lock(%s)", (RELEASE_LOCK,)).fetchone()
    return row == (True,)


def lock_directory(conn: Connection) -> None:
    """Waits for those that place devices, and holds others up until this transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(%s)", (DIRECTORY_LOCK,))


def share_directory(conn: Connection) -> None:
    """No other directory is published until this transaction ends, which places devices by one."""
    conn.execute("SELECT pg_advisory_xact_lock_shared(%s)", (DIRECTORY_LOCK,))


@contextmanager
def moving(store: Store) -> Iterator[bool]:
    """Whether this is the one that moves the shard's devices, for as long as the block lasts.

    Two that move at once do no harm, for each step of a move can be repeated: this saves the work.
    Needs a direct connection or a session-pooling proxy.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE.
    """
    with store.session() as conn:
        row = conn.execute("SELECT pg_try_advisory_lock(%s)", (MOVER_LOCK,)).fetchone()
        try:
            yield row == (True,)
        finally:
            if row == (True,) and not conn.closed:
                conn.execute("SELECT pg_advisory_unlock(%s)", (MOVER_LOCK,))


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
