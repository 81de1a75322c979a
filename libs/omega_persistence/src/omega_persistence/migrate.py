"""Numbered migrations: each in a transaction of its own, with the version it leads to.

The first one makes the table meta, which the runner then keeps the version and lineage in.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from uuid import uuid4

from omega_persistence import keys

APPLICATION_ID = 0x4F4D4754
"""`PRAGMA application_id` of our files: OMGT."""
Shape = dict[tuple[str, str], list[tuple[object, ...]]]
"""(type, name) of each entry of the schema -> name, type, notnull and pk of its columns."""
_NAME = re.compile(r"(\d{4})_\w+\.sql\Z")


@dataclass(frozen=True)
class Migration:
    """One step of the schema."""

    number: int
    """From 1, without gaps; `PRAGMA user_version` after the step."""
    sql: str
    """Statements, none of which opens or ends a transaction."""


def shipped() -> list[Migration]:
    """The migrations of this release, in order.

    Raises:
        ValueError: their numbers are not 1, 2, 3 and so on.
    """
    folder = resources.files("omega_persistence") / "migrations"
    found = sorted(
        (int(match[1]), entry.read_text("utf-8"))
        for entry in folder.iterdir()
        if (match := _NAME.match(entry.name))
    )
    if [number for number, _ in found] != list(range(1, len(found) + 1)):
        raise ValueError("migrations must be numbered from 1 without gaps")
    return [Migration(number, sql) for number, sql in found]


def version(connection: sqlite3.Connection) -> int:
    """Number of the last migration that the database has seen; 0 = none."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    """Brings a database in autocommit mode up to the last of `migrations`.

    An error leaves it at the last migration that was complete.
    """
    for migration in migrations[version(connection) :]:
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in _statements(migration.sql):
                connection.execute(statement)
            connection.execute(keys.SET, (keys.SCHEMA_VERSION, str(migration.number)))
            connection.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO NOTHING",
                (keys.LINEAGE, str(uuid4())),
            )
            # PRAGMA takes no parameters.
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {migration.number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def shape(connection: sqlite3.Connection) -> Shape:
    """Tables, indexes and triggers by (type, name), with the columns of each table.

    Not their SQL, which releases of SQLite may write differently.
    """
    entries = connection.execute(
        "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"
    ).fetchall()
    return {
        (kind, name): connection.execute(
            "SELECT name, type, [notnull], pk FROM pragma_table_xinfo(?)", (name,)
        ).fetchall()
        if kind == "table"
        else []
        for kind, name in entries
    }


def expected_shape(
    migrations: Sequence[Migration],
) -> dict[tuple[str, str], list[tuple[object, ...]]]:
    """The shape that `migrations` lead to."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        migrate(connection, migrations)
        return shape(connection)
    finally:
        connection.close()


def _statements(sql: str) -> Iterator[str]:
    # executescript would commit the open transaction first.
    statement = ""
    for piece in re.split(r"(?<=;)", sql):
        statement += piece
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
