"""Releases of resources: a new version goes to some devices first, then to all, or is taken back.

One release of a kind is under way at a time. Versions only rise: a version that is taken back is
followed by the one before it under a higher number, so that every device is led on by the rule that
it follows anyway, the higher version holds.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import LiteralString

from psycopg import sql
from psycopg.rows import class_row

from omega_core.dealing import PERMILLE, SALT_BYTES
from omega_core.errors import ErrorCode, OmegaError
from omega_store import erasures, resources
from omega_store.locks import lock_releases
from omega_store.pool import Connection
from omega_store.resources import ResourceInfo, ResourceKind
from omega_store.rows import only

Renumbered = Callable[[int, bytes, int], bytes]
"""The body of a kind as it states another version."""
_CONTROL = 100


class Stage(IntEnum):
    """Where a release stands; values as in omega.constellation.v1.ReleaseStage."""

    FIRST = 1
    SECOND = 2
    COMPLETE = 3
    ROLLED_BACK = 4


@dataclass(frozen=True)
class ReleasePlan:
    """How a shard releases."""

    first_permille: int
    """Devices of the first stage, 1 to 998 of 1,000."""
    second_permille: int
    """Devices of the second, above those, at most 999."""
    least_devices: int
    """Devices that the shard must have; with fewer, a version goes to all at once."""


@dataclass(frozen=True)
class Release:
    """One release."""

    release_id: int
    """From 1."""
    kind: int
    """A ResourceKind."""
    version: int
    """What is released."""
    size: int
    """Bytes of its body."""
    sha256: bytes
    """Of its body."""
    model_version: str
    """Encoder of its body."""
    control_version: int
    """What the other devices have."""
    stage: Stage
    """Where it stands."""
    first_permille: int
    """Devices of the first stage."""
    second_permille: int
    """Devices of the second."""
    salt: bytes
    """Deals devices out, 8 bytes."""
    stage_since: datetime
    """When the stage began."""
    looks: int
    """Looks of the judge at the stage."""
    looked_reports: int
    """Reports of the smaller side at the last of them."""
    passed: bool
    """Whether that one found nothing against it."""
    judged_stage: int
    """Stage whose counts tell how it fares."""
    cause: str
    """Why it ended; empty while it goes on."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "stage", Stage(self.stage))

    @property
    def info(self) -> ResourceInfo:
        """The version that is released."""
        return ResourceInfo(self.kind, self.version, self.size, self.sha256, self.model_version)

    @property
    def under_way(self) -> bool:
        """Whether it has not ended."""
        return self.stage <= Stage.SECOND

    @property
    def permille(self) -> int:
        """Devices that get the version, of 1,000."""
        shares = {
            Stage.FIRST: self.first_permille,
            Stage.SECOND: self.second_permille,
            Stage.COMPLETE: PERMILLE,
        }
        return shares.get(self.stage, 0)

    @property
    def control_permille(self) -> int:
        """Devices outside that are asked: as many as inside, and at least 100 of 1,000."""
        return min(max(_CONTROL, self.permille), PERMILLE - self.permille)


_COLUMNS = sql.SQL(
    "release_id, kind, version, size, sha256, model_version, control_version, stage,"
    " first_permille, second_permille, salt, stage_since, looks, looked_reports, passed,"
    " judged_stage, cause"
)
_SELECT = sql.SQL("SELECT {} FROM releases").format(_COLUMNS)
_BEGIN: LiteralString = (
    "INSERT INTO releases (kind, version, size, sha256, model_version, control_version, stage,"
    " first_permille, second_permille, salt, begun_at, stage_since, judged_stage, cause)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %b, %s, %s, %s, %s)"
)


def set_plan(conn: Connection, plan: ReleasePlan | None) -> None:
    """Makes a plan the one that holds for releases from now on; None = versions go to all at once.

    Nothing is written where it holds already.
    """
    if plan == held_plan(conn):
        return
    if plan is None:
        conn.execute("DELETE FROM release_plan")
        return
    conn.execute(
        "INSERT INTO release_plan (first_permille, second_permille, least_devices)"
        " VALUES (%s, %s, %s) ON CONFLICT (only_one) DO UPDATE SET"
        " first_permille = EXCLUDED.first_permille, second_permille = EXCLUDED.second_permille,"
        " least_devices = EXCLUDED.least_devices",
        (plan.first_permille, plan.second_permille, plan.least_devices),
    )


def held_plan(conn: Connection) -> ReleasePlan | None:
    """The plan that holds; None = versions go to all at once."""
    with conn.cursor(row_factory=class_row(ReleasePlan)) as cursor:
        cursor.execute("SELECT first_permille, second_permille, least_devices FROM release_plan")
        return cursor.fetchone()


def under_way(conn: Connection, kind: int | None = None) -> list[Release]:
    """Releases that have not ended, at most one a kind; of all kinds or of one."""
    with conn.cursor(row_factory=class_row(Release)) as cursor:
        cursor.execute(
            _SELECT + sql.SQL(" WHERE stage <= 2 AND coalesce(kind = %s, true) ORDER BY kind"),
            (kind,),
        )
        return cursor.fetchall()


def listed(conn: Connection, most: int, before: int = 0) -> list[Release]:
    """The `most` newest releases, of those below `before` where it is not 0; the newest first."""
    with conn.cursor(row_factory=class_row(Release)) as cursor:
        cursor.execute(
            _SELECT + sql.SQL(" WHERE %s = 0 OR release_id < %s ORDER BY release_id DESC LIMIT %s"),
            (before, before, most),
        )
        return cursor.fetchall()


