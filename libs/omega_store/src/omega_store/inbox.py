"""The inbox's months: made ahead, dropped when what they hold is old.

Pushes are partitioned by month (UTC) and, within it, in 8 parts by device (docs/adr/0043). What no
month takes goes into pushes_rest, and from there into its month when that is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString

from psycopg import sql

from omega_store import erasures
from omega_store.locks import LEADER_LOCK, MAINTENANCE_LOCK
from omega_store.pool import Connection

AHEAD = 3
"""Months that are there beside the present one."""
# Behind a long scan this gives way and is tried again, rather than hold up the pushes behind it.
_PATIENCE: LiteralString = "SET LOCAL lock_timeout = '2s'"
_MONTHS: LiteralString = (
    "SELECT name, until FROM ("
    " SELECT c.relname AS name, (regexp_match(pg_get_expr(c.relpartbound, c.oid),"
    "  'TO \\(''([^'']+)''\\)'))[1]::timestamptz AS until"
    " FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = 'pushes'::regclass) AS each"
    " WHERE until IS NOT NULL ORDER BY until"
)


@dataclass(frozen=True)
class Month:
    """A partition of the inbox by time."""

    name: str
    """Of the table."""
    until: datetime
    """End of the time that it takes."""


def months(conn: Connection) -> list[Month]:
    """Those that are there, oldest first; pushes_rest left out."""
    return [Month(*row) for row in conn.execute(_MONTHS).fetchall()]


def maintaining(conn: Connection) -> bool:
    """Whether this transaction maintains the shard; False while another one does."""
    row = conn.execute("SELECT pg_try_advisory_xact_lock(%s)", (MAINTENANCE_LOCK,)).fetchone()
    return row == (True,)


def make_months(conn: Connection, now: datetime) -> int:
    """Makes the months that are missing: those to come, and those that pushes_rest holds.

    Call it as the one who maintains, in a transaction of its own. Returns how many it made.

    Raises:
        psycopg.errors.LockNotAvailable: behind a long transaction.
    """
    conn.execute(_PATIENCE)
    made = 0
    held = conn.execute(
        "SELECT DISTINCT date_trunc('month', received_at, 'UTC') FROM pushes_rest"
    ).fetchall()
    coming = [now + i * timedelta(days=31) for i in range(AHEAD + 1)]
    for instant in [*coming, *(month for (month,) in held)]:
        row = conn.execute("SELECT add_pushes_month(%s)", (instant,)).fetchone()
        made += row == (True,)
    return made


def drop_months(conn: Connection, before: datetime) -> int:
    """Drops the months that ended before an instant; returns how many.

    What was kept of devices whose pushes go is forgotten, so that the next round decodes anew what
    is left of them; and like the erasure of a device it is noted, so that the next refresh
    withdraws what rests on them. While a round is at work, nothing is dropped, and the other way
    round.

    Call it as the one who maintains, in a transaction of its own.

    Raises:
        psycopg.errors.LockNotAvailable: behind a long transaction.
    """
    old = [month for month in months(conn) if month.until <= before]
    if not old:
        return 0
    row = conn.execute("SELECT pg_try_advisory_xact_lock(%s)", (LEADER_LOCK,)).fetchone()
    if row != (True,):
        return 0
    conn.execute(_PATIENCE)
    conn.execute("SET LOCAL statement_timeout = 0")
    for month in old:
        table = sql.Identifier(month.name)
        if conn.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(table)).fetchone() is not None:
            conn.execute(
                sql.SQL(
                    "DELETE FROM kept_rows WHERE device_id IN (SELECT device_id FROM {})"
                ).format(table)
            )
            erasures.note(conn)
        conn.execute(sql.SQL("DROP TABLE {}").format(table))
    return len(old)
