"""Opens groups of threshold reports, some in one transaction; see omega_store.threshold_counts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any

from psycopg import sql

from omega_core.errors import OmegaError
from omega_store.pool import Connection
from omega_threshold.aggregate import Opened, open_group
from omega_threshold.pair import Pair
from omega_threshold.report import POINT_BYTES, Report
from omega_threshold.ristretto import SCALAR_BYTES
from omega_threshold.star import Sealing

QUICK = 200
"""Sets of reports that are tried at first; where no share is wrong, the first one opens a group."""
LARGE = 4_096
"""Reports of a group above which they are not read at once: as many of them, by chance, give the
secret, and then all are held to it one after the other."""

Key = tuple[int, int, bytes, bytes]
"""Epoch, threshold, tag and sealed text, as Report.group has them."""

_NAMED = {
    "key": sql.SQL("s.epoch, s.tag, s.sealed, s.threshold"),
    "keys": sql.SQL(
        "unnest(%s::bigint[], %s::smallint[], %s::bytea[], %s::bytea[])"
        " AS k(epoch, threshold, tag, sealed)"
    ),
    "same": sql.SQL(
        "(s.epoch, s.tag, s.sealed, s.threshold) = (k.epoch, k.tag, k.sealed, k.threshold)"
    ),
    "large": sql.SQL(str(LARGE)),
}
_WAITING = sql.SQL(
    "SELECT s.epoch, s.threshold, s.tag, s.sealed, o.secret, (SELECT count(*) FROM ("
    "  SELECT FROM threshold_sealed AS r"
    "  WHERE (r.epoch, r.tag, r.sealed, r.threshold) = ({key}) LIMIT {large} + 1) AS few)"
    " FROM threshold_grown AS s LEFT JOIN threshold_opened AS o"
    " ON (o.epoch, o.tag, o.sealed, o.threshold) = ({key})"
    " WHERE s.spoiled = %(spoiled)s ORDER BY {order} LIMIT %(most)s"
)
_IN_ORDER = _WAITING.format(**_NAMED, order=_NAMED["key"])
_BY_CHANCE = _WAITING.format(**_NAMED, order=sql.SQL("random()"))
_REPORTS = sql.SQL(
    "SELECT s.epoch, s.threshold, s.tag, s.sealed, s.x, s.y"
    " FROM threshold_sealed AS s JOIN {keys} ON {same}{rest}"
)
_ALL = _REPORTS.format(**_NAMED, rest=sql.SQL(""))
_GROUPED = _REPORTS.format(**_NAMED, rest=sql.SQL(" ORDER BY {key}").format(**_NAMED))
_SOME = _REPORTS.format(**_NAMED, rest=sql.SQL(" ORDER BY random() LIMIT {large}").format(**_NAMED))
_COUNT = sql.SQL(
    "WITH fresh AS (INSERT INTO threshold_points (epoch, tag, x)"
    " SELECT * FROM unnest(%s::bigint[], %s::bytea[], %s::bytea[])"
    " ON CONFLICT DO NOTHING RETURNING epoch, tag)"
    " SELECT epoch, tag, count(*) FROM fresh GROUP BY epoch, tag"
)
# No ON CONFLICT: a late report that comes alone is fewer than a new row may hold.
_ADD = sql.SQL(
    "MERGE INTO threshold_pairs AS p"
    " USING unnest(%s::bytea[], %s::bytea[], %s::bigint[]) AS n(low, high, reports)"
    " ON (p.low, p.high) = (n.low, n.high)"
    " WHEN MATCHED THEN UPDATE SET reports = p.reports + n.reports"
    " WHEN NOT MATCHED THEN INSERT (low, high, reports) VALUES (n.low, n.high, n.reports)"
)
_NOTE = sql.SQL(
    "INSERT INTO threshold_opened (epoch, threshold, tag, sealed, secret)"
    " SELECT * FROM unnest(%s::bigint[], %s::smallint[], %s::bytea[], %s::bytea[], %s::bytea[])"
    " ON CONFLICT DO NOTHING"
)
_DROP = sql.SQL("DELETE FROM threshold_sealed AS s USING {keys} WHERE {same}").format(**_NAMED)
_LOOKED_AT = sql.SQL("DELETE FROM threshold_grown AS s USING {keys} WHERE {same}").format(**_NAMED)
_SPOILED = sql.SQL(
    "UPDATE threshold_grown AS s SET spoiled = true FROM {keys} WHERE {same}"
).format(**_NAMED)


@dataclass(frozen=True)
class Group:
    """A group that has grown."""

    key: Key
    """What its reports have in common."""
    secret: bytes | None = field(repr=False)
    """What opens it, SCALAR_BYTES; None = it is not open yet."""
    reports: int
    """Of it that are not counted; LARGE + 1 = at least."""


@dataclass
class Found:
    """What came of some groups."""

    groups: int = 0
    """Groups that were opened."""
    counted: int = 0
    """Reports that were counted."""
    refused: int = 0
    """Reports that were dropped for their share."""


def waiting(conn: Connection, most: int, *, spoiled: bool) -> list[Group]:
    """Groups that have grown and were not looked at since, at most so many.

    Args:
        conn: in autocommit mode.
        most: at least 0.
        spoiled: those that a quick try did not open, by chance; else the others, in their order.
    """
    with conn.cursor(binary=True) as cursor:
        statement = _BY_CHANCE if spoiled else _IN_ORDER
        cursor.execute(statement, {"spoiled": spoiled, "most": most})
        return [Group(row[:4], *row[4:]) for row in cursor]


def work(conn: Connection, groups: Sequence[Group], effort: int, *, last: bool) -> Found:
    """Opens what can be opened of some groups, and counts it, in one transaction.

    Args:
        conn: the leader's, in autocommit mode.
        groups: at least one.
        effort: sets of reports to try of each.
        last: whether groups that do not open are left alone until they grow; else they are marked.
    """
    with conn.transaction():
        conn.execute("SET LOCAL statement_timeout = 0")
        conn.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        return _Work(conn, effort).done(groups, last=last)


class _Work:
    """Some groups, within a transaction."""

    def __init__(self, conn: Connection, effort: int) -> None:
        self._conn = conn
        self._effort = effort
        self._found = Found()
        self._open: dict[Key, Sealing] = {}
        self._pairs: dict[tuple[int, bytes], Pair] = {}
        """By epoch and tag: of all that is sealed under one tag, one text opens."""
        self._failed: set[Key] = set()

    def done(self, groups: Sequence[Group], *, last: bool) -> Found:
        for group in groups:
            if group.secret is not None:
                self._known(group.key, group.secret)
        self._small([group.key for group in groups if group.reports <= LARGE])
        for group in groups:
            if group.reports > LARGE:
                self._large(group.key)
        if self._open:
            keys = _columns(self._open)
            secrets = [s.secret.to_bytes(SCALAR_BYTES, "little") for s in self._open.values()]
            self._conn.execute(_NOTE, (*keys, secrets))
            self._conn.execute(_DROP, keys)
        marked = set() if last else self._failed
        self._conn.execute(_LOOKED_AT, _columns(g.key for g in groups if g.key not in marked))
        if marked:
            self._conn.execute(_SPOILED, _columns(marked))
        return self._found

    def _small(self, keys: list[Key]) -> None:
        """Groups that are read together; not open = some sets of all of their reports are tried."""
        with self._conn.cursor(binary=True) as cursor:
            read = _read(cursor.execute(_GROUPED, _columns(keys)))
            points: list[tuple[Key, int]] = []
            for key, each in groupby(read, lambda report: report.group):
                reports = list(each)
                if key in self._open:
                    points += self._held(key, reports)
                elif opened := self._try(key, reports):
                    self._found.refused += opened.refused
                    points += [(key, x) for x in opened.points]
        self._count(points)

    def _large(self, key: Key) -> None:
        """A group of which not all reports are in memory at once."""
        if key not in self._open:
            with self._conn.cursor(binary=True) as cursor:
                self._try(key, list(_read(cursor.execute(_SOME, _columns([key])))))
        if key in self._open:
            with self._conn.cursor(name="threshold_group", binary=True) as cursor:
                cursor.itersize = LARGE
                rest = _read(cursor.execute(_ALL, _columns([key])))
                while reports := list(islice(rest, LARGE)):
                    self._count(self._held(key, reports))

    def _known(self, key: Key, secret: bytes) -> None:
        """A group that was opened before."""
        epoch, threshold, tag, sealed = key
        sealing = Sealing(epoch, threshold, int.from_bytes(secret, "little"))
        pair = sealing.opened(Report(epoch, threshold, tag, 1, 0, sealed))
        if pair is None:
            raise ValueError("a stored secret that does not open its group")
        self._open[key], self._pairs[epoch, tag] = sealing, pair

    def _try(self, key: Key, reports: list[Report]) -> Opened | None:
        opened = open_group(reports, self._effort)
        if opened is not None:
            self._found.groups += 1
            self._open[key], self._pairs[key[0], key[2]] = opened.sealing, opened.pair
        elif math.comb(len(reports), key[1]) > self._effort:
            self._failed.add(key)  # else every set was tried, and only more reports can help
        return opened

    def _held(self, key: Key, reports: list[Report]) -> list[tuple[Key, int]]:
        """Where the honest shares of an open group lie; none of another."""
        sealing = self._open.get(key)
        if sealing is None:
            return []
        held = [(key, each.x) for each in reports if sealing.holds(each)]
        self._found.refused += len(reports) - len(held)
        return held

    def _count(self, points: list[tuple[Key, int]]) -> None:
        """Counts the points that were not counted before."""
        rows = [(key[0], key[2], x.to_bytes(POINT_BYTES, "big")) for key, x in points]
        if not rows:
            return
        counts = Counter[Pair]()
        for epoch, tag, count in self._conn.execute(_COUNT, _turned(rows)):
            counts[self._pairs[epoch, tag]] += count
        self._found.counted += counts.total()
        if counts:
            added = [(pair.low, pair.high, count) for pair, count in counts.items()]
            self._conn.execute(_ADD, _turned(added))


def _read(rows: Iterable[tuple[Any, ...]]) -> Iterator[Report]:
    """Reports of rows; what no TV can have made is left out."""
    for epoch, threshold, tag, sealed, x, y in rows:
        point, value = int.from_bytes(x, "big"), int.from_bytes(y, "little")
        try:
            yield Report(epoch, threshold, tag, point, value, sealed)
        except OmegaError:
            continue


def _columns(keys: Iterable[Key]) -> list[list[Any]]:
    """Keys as parameters, a list a column."""
    return _turned(list(keys)) or [[], [], [], []]


def _turned(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
