"""What devices say of releases: counted once a device, kind and day, kept without the device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from omega_core.clock import day_of
from omega_core.dealing import device_number
from omega_store.pool import Connection
from omega_store.releases import Release, under_way

LATE = 2
"""Days for which a day is still counted when it is over."""
_FORGET_AT_ONCE = 10_000


@dataclass(frozen=True)
class Report:
    """What a device says of a day."""

    period: int
    """The day, in days since 1970-01-01 UTC, 1 to 65,535."""
    held: tuple[tuple[int, int], ...]
    """Kind and version of what it ranked with all day; 1 to 8."""
    watched: bool
    """The randomised bit."""
    epsilon_hundredths: int
    """Of the randomisation, 10 to 300."""


@dataclass(frozen=True)
class Count:
    """Reports of one side, day and epsilon, without devices."""

    candidate: bool
    """Whether the devices have the version that is released; else the one before."""
    period: int
    """The day."""
    epsilon_hundredths: int
    """Of the randomisation."""
    reports: int
    """How many, at least 1."""
    positive: int
    """Of them, those that said yes."""


_COUNTED: LiteralString = (
    "INSERT INTO release_reports (device_id, kind, period)"
    " SELECT * FROM unnest(%s::text[], %s::smallint[], %s::integer[]) AS t (d, k, p)"
    " ORDER BY d, k, p"
    " ON CONFLICT DO NOTHING RETURNING device_id, kind, period"
)
_ADD: LiteralString = (
    "INSERT INTO release_counts AS c (release_id, stage, candidate, period, epsilon_hundredths,"
    " slot, reports, positive) VALUES (%s, %s, %s, %s, %s, pg_backend_pid() %% 16, %s, %s)"
    " ON CONFLICT (release_id, stage, candidate, period, epsilon_hundredths, shard, slot)"
    " DO UPDATE SET reports = c.reports + EXCLUDED.reports,"
    " positive = c.positive + EXCLUDED.positive"
)


def count(conn: Connection, reports: Iterable[tuple[str, Report]], now: datetime) -> None:
    """Counts reports of known devices, each with its device id; call it where pushes are stored.

    A report counts for a release under way if its device is inside and held the version all day, or
    is one of those outside that are asked and held the version before. Else it counts for nothing,
    as does one of a day that is to come or long over, and a further one of a device for the same
    day and kind.

    Args:
        conn: the transaction that stores the pushes.
        reports: of devices that are locked against being erased.
        now: the present instant.
    """
    today = day_of(now)
    timely = [each for each in reports if today - LATE <= each[1].period <= today]
    if not timely:
        return
    running = {release.kind: release for release in under_way(conn)}
    found: dict[tuple[str, int, int], tuple[Release, bool, Report]] = {}
    for device_id, report in timely:
        for kind, version in report.held:
            if (release := running.get(kind)) is None:
                continue
            side = _side(release, device_id, version)
            if side is not None:
                found.setdefault((device_id, kind, report.period), (release, side, report))
    if not found:
        return
    columns = [list(column) for column in zip(*found, strict=True)]
    added: Counter[tuple[int, int, bool, int, int]] = Counter()
    positive: Counter[tuple[int, int, bool, int, int]] = Counter()
    for counted in conn.execute(_COUNTED, columns).fetchall():
        release, side, report = found[counted]
        cell = (
            release.release_id,
            int(release.stage),
            side,
            report.period,
            report.epsilon_hundredths,
        )
        added[cell] += 1
        positive[cell] += report.watched
    # In order, so that two writers cannot wait for each other.
    for cell in sorted(added):
        conn.execute(_ADD, (*cell, added[cell], positive[cell]))


def counts(conn: Connection, release_id: int, stage: int) -> Sequence[Count]:
    """What was counted of a stage."""
    rows = conn.execute(
        "SELECT candidate, period, epsilon_hundredths, sum(reports)::bigint, sum(positive)::bigint"
        " FROM release_counts WHERE (release_id, stage) = (%s, %s)"
        " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        (release_id, stage),
    ).fetchall()
    return [Count(*row) for row in rows]


def forget(conn: Connection, now: datetime) -> int:
    """Deletes rows of days that are counted no more, some at a time; returns how many."""
    return conn.execute(
        "DELETE FROM release_reports WHERE (device_id, kind, period) IN ("
        " SELECT device_id, kind, period FROM release_reports WHERE period < %s LIMIT %s)",
        (day_of(now) - LATE, _FORGET_AT_ONCE),
    ).rowcount


def _side(release: Release, device_id: str, version: int) -> bool | None:
    """True = it speaks for the version, False = for the one before, None = for neither."""
    drawn = device_number(release.salt, device_id)
    if drawn < release.permille:
        return True if version == release.version else None
    asked = drawn < release.permille + release.control_permille
    return False if asked and version == release.control_version else None
