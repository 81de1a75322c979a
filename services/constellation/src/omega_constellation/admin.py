"""omega.constellation.v1.AdminService: what operators ask of a shard and do to it."""

from __future__ import annotations

import grpc

from omega.constellation.v1 import admin_pb2, constellation_service_pb2_grpc, release_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_constellation import (
    admin_answers,
    admin_checks,
    checks,
    operators,
    pages,
    release_admin,
)
from omega_constellation.answers import timestamp
from omega_constellation.directories import Directories
from omega_constellation.round_admin import RoundAdmin
from omega_constellation.stats import Stats
from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError
from omega_store import Store, audit, claims, contents, device_pages, devices, trends


class AdminServicer(RoundAdmin, constellation_service_pb2_grpc.AdminServiceServicer):
    """Claims, devices, figures, titles, trends, rounds, releases and the audit log.

    Args:
        store: the shard.
        clock: stamps what is stored.
        directories: the shards of the fleet, and which one this is.
        stats: counts it.
    """

    def __init__(self, store: Store, clock: Clock, directories: Directories, stats: Stats) -> None:
        super().__init__(store, clock)
        self._directories = directories
        self._stats = stats

    def CreateClaims(  # noqa: N802 - named by the contract
        self, request: pb.CreateClaimsRequest, context: grpc.ServicerContext
    ) -> pb.CreateClaimsResponse:
        """All of them, or none."""
        valid_for = checks.claims(request)
        now = self._clock.now()
        with self._store.transaction("create claims") as conn:
            made = claims.create(conn, request.count, valid_for, now)
            operators.note(conn, context, "CreateClaims", f"{len(made)} claims", now)
        return pb.CreateClaimsResponse(claims=made)

    def RevokeDevice(  # noqa: N802 - named by the contract
        self, request: pb.RevokeDeviceRequest, context: grpc.ServicerContext
    ) -> pb.RevokeDeviceResponse:
        """Durable when it is answered; gateways hear of it at their next look."""
        checks.revocation(request)
        now = self._clock.now()
        with self._store.transaction("revoke device") as conn:
            revoked_at = devices.revoke(conn, request.device_id, now)
            if revoked_at == now:
                operators.note(conn, context, "RevokeDevice", request.device_id, now)
        if revoked_at is None:
            raise OmegaError(ErrorCode.UNKNOWN_DEVICE, field="device_id")
        return pb.RevokeDeviceResponse(revoked_at=timestamp(revoked_at))

    def GetShardStats(  # noqa: N802 - named by the contract
        self, request: admin_pb2.GetShardStatsRequest, context: grpc.ServicerContext
    ) -> admin_pb2.GetShardStatsResponse:
        """Counted, never remembered for long."""
        del context
        admin_checks.stats(request)
        return admin_pb2.GetShardStatsResponse(stats=self._stats.read(request.minutes))

    def ListDevices(  # noqa: N802 - named by the contract
        self, request: admin_pb2.ListDevicesRequest, context: grpc.ServicerContext
    ) -> admin_pb2.ListDevicesResponse:
        """By ascending id, so that devices that come and go move no page."""
        del context
        wanted = admin_checks.devices(request, self._clock.now())
        with self._store.statements("list devices") as conn:
            found = device_pages.page(
                conn,
                after=wanted.after,
                most=wanted.size + 1,
                region=request.region,
                active_since=wanted.active_since,
                revoked=wanted.revoked,
            )
        shown = found[: wanted.size]
        return admin_pb2.ListDevicesResponse(
            devices=[admin_answers.device(each, self._directories.shard) for each in shown],
            next_page_token=pages.token(shown[-1].device_id) if len(found) > len(shown) else "",
        )

    def GetDevice(  # noqa: N802 - named by the contract
        self, request: admin_pb2.GetDeviceRequest, context: grpc.ServicerContext
    ) -> admin_pb2.GetDeviceResponse:
        """Looked for here first."""
        del context
        admin_checks.device(request.device_id)
        with self._store.statements("find device") as conn:
            found = device_pages.one(conn, request.device_id)
        if found is None:
            raise OmegaError(ErrorCode.UNKNOWN_DEVICE, field="device_id")
        return admin_pb2.GetDeviceResponse(
            device=admin_answers.device(found, self._directories.shard)
        )

    def EraseDevice(  # noqa: N802 - named by the contract
        self, request: admin_pb2.AdminServiceEraseDeviceRequest, context: grpc.ServicerContext
    ) -> admin_pb2.AdminServiceEraseDeviceResponse:
        """One transaction: all that is here of it, or nothing."""
        admin_checks.device(request.device_id)
        now = self._clock.now()
        with self._store.transaction("erase device") as conn:
            found = devices.get(conn, request.device_id) is not None
            pushes = devices.erase(conn, request.device_id)
            if found:
                gone = audit.gone(request.device_id)
                operators.note(conn, context, "EraseDevice", gone, now)
        return admin_pb2.AdminServiceEraseDeviceResponse(pushes=pushes)

    def ListContents(  # noqa: N802 - named by the contract
        self, request: admin_pb2.ListContentsRequest, context: grpc.ServicerContext
    ) -> admin_pb2.ListContentsResponse:
        """By ascending ordinal, which never changes."""
        del context
        after, size = admin_checks.contents(request)
        with self._store.snapshot("list contents") as conn:
            found = contents.page(conn, after, size + 1, request.title_prefix)
            total = contents.count(conn)
        shown = found[:size]
        return admin_pb2.ListContentsResponse(
            contents=[admin_answers.content(each.content) for each in shown],
            next_page_token=pages.token(str(shown[-1].ordinal)) if len(found) > size else "",
            total=total,
        )

    def ListTrends(  # noqa: N802 - named by the contract
        self, request: admin_pb2.ListTrendsRequest, context: grpc.ServicerContext
    ) -> admin_pb2.ListTrendsResponse:
        """Of one state."""
        del context
        admin_checks.trends(request)
        with self._store.snapshot("list trends") as conn:
            found = trends.named(conn, request.region)
            regions = trends.regions(conn)
            stated = trends.stated_at(conn)
        return admin_answers.trends(found, sorted(regions), stated)

    def ListAudit(  # noqa: N802 - named by the contract
        self, request: admin_pb2.ListAuditRequest, context: grpc.ServicerContext
    ) -> admin_pb2.ListAuditResponse:
        """What was done here."""
        del context
        before, size = admin_checks.audit(request)
        with self._store.statements("list audit") as conn:
            found = audit.entries(conn, before, size + 1)
        return admin_pb2.ListAuditResponse(
            entries=[admin_answers.entry(each) for each in found[:size]], more=len(found) > size
        )

    def ListReleases(  # noqa: N802 - named by the contract
        self, request: release_pb2.ListReleasesRequest, context: grpc.ServicerContext
    ) -> release_pb2.ListReleasesResponse:
        """Counts and estimates as they stand."""
        del context
        return release_admin.list_releases(self._store, request)

    def EndRelease(  # noqa: N802 - named by the contract
        self, request: release_pb2.EndReleaseRequest, context: grpc.ServicerContext
    ) -> release_pb2.EndReleaseResponse:
        """Durable when it is answered; gateways hear of it at their next look."""
        return release_admin.end_release(self._store, request, context, self._clock)
