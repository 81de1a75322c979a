"""Whether what a round gave out is the same in two databases, up to rounding."""

from __future__ import annotations

import numpy as np

from omega_core import limits
from omega_core.vectors import FloatArray
from omega_delta import FactorPack, decode_factors
from omega_store import Connection, Store, resources, states
from omega_store.resources import ResourceKind

_COPIED = {
    "devices": "device_id, request_id, platform, app_version, registered_at, region",
    "pushes": "device_id, request_id, model_version, sketches, classes, count, received_at",
}
_HISTORY = {
    "resources": "",
    "rounds": "round_id",
    "states": "",
    "global_patterns": "pattern_id",
    "trends": "",
}
"""Tables that a round goes on from, referenced ones first, and what numbers their rows."""
_SCORE = 1e-3
_SHARE = 1e-5


def copy_device(source: Store, target: Store, device_id: str) -> None:
    """Copies a device and its pushes from one shard into another."""
    with source.statements() as read, target.transaction() as write:
        for table, columns in _COPIED.items():
            _copy(read, write, table, columns, device_id)


def copy_history(source: Store, target: Store) -> None:
    """Copies what earlier rounds gave out into an empty shard: the next round goes on from it."""
    with source.snapshot() as read, target.transaction() as write:
        for table, number in _HISTORY.items():
            statement = f"COPY {table} TO STDOUT"
            with read.cursor() as out, write.cursor() as into:
                with out.copy(statement) as rows, into.copy(f"COPY {table} FROM STDIN") as lines:
                    for row in rows:
                        lines.write(row)
                if number:
                    into.execute(
                        f"SELECT setval(pg_get_serial_sequence('{table}', '{number}'),"  # noqa: S608 - fixed above
                        f" coalesce(max({number}), 1)) FROM {table}"
                    )


def differences(one: Store, other: Store) -> list[str]:
    """What differs in factors and patterns, a sentence each; empty = they are the same."""
    a, b = _factors(one), _factors(other)
    wrong = []
    if not np.array_equal(a.ordinals, b.ordinals):
        wrong.append(f"factors of {len(a.ordinals)} and {len(b.ordinals)} titles")
    else:
        wrong += _apart("scores", _scores(a), _scores(b), _SCORE)
        wrong += _apart("the prior", a.prior, b.prior, _SHARE)
    mine, theirs = _patterns(one), _patterns(other)
    if len(mine) != len(theirs) or not mine:
        return [*wrong, f"{len(mine)} and {len(theirs)} patterns"]
    for n, (x, y) in enumerate(zip(mine, theirs, strict=True)):
        wrong += _apart(f"pattern {n}", x.embedding, y.embedding, _SCORE)
        if x.device_count_floor != y.device_count_floor:
            wrong.append(f"pattern {n}: {x.device_count_floor} and {y.device_count_floor} devices")
        figures = [np.array([p.success_rate, p.weight], np.float32) for p in (x, y)]
        wrong += _apart(f"figures of pattern {n}", figures[0], figures[1], _SHARE)
    return wrong


def _apart(what: str, a: FloatArray, b: FloatArray, most: float) -> list[str]:
    gap = float(np.abs(a - b).max())
    return [] if gap <= most else [f"{what}: {gap:.1g} apart"]


def _scores(pack: FactorPack) -> FloatArray:
    columns = pack.factors * pack.steps
    return np.asarray(columns @ columns.T * pack.gains, np.float32)


def _factors(store: Store) -> FactorPack:
    with store.snapshot() as conn:
        version = resources.newest_version(conn, ResourceKind.FACTORS)
        body = resources.read(conn, ResourceKind.FACTORS, version, 0, limits.MAX_RESOURCE)
    return decode_factors(body)


def _patterns(store: Store) -> list[states.Pattern]:
    with store.snapshot() as conn:
        return states.patterns(conn)


def _copy(read: Connection, write: Connection, table: str, columns: str, device_id: str) -> None:
    rows = read.execute(
        f"SELECT {columns} FROM {table} WHERE device_id = %s",  # noqa: S608 - fixed above
        (device_id,),
    ).fetchall()
    marks = ", ".join(["%s"] * (columns.count(",") + 1))
    with write.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)  # noqa: S608 - fixed above
