"""Versions of the collective state: global patterns and the steps between versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import FloatArray
from omega_store import dialect
from omega_store import trends as trend_rows
from omega_store.pool import Connection
from omega_store.resources import ResourceKind
from omega_store.trends import RegionTrend, TrendList

MOST_PATTERNS = 80
"""Most live patterns: a delta of all of them fits limits.MAX_DELTA even if nothing compresses."""
KEEP_STEPS = 64
"""States kept as starting points of a delta; a TV that holds an older one gets everything."""


@dataclass(frozen=True)
class State:
    """One published version."""

    version: int
    """From 1."""
    model_version: str
    """Encoder of its patterns."""
    catalogue_version: int = 0
    """Newest catalogue at its publication; 0 = none."""


NOTHING = State(0, "")
"""The state before the first publication."""


@dataclass(frozen=True)
class Pattern:
    """A global pattern."""

    pattern_id: int
    """From 1, never reused within a shard; 0 = new, an id is chosen when it is stored."""
    embedding: FloatArray
    """Centred unit vector, float32 (384,); stored as float16."""
    success_rate: float
    """0 to 1."""
    device_count_floor: int
    """Distinct devices behind it, rounded down to a power of two, at least 2."""
    weight: float
    """Share of the fleet's weighted taste, 0 to 1."""


@dataclass(frozen=True)
class Step:
    """What changes between two versions."""

    base_version: int
    """Where it starts; 0 = from nothing."""
    state: State
    """Where it leads."""
    patterns: tuple[Pattern, ...]
    """New or changed, by pattern_id."""
    removed: tuple[int, ...]
    """Gone, by pattern_id; every one was part of the base."""
    trends: tuple[RegionTrend, ...] = ()
    """All that hold for the region, strongest first, at most 32."""
    trends_catalogue_version: int = 0
    """Catalogue whose ordinals they use; 0 = there are none."""
    trends_at: datetime | None = None
    """When their scores held; None = there are none."""


# With more removals than that, everything is the smaller delta.
_MOST_REMOVED = 256
_SELECT = sql.SQL(
    "SELECT pattern_id, {vector}, success_rate, device_count_floor, weight FROM global_patterns"
    " WHERE removed_version IS NULL AND changed_version > %s ORDER BY pattern_id"
).format(vector=dialect.COLUMN)
_INSERT = sql.SQL(
    "INSERT INTO global_patterns"
    " (embedding, success_rate, device_count_floor, weight, created_version, changed_version)"
    " VALUES ({vector}, %s, %s, %s, %s, %s)"
).format(vector=dialect.PARAMETER)
_UPDATE = sql.SQL(
    "UPDATE global_patterns SET embedding = {vector},"
    " success_rate = %s, device_count_floor = %s, weight = %s, changed_version = %s"
    " WHERE pattern_id = %s AND removed_version IS NULL"
).format(vector=dialect.PARAMETER)
_NEAREST = sql.SQL(
    "SELECT pattern_id, {distance} FROM global_patterns"
    " WHERE removed_version IS NULL ORDER BY {distance} LIMIT %s"
).format(distance=dialect.DISTANCE)


def current(conn: Connection) -> State:
    """The newest version; NOTHING before the first."""
    row = conn.execute(
        "SELECT version, model_version, catalogue_version FROM states ORDER BY version DESC LIMIT 1"
    ).fetchone()
    return State(*row) if row else NOTHING


def published(conn: Connection, version: int) -> State | None:
    """A version; None when it is not kept."""
    row = conn.execute(
        "SELECT version, model_version, catalogue_version FROM states WHERE version = %s",
        (version,),
    ).fetchone()
    return State(*row) if row else None


def patterns(conn: Connection) -> list[Pattern]:
    """The patterns of the newest version, by pattern_id."""
    return _patterns(conn, 0)


def step(conn: Connection, held_version: int, region: str = "") -> Step:
    """What a TV of a region that holds `held_version` lacks; call it in Store.snapshot().

    The step starts from nothing when the held version is unknown, newer than ours, too old, or of
    another encoder. It is empty when the held version is the newest.
    """
    state = current(conn)
    if held_version == state.version:
        return Step(held_version, state, (), ())
    base = _base(conn, held_version, state)
    removed = _removed(conn, base)
    if len(removed) > _MOST_REMOVED:
        base, removed = 0, ()
    found = trends_of(conn, state, region)
    return Step(base, state, tuple(_patterns(conn, base)), removed, *found)


def trends_of(
    conn: Connection, state: State, region: str
) -> tuple[tuple[RegionTrend, ...], int, datetime | None]:
    """What a TV of a region gets with a state, the catalogue of the ordinals, and when it held."""
    stated = conn.execute(
        "SELECT trends_catalogue_version, trends_at FROM states WHERE version = %s",
        (state.version,),
    ).fetchone()
    found = trend_rows.of_region(conn, region) if stated and stated[0] else ()
    return (found, *stated) if stated and found else ((), 0, None)


