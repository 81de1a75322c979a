"""Records of federation rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from enum import IntEnum
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from omega_core.errors import ErrorCode, OmegaError
from omega_store.pool import Connection
from omega_store.rows import only


class RoundStatus(IntEnum):
    """Where a round stands; values as in omega.federation.v1.RoundStatus."""

    RUNNING = 1
    SUCCEEDED = 2
    FAILED = 3
    REQUESTED = 4


@dataclass(frozen=True)
class RoundFigures:
    """What a round counted and published."""

    devices: int = 0
    """Distinct devices that took part."""
    sketches: int = 0
    """Distinct sketches behind it."""
    supported_titles: int = 0
    """Titles supported by at least 3 devices."""
    patterns: int = 0
    """Global patterns live after it."""
    state_version: int = 0
    """State version that it published; 0 = none."""
    factors_version: int = 0
    """Factors version that it published; 0 = none."""
    dp_mu: float = 0.0
    """Gaussian differential privacy that it spent; 0 = it published without noise."""
    decoded: int = 0
    """Of the sketches, those that it decoded itself."""
    refreshed: bool = False
    """Whether it decoded every sketch anew."""
    pattern_shift: float = 0.0
    """How far patterns moved: 1 - weighted mean cosine of each to the nearest before, 0 to 2."""
    quality: float = 0.0
    """Weighted mean success rate of the patterns, 0 to 1."""
    trends: int = 0
    """Titles that rise, over all regions."""
    pairs: int = 0
    """Titles and pairs of threshold reports that its model rests on."""
    reports: int = 0
    """Reports that were counted for them."""
    pair_weight: float = 0.0
    """What each of these counts in the model, beside sketches; 0 = there are none."""


@dataclass(frozen=True)
class Standing:
    """What the rounds that were published come to, whichever worker ran them."""

    ended_at: Mapping[bool, datetime]
    """When the last one ended, of those that decoded every sketch anew (True) and of the others."""
    spent_mu: float
    """As spent_mu()."""


class ShardOutcome(IntEnum):
    """What became of a shard in a round; values as in omega.federation.v1.ShardOutcome."""

    AT_WORK = 0
    INCLUDED = 1
    LATE = 2
    FAILED = 3


@dataclass(frozen=True)
class ShardShare:
    """A shard's part in a round."""

    shard: str
    """Its name, 1 to 63 characters of [a-z0-9-]."""
    region: str
    """Its region; empty = one for all."""
    outcome: ShardOutcome = ShardOutcome.AT_WORK
    """What became of it."""
    devices: int = 0
    """Distinct devices that it counted."""
    sketches: int = 0
    """Distinct sketches behind them."""


@dataclass(frozen=True)
class Round:
    """One round's record."""

    round_id: int
    """From 1."""
    request_id: str
    """The UUID that asked for it."""
    status: RoundStatus
    """Where it stands."""
    started_at: datetime
    """When it began, or was asked for."""
    finished_at: datetime | None
    """None while it runs or waits."""
    figures: RoundFigures = field(default_factory=RoundFigures)
    """All 0 until it succeeded."""
    error_code: str = ""
    """ErrorCode that ended it; empty = none."""
    refresh: bool = False
    """Whether whoever asked for it wants everything decoded anew."""
    shards: tuple[ShardShare, ...] = ()
    """By name; empty where the shard is alone."""


_COLUMNS = sql.SQL(
    "round_id, request_id, status, started_at, finished_at, figures, error_code, refresh,"
    " ARRAY(SELECT ARRAY[shard, region, outcome::text, devices::text, sketches::text]"
    "  FROM round_shards WHERE round_shards.round_id = rounds.round_id ORDER BY shard)"
)
_SELECT = sql.SQL("SELECT {columns} FROM rounds WHERE {key} = %s")
_LIST = sql.SQL(
    "SELECT {columns} FROM rounds WHERE %(before)s = 0 OR round_id < %(before)s"
    " ORDER BY round_id DESC LIMIT %(most)s"
)


def request(conn: Connection, request_id: str, now: datetime, *, refresh: bool = False) -> Round:
    """Records a round as REQUESTED, or returns the one that this request_id asked for earlier."""
    conn.execute(
        "INSERT INTO rounds (request_id, status, started_at, refresh) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (request_id) DO NOTHING",
        (request_id, RoundStatus.REQUESTED, now, refresh),
    )
    return only(find(conn, request_id))


def begin(conn: Connection, request_id: str, now: datetime, *, refresh: bool = False) -> Round:
    """Records a round as RUNNING, or returns the one that this request_id began earlier.

    One that was asked for begins. Call it as leader, after ending what running() gives.
    """
    conn.execute(
        "INSERT INTO rounds (request_id, status, started_at, refresh) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (request_id) DO UPDATE"
        " SET status = EXCLUDED.status, started_at = EXCLUDED.started_at"
        " WHERE rounds.status = %s",
        (request_id, RoundStatus.RUNNING, now, refresh, RoundStatus.REQUESTED),
    )
    return only(find(conn, request_id))


