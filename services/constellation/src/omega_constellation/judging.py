"""What becomes of a release: one step a look, from the counts that are stored."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from omega_core.errors import ErrorCode, OmegaError
from omega_delta import decode_factors, encode_factors
from omega_privacy.trial import Cell, Looks, Rules, Verdict, look
from omega_store import Connection, release_reports, releases
from omega_store.locks import lock_releases
from omega_store.releases import Release, Stage
from omega_store.resources import ResourceKind

_log = logging.getLogger(__name__)
_BY_HAND = "by hand"


@dataclass(frozen=True)
class Judging:
    """How releases are judged."""

    first: Rules
    """What a version has to show at the first stage."""
    second: Rules
    """What it has to show before it goes to all."""
    least: timedelta
    """Least time of a stage."""
    longest: timedelta
    """Longest time of a stage."""


def step(conn: Connection, release: Release, rules: Judging, now: datetime) -> None:
    """Looks at a release under way and does what follows, in the caller's transaction.

    What was counted and what earlier looks have spent is stored, so it does not matter who looks,
    or when the one before died.

    Args:
        conn: the transaction, which holds the right to change releases.
        release: as stored.
        rules: how it is judged.
        now: the present instant.
    """
    stage = rules.first if release.stage == Stage.FIRST else rules.second
    before = Looks(release.looks, release.looked_reports, release.passed)
    verdict, after = look(cells(conn, release), before, stage)
    if after != before:
        releases.note_look(conn, release, after.count, after.reports, passed=after.passed)
    if verdict is Verdict.WORSE:
        roll_back(conn, release, "it does worse than the version before", now)
    elif verdict is Verdict.PASSED and now - release.stage_since >= rules.least:
        _on(conn, release, now)
    elif now - release.stage_since >= rules.longest:
        roll_back(conn, release, "nothing shows in time that it does no worse", now)


def end(conn: Connection, release_id: int, *, complete: bool, now: datetime) -> Release:
    """Ends a release by hand; one that ended so already stays as it is.

    Raises:
        OmegaError: UNKNOWN_RELEASE; RELEASE_ENDED when it ended otherwise.
    """
    lock_releases(conn)
    release = releases.get(conn, release_id)
    if release.under_way:
        if complete:
            releases.complete(conn, release, _BY_HAND, now)
            _log.info("release %d is complete: %s", release_id, _BY_HAND)
        else:
            roll_back(conn, release, _BY_HAND, now)
    elif complete != (release.stage == Stage.COMPLETE):
        ended = "complete" if release.stage == Stage.COMPLETE else "rolled back"
        raise OmegaError(ErrorCode.RELEASE_ENDED, field="release_id", bound=ended)
    return releases.get(conn, release_id)


def roll_back(conn: Connection, release: Release, cause: str, now: datetime) -> None:
    """Takes a version back, for all devices."""
    releases.roll_back(conn, release, cause, now, renumbered)
    _log.warning("release %d is rolled back: %s", release.release_id, cause)


def cells(conn: Connection, release: Release) -> list[Cell]:
    """What devices said at the stage that tells how a release fares."""
    return [
        Cell(
            candidate=count.candidate,
            period=count.period,
            epsilon=count.epsilon_hundredths / 100,
            reports=count.reports,
            positive=count.positive,
        )
        for count in release_reports.counts(conn, release.release_id, release.judged_stage)
    ]


def renumbered(kind: int, body: bytes, version: int) -> bytes:
    """A body that says the same as another version.

    Raises:
        OmegaError: INVALID_FIELD or CORRUPT_RESOURCE when it cannot be read.
    """
    if kind == ResourceKind.FACTORS:
        return encode_factors(replace(decode_factors(body), version=version))
    return body


def _on(conn: Connection, release: Release, now: datetime) -> None:
    if release.stage == Stage.FIRST:
        releases.promote(conn, release, now)
        _log.info("release %d goes on to its second stage", release.release_id)
    else:
        releases.complete(conn, release, "it does no worse than the version before", now)
        _log.info("release %d is complete", release.release_id)
