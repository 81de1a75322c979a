"""What belongs to the household: the one place that says so, table by table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from omega_persistence import keys

_FLEET_TIERS = (5, 9, 11, 12)
"""Memories that no household taught: Collective, Civilizational, Physical, Omega."""
_EVERY_ROW = "TRUE"

PERSONAL: Mapping[str, str] = {
    "events": _EVERY_ROW,
    "interactions": _EVERY_ROW,
    "title_records": _EVERY_ROW,
    "recommendations": _EVERY_ROW,
    "profiles": _EVERY_ROW,
    "memories": f"tier NOT IN {_FLEET_TIERS} OR profile_id <> ''",
    "habits": _EVERY_ROW,
    "skill_members": _EVERY_ROW,
    "skills": _EVERY_ROW,
    "causal_edges": _EVERY_ROW,
    "causal_totals": _EVERY_ROW,
    "causal_tails": _EVERY_ROW,
    "vectors": _EVERY_ROW,
    "settings": _EVERY_ROW,
    "loops": _EVERY_ROW,
    "loop_reports": _EVERY_ROW,
    "sketches": _EVERY_ROW,
    "pair_reports": _EVERY_ROW,
    "pair_tokens": _EVERY_ROW,
    "pair_token_request": _EVERY_ROW,
    "pair_days": _EVERY_ROW,
    "meta": f"key NOT IN {tuple(sorted(keys.IMPERSONAL))}",
}
"""Table -> which of its rows go when the household is erased; a table goes before those that it
refers to."""

IMPERSONAL = frozenset(
    {
        "contents",
        "global_patterns",
        "trends",
        "coded_state",
        "title_vectors",
        "resources",
        "resource_transfers",
        "resource_chunks",
        "erasures",
        "reporting_keys",
    }
)
"""Tables of which every row stays."""


def count(connection: sqlite3.Connection) -> dict[str, int]:
    """Rows of the household, by table; tables without any are left out."""
    found = {
        table: int(connection.execute(f"SELECT count(*) FROM {table} WHERE {which}").fetchone()[0])  # noqa: S608 - constants
        for table, which in PERSONAL.items()
    }
    return {table: rows for table, rows in found.items() if rows}


def read(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Every row of the household."""
    for table, which in PERSONAL.items():
        yield from connection.execute(f"SELECT * FROM {table} WHERE {which}")  # noqa: S608 - constants


def read_rest(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Every other row, and the words of the schema."""
    for table, which in PERSONAL.items():
        yield from connection.execute(f"SELECT * FROM {table} WHERE NOT ({which})")  # noqa: S608 - constants
    for table in (*sorted(IMPERSONAL), "sqlite_schema"):
        yield from connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - constants


def delete(connection: sqlite3.Connection) -> int:
    """Deletes the rows of the household; returns how many. Numbers of rows start again."""
    rows = 0
    for table, which in PERSONAL.items():
        rows += connection.execute(f"DELETE FROM {table} WHERE {which}").rowcount  # noqa: S608 - constants
    # How often a memory was called is the household's, whoever taught it.
    connection.execute(
        "UPDATE memories SET access_count = 0, strength = importance, accessed_at = created_at"
    )
    # How many rows there have been tells how much was watched.
    connection.executemany(
        "DELETE FROM sqlite_sequence WHERE name = ?", [(table,) for table in PERSONAL]
    )
    return rows