def listed(conn: Connection, most: int, before: int = 0) -> tuple[list[Round], bool]:
    """Records, newest first, and whether there are earlier ones.

    Args:
        conn: a connection.
        most: records of the answer, at least 1.
        before: only earlier ones than this round; 0 = from the newest on.
    """
    statement = _LIST.format(columns=_COLUMNS)
    rows = conn.execute(statement, {"before": before, "most": most + 1}).fetchall()
    return [_round(row) for row in rows[:most]], len(rows) > most


def requested(conn: Connection) -> Round | None:
    """The round that waits longest; None = none does."""
    row = conn.execute(
        "SELECT round_id FROM rounds WHERE status = %s ORDER BY round_id LIMIT 1",
        (RoundStatus.REQUESTED,),
    ).fetchone()
    return None if row is None else get(conn, row[0])


def get(conn: Connection, round_id: int) -> Round:
    """One round.

    Raises:
        OmegaError: UNKNOWN_ROUND.
    """
    found = _one(conn, "round_id", round_id)
    if found is None:
        raise OmegaError(ErrorCode.UNKNOWN_ROUND, field="round_id")
    return found


def find(conn: Connection, request_id: str) -> Round | None:
    """The round that a request_id began, if any."""
    return _one(conn, "request_id", request_id)


def running(conn: Connection) -> list[int]:
    """Ids of the RUNNING rounds; to a leader that runs none, those that dead workers left."""
    rows = conn.execute(
        "SELECT round_id FROM rounds WHERE status = %s ORDER BY round_id", (RoundStatus.RUNNING,)
    ).fetchall()
    return [round_id for (round_id,) in rows]


def spent_mu(conn: Connection) -> float:
    """Gaussian differential privacy that all rounds together have spent: root of squares; 0 = none.

    Dong, Roth & Su, Gaussian differential privacy, 2022, corollary 2.
    """
    row = conn.execute(
        "SELECT sqrt(coalesce(sum((figures->>'dp_mu')::float8 ^ 2), 0)) FROM rounds"
        " WHERE status = %s",
        (RoundStatus.SUCCEEDED,),
    ).fetchone()
    return float(only(row)[0])


def standing(conn: Connection) -> Standing:
    """What all rounds come to so far; kinds of which none was published are left out."""
    rows = conn.execute(
        "SELECT coalesce((figures->>'refreshed')::boolean, false), max(finished_at) FROM rounds"
        " WHERE status = %s GROUP BY 1",
        (RoundStatus.SUCCEEDED,),
    ).fetchall()
    return Standing(dict(rows), spent_mu(conn))


def first_success(conn: Connection) -> datetime | None:
    """When the first round that was published began; None = there was none."""
    row = conn.execute(
        "SELECT min(started_at) FROM rounds WHERE status = %s", (RoundStatus.SUCCEEDED,)
    ).fetchone()
    return None if row is None else row[0]


def last_refresh(conn: Connection) -> tuple[datetime, datetime] | None:
    """When the last published refresh began and ended; None = there was none."""
    row = conn.execute(
        "SELECT started_at, finished_at FROM rounds WHERE status = %s"
        " AND (figures->>'refreshed')::boolean ORDER BY round_id DESC LIMIT 1",
        (RoundStatus.SUCCEEDED,),
    ).fetchone()
    return None if row is None else (row[0], row[1])


def succeed(conn: Connection, round_id: int, figures: RoundFigures, now: datetime) -> None:
    """Ends a RUNNING round; publish_round() does it.

    Raises:
        OmegaError: ROUND_CONFLICT when the round does not run.
    """
    _finish(conn, round_id, RoundStatus.SUCCEEDED, asdict(figures), "", now)


def fail(conn: Connection, round_id: int, error_code: str, now: datetime) -> None:
    """Ends a RUNNING round with its cause, an ErrorCode.

    Raises:
        OmegaError: ROUND_CONFLICT when the round does not run.
    """
    _finish(conn, round_id, RoundStatus.FAILED, {}, error_code, now)


def _finish(
    conn: Connection,
    round_id: int,
    status: RoundStatus,
    figures: dict[str, float],
    error_code: str,
    now: datetime,
) -> None:
    done = conn.execute(
        "UPDATE rounds SET status = %s, finished_at = %s, figures = %s, error_code = %s"
        " WHERE round_id = %s AND status = %s",
        (status, now, Jsonb(figures), error_code, round_id, RoundStatus.RUNNING),
    )
    if done.rowcount != 1:
        raise OmegaError(ErrorCode.ROUND_CONFLICT, detail=f"round {round_id} does not run")


def _one(conn: Connection, key: str, value: object) -> Round | None:
    statement = _SELECT.format(columns=_COLUMNS, key=sql.Identifier(key))
    row = conn.execute(statement, (value,)).fetchone()
    return None if row is None else _round(row)


def _round(row: tuple[Any, ...]) -> Round:
    round_id, request_id, status, started_at, finished_at, figures, error_code, *rest = row
    refresh, shards = rest
    known = {f.name for f in fields(RoundFigures)}
    return Round(
        round_id,
        str(request_id),
        RoundStatus(status),
        started_at,
        finished_at,
        RoundFigures(**{name: n for name, n in figures.items() if name in known}),
        error_code,
        refresh,
        tuple(
            ShardShare(shard, region, ShardOutcome(int(outcome)), int(devices), int(sketches))
            for shard, region, outcome, devices, sketches in shards
        ),
    )
