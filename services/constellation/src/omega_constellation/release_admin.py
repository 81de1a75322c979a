"""What operators see of releases, and how they end one."""

from __future__ import annotations

from datetime import UTC
from typing import cast

import grpc

from omega.constellation.v1 import release_pb2 as pb
from omega_constellation import answers, judging, operators
from omega_core import limits, validate
from omega_core.clock import Clock
from omega_privacy.trial import Side, side
from omega_store import Connection, Store, releases
from omega_store.releases import Release

_MOST, _USUAL = 1_000, 100


def list_releases(store: Store, request: pb.ListReleasesRequest) -> pb.ListReleasesResponse:
    """A page of releases, the newest first.

    Raises:
        OmegaError: INVALID_FIELD, STORAGE_UNAVAILABLE.
    """
    most = validate.integer("page_size", request.page_size or _USUAL, 1, _MOST)
    before = validate.integer("before_release_id", request.before_release_id, 0, limits.MAX_VERSION)
    with store.snapshot("list releases") as conn:
        found = releases.listed(conn, most + 1, before)
        return pb.ListReleasesResponse(
            releases=[_message(conn, release) for release in found[:most]],
            more=len(found) > most,
        )


def end_release(
    store: Store, request: pb.EndReleaseRequest, context: grpc.ServicerContext, clock: Clock
) -> pb.EndReleaseResponse:
    """Ends a release by hand, durably.

    Raises:
        OmegaError: INVALID_FIELD, UNKNOWN_RELEASE, RELEASE_ENDED, STORAGE_UNAVAILABLE.
    """
    release_id = validate.integer("release_id", request.release_id, 1, limits.MAX_VERSION)
    now = clock.now()
    with store.transaction("end release") as conn:
        ended = judging.end(conn, release_id, complete=request.complete, now=now)
        if ended.stage_since == now:
            operators.note(conn, context, "EndRelease", str(release_id), now)
        return pb.EndReleaseResponse(release=_message(conn, ended))


def _message(conn: Connection, release: Release) -> pb.Release:
    cells = judging.cells(conn, release)
    return pb.Release(
        release_id=release.release_id,
        resource=answers.resource(release.info),
        control_version=release.control_version,
        stage=cast("pb.ReleaseStage.ValueType", int(release.stage)),
        stage_since=answers.timestamp(release.stage_since.astimezone(UTC)),
        candidate=_counts(side(cells, candidate=True)),
        control=_counts(side(cells, candidate=False)),
        cause=release.cause,
        permille=release.permille,
    )


def _counts(found: Side) -> pb.ReleaseCounts:
    return pb.ReleaseCounts(
        reports=found.reports,
        positive=found.positive,
        estimate=found.estimate,
        standard_error=found.error,
    )
