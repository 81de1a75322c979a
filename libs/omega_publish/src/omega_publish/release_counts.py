"""What devices of other shards say of a release: brought to the home shard, where it is judged."""

from __future__ import annotations

from typing import LiteralString

from omega_store import Store

_OWN: LiteralString = (
    "SELECT release_id, stage, candidate, period, epsilon_hundredths, sum(reports)::bigint,"
    " sum(positive)::bigint FROM release_counts WHERE shard = ''"
    " GROUP BY release_id, stage, candidate, period, epsilon_hundredths"
)
_BRING: LiteralString = (
    "INSERT INTO release_counts AS held (release_id, stage, candidate, period,"
    " epsilon_hundredths, reports, positive, shard)"
    " SELECT %s, %s, %s, %s, %s, %s, %s, %s WHERE EXISTS ("
    "  SELECT FROM releases WHERE release_id = %s)"
    " ON CONFLICT (release_id, stage, candidate, period, epsilon_hundredths, shard, slot)"
    " DO UPDATE SET (reports, positive) = ROW(EXCLUDED.reports, EXCLUDED.positive)"
    " WHERE (held.reports, held.positive) IS DISTINCT FROM (EXCLUDED.reports, EXCLUDED.positive)"
)


def bring_counts(home: Store, other: Store, name: str) -> None:
    """Replaces what the home shard has of another shard's counts by what that has now.

    Whole counts, not what was added: repeated, it changes nothing.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE.
    """
    with other.statements() as conn:
        found = conn.execute(_OWN).fetchall()
    if found:
        with home.transaction() as conn, conn.cursor() as cursor:
            cursor.executemany(_BRING, [(*row, name, row[0]) for row in found])
