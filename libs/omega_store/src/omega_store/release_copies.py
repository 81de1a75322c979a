"""Releases over several shards: copies go out from the home shard, sums come back to it."""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from omega_store.pool import Connection, Store

_COLUMNS = (
    "release_id",
    "kind",
    "version",
    "size",
    "sha256",
    "model_version",
    "control_version",
    "stage",
    "first_permille",
    "second_permille",
    "salt",
    "begun_at",
    "stage_since",
    "looks",
    "looked_reports",
    "passed",
    "judged_stage",
    "cause",
)
_NAMES = sql.SQL(", ").join(map(sql.Identifier, _COLUMNS))
_READ = sql.SQL("SELECT {} FROM releases ORDER BY release_id").format(_NAMES)
_WRITE = sql.SQL(
    "INSERT INTO releases ({}) VALUES ({}) ON CONFLICT (release_id) DO UPDATE SET {}"
).format(
    _NAMES,
    sql.SQL(", ").join(sql.SQL("%s") for _ in _COLUMNS),
    sql.SQL(", ").join(
        sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in _COLUMNS[1:]
    ),
)
_SUMS: LiteralString = (
    "SELECT c.release_id, c.stage, c.candidate, c.period, c.epsilon_hundredths,"
    " sum(c.reports)::bigint, sum(c.positive)::bigint, l.salt"
    " FROM release_counts AS c JOIN releases AS l USING (release_id)"
    " WHERE c.shard = '' AND l.stage <= 2 GROUP BY 1, 2, 3, 4, 5, l.salt ORDER BY 1, 2, 3, 4, 5"
)
_BRING: LiteralString = (
    "INSERT INTO release_counts AS c (release_id, stage, candidate, period, epsilon_hundredths,"
    " shard, reports, positive)"
    " SELECT %s, %s, %s, %s, %s, %s, %s, %s"
    " WHERE EXISTS (SELECT FROM releases WHERE release_id = %s AND salt = %b)"
    " ON CONFLICT (release_id, stage, candidate, period, epsilon_hundredths, shard, slot)"
    " DO UPDATE SET reports = EXCLUDED.reports, positive = EXCLUDED.positive"
    " WHERE c.reports < EXCLUDED.reports"
)


def copy(home: Connection, other: Connection) -> None:
    """Makes another shard's releases those of the home shard, under the same numbers.

    Call it in the transaction that copies resources, so that no version is there before it is known
    who gets it. What is counted there stays, also of releases that go on.

    Args:
        home: a snapshot of the home shard.
        other: a transaction of the other one.
    """
    rows = home.execute(_READ, binary=True).fetchall()
    salts = [row[_COLUMNS.index("salt")] for row in rows]
    # A shard that was alone before may have releases of its own under these numbers.
    other.execute("DELETE FROM releases WHERE NOT salt = ANY(%s)", (salts,))
    with other.cursor() as cursor:
        cursor.executemany(_WRITE, rows)


def bring(home: Store, other: Store, shard: str) -> None:
    """Brings what another shard's devices said home; may be done again at any time.

    Sums are brought as they stand, not added, so that none is counted twice.

    Args:
        home: the home shard.
        other: the other one.
        shard: name of the other one.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE or STORAGE_FULL of either shard.
    """
    with other.statements("read release reports") as conn:
        sums = conn.execute(_SUMS, binary=True).fetchall()
    if sums:
        with home.transaction("bring release reports") as conn:
            for *cell, reports, positive, salt in sums:
                conn.execute(_BRING, (*cell, shard, reports, positive, cell[0], salt))
