"""Counts of what led to what. Answers the port CausalStore of omega_agentdb."""

from __future__ import annotations

import json
from collections.abc import Iterable

from omega_core.causes import CausalChanges, CausalCount, CausalTail, CausalTotal
from omega_persistence import watermark
from omega_persistence.database import Database
from omega_persistence.times import from_micros, to_micros

LEARNT_SEQ = "causal_learnt_seq"
"""Key of the table meta: the watermark."""
_EDGES = """
SELECT profile_id, cause, effect, joint, first_observed, last_observed FROM causal_edges
"""
_SAVE_EDGE = """
INSERT INTO causal_edges (profile_id, cause, effect, joint, first_observed, last_observed)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (profile_id, cause, effect) DO UPDATE SET joint = excluded.joint,
    first_observed = excluded.first_observed, last_observed = excluded.last_observed
"""
_SAVE_TOTAL = """
INSERT INTO causal_totals (profile_id, kind, name, total, last_observed) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (profile_id, kind, name) DO UPDATE SET total = excluded.total,
    last_observed = excluded.last_observed
"""
_SAVE_TAIL = """
INSERT INTO causal_tails (profile_id, session_id, ended_at, causes) VALUES (?, ?, ?, ?)
ON CONFLICT (profile_id) DO UPDATE SET session_id = excluded.session_id,
    ended_at = excluded.ended_at, causes = excluded.causes
"""
_TABLES = ("causal_totals", "causal_tails", "causal_edges")


class Causal:
    """The causal tables. Every method may raise STORAGE_UNAVAILABLE, writes STORAGE_FULL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def learnt_seq(self) -> int:
        """Watermark: every viewing up to here is learnt; 0 = none."""
        with self._database.read() as connection:
            return watermark.read(connection, LEARNT_SEQ)

    def edges(
        self,
        profile_id: str | None = None,
        *,
        cause: str | None = None,
        effect: str | None = None,
        pairs: Iterable[tuple[str, str]] | None = None,
    ) -> list[CausalCount]:
        """Edges of a profile (None = of all), by (profile_id, cause, effect).

        Only those of one cause or effect, or among (cause, effect) pairs, where given.
        """
        given = {"profile_id": profile_id, "cause": cause, "effect": effect}
        asked = {name: value for name, value in given.items() if value is not None}
        where = [f"{name} = :{name}" for name in asked]
        if pairs is not None:
            where.append(
                "(cause, effect) IN (SELECT json_extract(value, '$[0]'), "
                "json_extract(value, '$[1]') FROM json_each(:pairs))"
            )
            asked["pairs"] = json.dumps(sorted(set(pairs)))
        clause = f"WHERE {' AND '.join(where)} " if where else ""
        query = f"{_EDGES}{clause}ORDER BY profile_id, cause, effect"
        with self._database.read() as connection:
            rows = connection.execute(query, asked).fetchall()
        return [
            CausalCount(profile, cause, effect, joint, from_micros(first), from_micros(last))
            for profile, cause, effect, joint, first, last in rows
        ]

    def totals(self, profile_id: str) -> list[CausalTotal]:
        """Totals of a profile, by (kind, name)."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT profile_id, kind, name, total, last_observed FROM causal_totals "
                "WHERE profile_id = ? ORDER BY kind, name",
                (profile_id,),
            ).fetchall()
        return [
            CausalTotal(profile, kind, name, total, from_micros(last))
            for profile, kind, name, total, last in rows
        ]

    def tail(self, profile_id: str) -> CausalTail | None:
        """The profile's last viewing."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT profile_id, session_id, ended_at, causes FROM causal_tails "
                "WHERE profile_id = ?",
                (profile_id,),
            ).fetchone()
        if row is None:
            return None
        return CausalTail(row[0], row[1], from_micros(row[2]), tuple(json.loads(row[3])))

    def profiles(self) -> list[str]:
        """Profiles with totals, ascending."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT DISTINCT profile_id FROM causal_totals ORDER BY 1")
            return [str(row[0]) for row in rows]

    def count(self) -> int:
        """Number of edges."""
        with self._database.read() as connection:
            return int(connection.execute("SELECT count(*) FROM causal_edges").fetchone()[0])

    def save(self, changes: CausalChanges) -> None:
        """Stores changes in one transaction.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE: nothing was stored.
        """
        with self._database.transaction() as connection:
            connection.executemany(
                _SAVE_EDGE,
                [
                    (
                        edge.profile_id,
                        edge.cause,
                        edge.effect,
                        edge.joint,
                        to_micros(edge.first_observed),
                        to_micros(edge.last_observed),
                    )
                    for edge in changes.edges
                ],
            )
            connection.executemany(
                _SAVE_TOTAL,
                [
                    (
                        each.profile_id,
                        each.kind,
                        each.name,
                        each.total,
                        to_micros(each.last_observed),
                    )
                    for each in changes.totals
                ],
            )
            connection.executemany(
                _SAVE_TAIL,
                [
                    (
                        tail.profile_id,
                        tail.session_id,
                        to_micros(tail.at),
                        json.dumps(tail.causes, ensure_ascii=False),
                    )
                    for tail in changes.tails
                ],
            )
            if changes.learnt_seq is not None:
                watermark.advance(connection, LEARNT_SEQ, changes.learnt_seq)

    def remove(self, edges: Iterable[tuple[str, str, str]]) -> int:
        """Forgets edges by (profile_id, cause, effect); returns how many were there."""
        return self._remove("causal_edges", "profile_id, cause, effect", edges)

    def remove_totals(self, totals: Iterable[tuple[str, int, str]]) -> int:
        """Forgets totals by (profile_id, kind, name); returns how many were there."""
        return self._remove("causal_totals", "profile_id, kind, name", totals)

    def clear(self, profile_id: str | None = None) -> int:
        """Forgets a profile's edges, totals and last viewing (None = everybody's).

        The watermark stays. Returns how many edges there were.
        """
        gone = 0
        where = "" if profile_id is None else " WHERE profile_id = ?"
        given = () if profile_id is None else (profile_id,)
        with self._database.transaction() as connection:
            for table in _TABLES:
                query = f"DELETE FROM {table}{where}"  # noqa: S608 - constants
                gone = connection.execute(query, given).rowcount
        return gone

    def _remove(self, table: str, columns: str, rows: Iterable[tuple[str, int | str, str]]) -> int:
        query = f"DELETE FROM {table} WHERE ({columns}) = (?, ?, ?)"  # noqa: S608 - constants
        with self._database.transaction() as connection:
            return connection.executemany(query, rows).rowcount
