"""Copies of what the home shard gives out, in every other shard: the same versions, the same bytes.

A copy is made from one instant of the home shard, in one transaction of the other: its TVs see what
a home shard's TVs saw at some instant, and never a part of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import sql

from omega_core.errors import ErrorCode, OmegaError
from omega_publish.coding import code_newest, uncoded
from omega_store import Connection, Store, dialect, erasures, release_copies
from omega_store.locks import lock_copies
from omega_store.resources import ResourceKind

_log = logging.getLogger(__name__)

Copy = Callable[[Connection, Connection], None]
"""Copies something from the home shard's snapshot in a transaction of the other one."""

_STATES: LiteralString = (
    "SELECT version, extract(epoch FROM published_at), round_id, model_version, catalogue_version,"
    " trends_catalogue_version FROM states"
)
_RESOURCES: LiteralString = "SELECT kind, version, sha256 FROM resources"
_WITHDRAWN: LiteralString = "SELECT kind, version FROM withdrawn_resources"
_CODED: LiteralString = "SELECT version, codebook_id FROM coded_states"
_RELEASES: LiteralString = "SELECT release_id, stage, stage_since, judged_stage FROM releases"
_JSON = {"providers", "figures"}
"""Columns of jsonb."""


@dataclass(frozen=True)
class Held:
    """What a shard gives out, by name: a few hundred rows at most."""

    states: frozenset[tuple[Any, ...]]
    """Versions of the collective state."""
    resources: frozenset[tuple[Any, ...]]
    """Kinds, versions and hashes."""
    withdrawn: frozenset[tuple[Any, ...]]
    """Kinds that were withdrawn, and up to which version."""
    releases: frozenset[tuple[Any, ...]]
    """Releases of resources, and where they stand."""
    coded: frozenset[tuple[Any, ...]]
    """States that are coded, and under which codebooks."""

    @classmethod
    def of(cls, conn: Connection) -> Held:
        """Reads it."""
        parts = (_STATES, _RESOURCES, _WITHDRAWN, _RELEASES, _CODED)
        return cls(*(frozenset(conn.execute(each).fetchall()) for each in parts))

    def lacks(self, home: Held) -> bool:
        """Whether this shard has to copy from the home shard."""
        mine, its = (
            (each.states, each.resources, each.withdrawn, each.releases) for each in (self, home)
        )
        return mine != its or not home.coded <= self.coded


class Copier:
    """Copies from the home shard to another one. Safe to run in several processes.

    Args:
        home: the home shard.
        other: the shard that gets the copies.
        name: of the other shard.
        also: what else is copied whenever something is, after everything else.
    """

    def __init__(self, home: Store, other: Store, name: str, also: tuple[Copy, ...] = ()) -> None:
        self._name = name
        self._home = home
        self._other = other
        self._copies = (*_ALL, *also)

    def copy(self) -> bool:
        """Copies what is new; False when nothing was. May be stopped anywhere, and done again.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE or STORAGE_FULL of either shard.
        """
        self._tell_erasures()
        release_copies.bring(self._home, self._other, self._name)
        codes = self._code()
        with self._home.snapshot("read home") as home:
            there = Held.of(home)
            with self._other.statements("compare copies") as conn:
                if not Held.of(conn).lacks(there):
                    return False
            if codes and uncoded(home):
                return True  # a state was published meanwhile: it is coded first
            with self._other.transaction("store copies") as other:
                lock_copies(other)
                for each in self._copies:
                    each(home, other)
        _log.info("copied: states up to %s", max((row[0] for row in there.states), default=0))
        return True

    def _code(self) -> bool:
        """What a TV of any shard is led to is coded at home, once, before anybody can ask for it.

        False where it cannot be: then nobody can be led to it, and the rest is copied all the same.
        """
        try:
            code_newest(self._home)
        except OmegaError as error:
            if error.code != ErrorCode.INTERNAL:
                raise
            _log.warning("not coded: %s", error.detail)
            return False
        return True

    def _tell_erasures(self) -> None:
        """The home shard withdraws what rests on devices that are erased anywhere.

        Told before they are forgotten here: told twice, they only withdraw more.
        """
        with self._other.statements("read erasures") as conn:
            noted = erasures.noted(conn)
        if not noted:
            return
        with self._home.transaction("tell erasures") as conn:
            for _ in noted:
                erasures.note(conn)
        with self._other.transaction("forget erasures") as conn:
            erasures.forget(conn, noted)


def _frames(home: Connection, other: Connection) -> None:
    _insert(home, other, "encoder_frames", "model_version, mean, frozen_at")


def _contents(home: Connection, other: Connection) -> None:
    """Titles that came or changed with the catalogues that the other shard lacks."""
    newest: LiteralString = "SELECT coalesce(max(version), 0) FROM resources WHERE kind = %s"
    (held,), (wanted,) = (
        conn.execute(newest, (ResourceKind.CATALOGUE,)).fetchone() or (0,) for conn in (other, home)
    )
    if held > wanted or _encoder(home) != _encoder(other):
        other.execute("DELETE FROM contents")
        held = 0
    columns = (
        "ordinal, content_id, title, kind, genres, year, country, description, providers,"
        " minimum_age, model_version, changed_version, updated_at"
    )
    if held < wanted:
        _insert(
            home,
            other,
            "contents",
            columns,
            where=" WHERE changed_version > %s AND changed_version <= %s",
            given=(held, wanted),
            replaces="ordinal",
            vector=True,
        )


