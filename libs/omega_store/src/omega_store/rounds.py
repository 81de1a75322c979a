"""Records of federation rounds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from enum import IntEnum

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
    """When it began."""
    finished_at: datetime | None
    """None while it runs."""
    figures: RoundFigures = field(default_factory=RoundFigures)
    """All 0 until it succeeded."""
    error_code: str = ""
    """ErrorCode that ended it; empty = none."""


_SELECT = sql.SQL(
    "SELECT round_id, request_id, status, started_at, finished_at, figures, error_code"
    " FROM rounds WHERE {key} = %s"
)


def begin(conn: Connection, request_id: str, now: datetime) -> Round:
    """Records a round as RUNNING, or returns the one that this request_id began earlier.

    Call it as leader, after ending what running() gives.
    """
    conn.execute(
        "INSERT INTO rounds (request_id, status, started_at) VALUES (%s, %s, %s)"
        " ON CONFLICT (request_id) DO NOTHING",
        (request_id, RoundStatus.RUNNING, now),
    )
    return only(find(conn, request_id))


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
    row = conn.execute(_SELECT.format(key=sql.Identifier(key)), (value,)).fetchone()
    if row is None:
        return None
    round_id, request_id, status, started_at, finished_at, figures, error_code = row
    known = {f.name for f in fields(RoundFigures)}
    return Round(
        round_id,
        str(request_id),
        RoundStatus(status),
        started_at,
        finished_at,
        RoundFigures(**{name: n for name, n in figures.items() if name in known}),
        error_code,
    )