def nearest(conn: Connection, embedding: FloatArray, most: int) -> list[tuple[int, float]]:
    """The live patterns most similar to a centred unit vector: (pattern_id, cosine), best first."""
    value = dialect.dump(embedding)
    rows = conn.execute(_NEAREST, (value, value, most)).fetchall()
    return [(pattern_id, 1.0 - distance) for pattern_id, distance in rows]


def explain_nearest(conn: Connection, embedding: FloatArray, most: int) -> str:
    """How the server answers nearest(): the plan, a line a step."""
    value = dialect.dump(embedding)
    rows = conn.execute(sql.SQL("EXPLAIN ") + _NEAREST, (value, value, most)).fetchall()
    return "\n".join(line for (line,) in rows)


def publish(
    conn: Connection,
    *,
    round_id: int,
    version: int,
    model_version: str,
    changed: Sequence[Pattern],
    removed: Sequence[int],
    now: datetime,
    trends: TrendList | None = None,
) -> tuple[int, int]:
    """Stores the next version; returns (version, live patterns). publish_round() calls it.

    Without any change nothing is stored and the version is 0. `trends` None leaves those that are
    in force. A change of encoder removes every earlier pattern: vectors of two encoders never meet.

    Raises:
        OmegaError: ROUND_CONFLICT when `version` is not the successor of the newest.
        ValueError: a changed or removed id is not live, or is one of an earlier encoder; more
            than MOST_PATTERNS would be live.
    """
    before = current(conn)
    if version != before.version + 1:
        raise OmegaError(ErrorCode.ROUND_CONFLICT, detail=f"state is at {before.version}")
    live = {pattern.pattern_id for pattern in patterns(conn)}
    gone = set(removed)
    stale = live if before.model_version not in {"", model_version} else set()
    kept = {pattern.pattern_id for pattern in changed if pattern.pattern_id}
    if not gone | kept <= live or kept & (gone | stale):
        raise ValueError("a changed or removed pattern is not live")
    gone |= stale
    if not (changed or gone or trends is not None):
        return 0, len(live)
    left = len(live - gone) + sum(not pattern.pattern_id for pattern in changed)
    if left > MOST_PATTERNS:
        raise ValueError(f"{left} patterns; at most {MOST_PATTERNS}")
    if trends is None:
        trends = trend_rows.current(conn)
    else:
        trend_rows.replace(conn, trends)
    conn.execute(
        "INSERT INTO states (version, round_id, model_version, published_at,"
        " trends_catalogue_version, trends_at, catalogue_version)"
        " VALUES (%s, %s, %s, %s, %s, %s,"
        " (SELECT coalesce(max(version), 0) FROM resources WHERE kind = %s))",
        (
            version,
            round_id,
            model_version,
            now,
            trends.catalogue_version,
            trends.at,
            ResourceKind.CATALOGUE,
        ),
    )
    conn.execute(
        "UPDATE global_patterns SET removed_version = %s WHERE pattern_id = ANY(%s)",
        (version, sorted(gone)),
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            _UPDATE, [(*_values(p), version, p.pattern_id) for p in changed if p.pattern_id]
        )
        cursor.executemany(
            _INSERT, [(*_values(p), version, version) for p in changed if not p.pattern_id]
        )
    _forget(conn, version - KEEP_STEPS)
    return version, left


def _forget(conn: Connection, horizon: int) -> None:
    """Drops starting points up to `horizon` and the removals that only they would need."""
    conn.execute("DELETE FROM states WHERE version <= %s", (horizon,))
    conn.execute("DELETE FROM global_patterns WHERE removed_version <= %s", (horizon + 1,))


def _base(conn: Connection, held_version: int, state: State) -> int:
    held = published(conn, held_version)
    return held_version if held and held.model_version == state.model_version else 0


def _removed(conn: Connection, base: int) -> tuple[int, ...]:
    """At most one more than _MOST_REMOVED: more are of no use."""
    rows = conn.execute(
        "SELECT pattern_id FROM (SELECT pattern_id FROM global_patterns"
        "  WHERE removed_version > %s AND created_version <= %s"
        "  ORDER BY removed_version, created_version LIMIT %s) AS gone"
        " ORDER BY pattern_id",
        (base, base, _MOST_REMOVED + 1),
    ).fetchall()
    return tuple(pattern_id for (pattern_id,) in rows)


def _patterns(conn: Connection, base: int) -> list[Pattern]:
    rows = conn.execute(_SELECT, (base,)).fetchall()
    return [Pattern(n, dialect.load(vector), *rest) for n, vector, *rest in rows]


def _values(pattern: Pattern) -> tuple[object, ...]:
    return (
        dialect.dump(pattern.embedding),
        pattern.success_rate,
        pattern.device_count_floor,
        pattern.weight,
    )
