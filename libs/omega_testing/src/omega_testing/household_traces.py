"""A household with unlike strings in every column of it, to be looked for in bytes afterwards."""

from __future__ import annotations

import json
import random
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from omega_core.content import Content, ContentKind
from omega_core.vectors import unit
from omega_persistence import Contents, Credentials, Database, Identity, Meta, StoredContent
from omega_persistence.personal import PERSONAL

TITLES = 60
"""Titles c0, c1 and so on of the catalogue."""
_MANY = {"events": 600, "pair_token_request": 1}
_LISTS = {"content_ids", "chain", "blocked_genres", "causes"}
_OBJECTS = {
    "metadata",
    "contexts",
    "changes",
    "parameters",
    "fitness",
    "evidence",
    "watch",
    "body",
}
_LONG = 6_000
"""Characters of a text that does not fit into a page."""
_WHEN = 1_770_000_000_000_000
_RANDOM = random.Random(7)  # noqa: S311 - unlike is enough


_SIGN = b"planted-"
"""Begins each text of the household."""


@dataclass(frozen=True)
class Planted:
    """What must be found nowhere when the household is erased."""

    blobs: frozenset[bytes]
    """Parts of its blobs, 40 bytes each."""
    identity: Identity
    """Stays in the queue until the fleet has forgotten it."""

    def found(self, directory: Path) -> dict[str, int]:
        """How often a text or blob of it stands in a file of the directory, by the file's name."""
        found = {}
        for path in sorted(directory.rglob("*")):
            if path.is_file():
                data = path.read_bytes()
                if hits := data.count(_SIGN) + sum(blob in data for blob in self.blobs):
                    found[path.name] = hits
        return found


def stock(database: Database) -> None:
    """Stores the catalogue, which no erasure touches."""
    vectors = np.random.default_rng(1).normal(size=(TITLES, 384)).astype(np.float32)
    titles = [
        StoredContent(
            content=Content(f"c{number}", f"Title {number}", ContentKind.MOVIE),
            embedding=unit(vector),
            model_version="m1",
        )
        for number, vector in enumerate(vectors)
    ]
    Contents(database).upsert(titles)


def plant(database: Database) -> Planted:
    """Stores the household into a stocked database: rows in each of its tables."""
    blobs: set[bytes] = set()
    with database.transaction() as connection:
        # Rows that refer to others come after them.
        for table in reversed(list(PERSONAL)):
            if table != "meta":
                columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
                (sql,) = connection.execute(
                    "SELECT sql FROM sqlite_schema WHERE name = ?", (table,)
                ).fetchone()
                for number in range(1, _MANY.get(table, TITLES) + 1):
                    _insert(connection, table, columns, sql, number, blobs)
        _plant_facts(connection)
    meta = Meta(database)
    request_id, key = meta.register_request_id(), meta.device_key(lambda: f"key-{_hex(200)}")
    identity = Identity(f"tv-{_hex(32)}", f"token-{_hex(200)}", key, request_id)
    meta.set_identity(identity, Credentials((bytes(_hex(400), "ascii"),), database.now(), None))
    return Planted(frozenset(blobs), identity)


def _insert(
    connection: sqlite3.Connection,
    table: str,
    columns: list[tuple[int, str, str, int, str | None, int]],
    sql: str,
    number: int,
    blobs: set[bytes],
) -> None:
    row: dict[str, object] = {}
    for _, name, kind, *_ in columns:
        if kind == "TEXT":
            value: object = _text(table, name, number)
        elif kind == "BLOB":
            value = blob = _blob(sql, name)
            blobs |= {blob[:40], blob[-40:]}
        elif kind == "REAL":
            value = 0.5
        else:
            value = _integer(table, name, number)
        row[name] = value
    names = ", ".join(f"[{name}]" for name in row)
    places = ", ".join("?" * len(row))
    connection.execute(
        f"INSERT INTO {table} ({names}) VALUES ({places})",  # noqa: S608 - names of the schema
        tuple(row.values()),
    )


def _text(table: str, name: str, number: int) -> str | None:
    if (table, name) == ("settings", "state"):
        return "in_force" if number == 1 else "rejected"
    if (table, name) == ("sketches", "request_id"):
        return None
    unlike = f"planted-{table}-{name}-{number}-{_hex(16)}"
    if name in _LISTS:
        return json.dumps([unlike])
    if name in _OBJECTS:
        return json.dumps({"planted": unlike})
    if name == "text":
        return "".join(f"{unlike}-{_hex(16)} " for _ in range(_LONG // len(unlike)))
    return unlike


def _integer(table: str, name: str, number: int) -> int | None:
    if name.endswith("_at") or name in {"first_observed", "last_observed"}:
        return _WHEN + number
    if name in {"content_rowid", "low", "high"}:
        return (number - 1) % TITLES + 1
    given = {
        ("events", "action"): 0,
        ("pair_days", "day"): number,
        ("pair_reports", "state"): 0,
        ("memories", "tier"): 3,
        ("settings", "parent"): None,
        ("sketches", "state"): 0,
        ("sketches", "position"): None,
        ("sketches", "sigma_hundredths"): 500,
    }
    counts = {"seq", "skill_id", "version", "attempt", "memory_rowid"}
    return given.get((table, name), number if name in counts else 1)


def _blob(sql: str, name: str) -> bytes:
    """Finite numbers: float32 where the schema asks for 384 of four bytes, else float16."""
    match = re.search(rf"length\({name}\) = (\d+)", sql)
    length = int(match[1]) if match else 64
    dtype = "<f4" if length == 4 * 384 else "<f2"
    numbers = np.random.default_rng(_RANDOM.getrandbits(32)).normal(size=length)
    return numbers.astype(dtype).tobytes()[:length]


def _plant_facts(connection: sqlite3.Connection) -> None:
    facts = {name: f"planted-meta-{name}-{_hex(16)}" for name in ("last_sync_error", "some_fact")}
    connection.executemany("INSERT INTO meta VALUES (?, ?)", facts.items())
    connection.executemany(
        "INSERT INTO meta VALUES (?, ?)", [("pushed_bytes", "7"), ("pulled_bytes", "8")]
    )


def _hex(digits: int) -> str:
    return f"{_RANDOM.getrandbits(4 * digits):0{digits}x}"