def _encoder(conn: Connection) -> str:
    row = conn.execute("SELECT model_version FROM contents LIMIT 1").fetchone()
    return row[0] if row else ""


def _resources(home: Connection, other: Connection) -> None:
    for kind, version, _ in _missing(home, other, _RESOURCES):
        other.execute("DELETE FROM resources WHERE (kind, version) = (%s, %s)", (kind, version))
        _insert(
            home,
            other,
            "resources",
            "kind, version, model_version, sha256, size, body, created_at",
            where=" WHERE (kind, version) = (%s, %s)",
            given=(kind, version),
        )
    for kind, version, sha256 in _missing(other, home, _RESOURCES):
        other.execute(
            "DELETE FROM resources WHERE (kind, version, sha256) = (%s, %s, %b)",
            (kind, version, sha256),
        )
    other.execute("DELETE FROM withdrawn_resources")
    _insert(home, other, "withdrawn_resources", "kind, version")


def _states(home: Connection, other: Connection) -> None:
    """Versions, patterns and trends; and the records of the rounds that published them."""
    gone, new = _missing(other, home, _STATES), _missing(home, other, _STATES)
    if not gone and not new:
        return
    other.execute("DELETE FROM states WHERE version = ANY(%s)", ([row[0] for row in gone],))
    rounds = sorted({row[2] for row in new})
    same = "round_id, request_id, status, started_at, finished_at, figures, error_code"
    if rounds:
        # A shard that was alone before may have rounds of its own under these numbers.
        other.execute(
            "DELETE FROM rounds WHERE round_id = ANY(%s) AND NOT EXISTS ("
            "SELECT FROM states WHERE states.round_id = rounds.round_id)",
            (rounds,),
        )
        _insert(home, other, "rounds", same, where=" WHERE round_id = ANY(%s)", given=(rounds,))
    _insert(
        home,
        other,
        "states",
        "version, round_id, model_version, published_at, trends_catalogue_version, trends_at,"
        " catalogue_version",
    )
    other.execute("DELETE FROM global_patterns")
    _insert(
        home,
        other,
        "global_patterns",
        "pattern_id, success_rate, device_count_floor, weight, created_version, changed_version,"
        " removed_version",
        vector=True,
    )
    other.execute("DELETE FROM trends")
    _insert(home, other, "trends", "region, ordinal, score")


def _coded(home: Connection, other: Connection) -> None:
    """What was stored first holds: what is there already is left as it is."""
    _insert(home, other, "coded_states", "version, codebook_id, body")


_ALL: tuple[Copy, ...] = (_frames, _contents, _resources, release_copies.copy, _states, _coded)
"""In an order in which each finds what it refers to."""


def _missing(home: Connection, other: Connection, listed: LiteralString) -> list[tuple[Any, ...]]:
    """Rows of the one that the other lacks, in order."""
    there = set(other.execute(listed).fetchall())
    return sorted(row for row in home.execute(listed).fetchall() if row not in there)


def _insert(
    home: Connection,
    other: Connection,
    table: LiteralString,
    columns: LiteralString,
    *,
    where: LiteralString = "",
    given: tuple[Any, ...] = (),
    replaces: LiteralString = "",
    vector: bool = False,
) -> None:
    """Copies rows; those that are there are left, or replaced where a key is given."""
    names = columns.split(", ")
    fields = [sql.Identifier(name) for name in names]
    # JSON goes as its text: what comes back as a list might be an array.
    picked: list[sql.Composable] = [
        sql.SQL("{}::text").format(field) if name in _JSON else field
        for name, field in zip(names, fields, strict=True)
    ]
    picked += [dialect.COLUMN] if vector else []
    into = [*fields, *([sql.Identifier("embedding")] if vector else [])]
    marks: list[sql.Composable] = [sql.SQL("%s")] * len(fields)
    marks += [dialect.PARAMETER] if vector else []
    conflict: sql.Composable = sql.SQL("DO NOTHING")
    if replaces:
        changed = [each for each in into if each != sql.Identifier(replaces)]
        conflict = sql.SQL("({key}) DO UPDATE SET ({changed}) = ROW({new})").format(
            key=sql.Identifier(replaces),
            changed=sql.SQL(", ").join(changed),
            new=sql.SQL(", ").join(sql.SQL("EXCLUDED.{}").format(each) for each in changed),
        )
    select = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(picked), sql.Identifier(table))
    insert = sql.SQL(
        "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({}) ON CONFLICT {}"
    ).format(sql.Identifier(table), sql.SQL(", ").join(into), sql.SQL(", ").join(marks), conflict)
    rows = home.execute(select + sql.SQL(where), given, binary=False).fetchall()
    with other.cursor() as cursor:
        cursor.executemany(insert, [_written(row) if vector else row for row in rows])


def _written(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row that ends with a vector, as it is written."""
    return (*row[:-1], dialect.dump(dialect.load(row[-1])))