def get(conn: Connection, release_id: int) -> Release:
    """One release.

    Raises:
        OmegaError: UNKNOWN_RELEASE.
    """
    with conn.cursor(row_factory=class_row(Release)) as cursor:
        cursor.execute(_SELECT + sql.SQL(" WHERE release_id = %s"), (release_id,))
        found = cursor.fetchone()
    if found is None:
        raise OmegaError(ErrorCode.UNKNOWN_RELEASE, field="release_id")
    return found


def withdrawn(conn: Connection) -> list[tuple[int, int]]:
    """Kind and version of what was taken back and is still kept, at most KEEP a kind."""
    return [
        (int(kind), int(version))
        for kind, version in conn.execute(
            "SELECT kind, version FROM releases JOIN resources USING (kind, version)"
            " WHERE stage = 4 ORDER BY kind, version"
        )
    ]


def publish(
    conn: Connection,
    kind: int,
    version: int,
    *,
    model_version: str,
    body: bytes,
    now: datetime,
) -> ResourceInfo | None:
    """As resources.publish(), by the plan that holds: to some devices first, or to all at once.

    To all at once where there is no plan, no version before, or fewer devices than the plan asks
    for.

    Returns:
        What was published; None where the version before is still being released. Nothing is stored
        then: a release is not disturbed by what comes after it.

    Raises:
        OmegaError: as resources.publish().
        ValueError: as resources.publish().
    """
    lock_releases(conn)
    if under_way(conn, kind):
        return None
    control = next((v for k, v, *_ in conn.execute(GIVEN_OUT) if k == kind), 0)
    info = resources.publish(conn, kind, version, model_version=model_version, body=body, now=now)
    plan = held_plan(conn)
    if plan is None or not control:
        return info
    few = _devices(conn) < plan.least_devices
    conn.execute(
        _BEGIN,
        (
            kind,
            version,
            info.size,
            info.sha256,
            model_version,
            control,
            Stage.COMPLETE if few else Stage.FIRST,
            plan.first_permille,
            plan.second_permille,
            secrets.token_bytes(SALT_BYTES),
            now,
            now,
            Stage.FIRST,
            f"the fleet has fewer than {plan.least_devices:,} devices" if few else "",
        ),
    )
    return info


def note_look(
    conn: Connection, release: Release, looks: int, reports: int, *, passed: bool
) -> None:
    """Keeps what a look of the judge spent and found."""
    conn.execute(
        "UPDATE releases SET looks = %s, looked_reports = %s, passed = %s WHERE release_id = %s",
        (looks, reports, passed, release.release_id),
    )


def promote(conn: Connection, release: Release, now: datetime) -> None:
    """Gives a version to the devices of the second stage; the judge begins anew there."""
    conn.execute(
        "UPDATE releases SET stage = 2, judged_stage = 2, stage_since = %s, looks = 0,"
        " looked_reports = 0, passed = false WHERE release_id = %s AND stage = 1",
        (now, release.release_id),
    )


def complete(conn: Connection, release: Release, cause: str, now: datetime) -> None:
    """Gives a version to all devices."""
    _end(conn, release, Stage.COMPLETE, cause, now)


def roll_back(
    conn: Connection, release: Release, cause: str, now: datetime, renumbered: Renumbered
) -> None:
    """Takes a version back: the one before it follows it under a higher number.

    Where the one before is not kept, nothing is given out in its place.

    Args:
        conn: the transaction, which holds lock_releases().
        release: under way.
        cause: why, at most 256 characters.
        now: the present instant.
        renumbered: makes the body that follows of the one before.
    """
    _end(conn, release, Stage.ROLLED_BACK, cause, now)
    kind, before = release.kind, release.control_version
    if kind == ResourceKind.FACTORS:
        # Whoever was left out of the version that goes is in the one that comes back.
        erasures.reopen(conn, release.version)
    try:
        control = resources.info(conn, kind, before)
    except OmegaError as error:
        if error.code != ErrorCode.UNKNOWN_RESOURCE:
            raise
        return
    version = resources.following_version(conn, kind)
    body = renumbered(kind, resources.read(conn, kind, before, 0, control.size), version)
    resources.publish(conn, kind, version, model_version=control.model_version, body=body, now=now)


def abandon(conn: Connection, kind: int, now: datetime) -> None:
    """Ends the release of a kind that is no longer given out at all."""
    lock_releases(conn)
    for release in under_way(conn, kind):
        _end(conn, release, Stage.ROLLED_BACK, "nothing of this kind is given out any more", now)


GIVEN_OUT: LiteralString = (
    "SELECT DISTINCT ON (kind) kind, version, size, sha256, model_version FROM resources AS r"
    " WHERE NOT EXISTS ("
    "  SELECT FROM releases AS l WHERE (l.kind, l.version) = (r.kind, r.version) AND l.stage <> 3"
    " ) ORDER BY kind, version DESC"
)
"""The newest version of each kind that all devices get: not one that is being released, and none
that was taken back."""


def _end(conn: Connection, release: Release, stage: Stage, cause: str, now: datetime) -> None:
    conn.execute(
        "UPDATE releases SET stage = %s, stage_since = %s, cause = %s"
        " WHERE release_id = %s AND stage <= 2",
        (stage, now, cause, release.release_id),
    )


def _devices(conn: Connection) -> int:
    row = conn.execute("SELECT count(*) FROM devices WHERE revoked_at IS NULL").fetchone()
    return int(only(row)[0])
