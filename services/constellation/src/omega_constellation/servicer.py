"""omega.constellation.v1.ConstellationService: checks, stores, answers after commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

import grpc
from google.protobuf.duration_pb2 import Duration

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_constellation import answers, catalogue, checks, codebooks, erasing, operators
from omega_constellation.between_shards import BetweenShards
from omega_constellation.directories import Directories
from omega_constellation.enrolment import Enrolment
from omega_constellation.news import StateNews
from omega_constellation.reports import NotTaken, Reports
from omega_constellation.steps import Delta, Steps
from omega_core import limits
from omega_core.clock import Clock
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_rpc import call as calls
from omega_store import (
    Connection,
    PushWriter,
    Store,
    devices,
    directories,
    lock_catalogue,
    locks,
    releases,
    resources,
    revocations,
    status,
    trends,
)
from omega_store.heads import heads
from omega_store.resources import ResourceInfo


class ConstellationServicer(BetweenShards):
    """The shard's owner.

    Args:
        store: the shard.
        writer: makes pushes durable.
        news: encodes steps of the collective state.
        steps: encode those of resources, by kind.
        clock: stamps what is stored.
        push_seconds: longest wait for a push.
        sync_interval: what TVs are told as the time until their next sync.
        enrolment: who becomes a device.
        held: the directory of shards; None = this one is alone.
        reports: of pairs; None = they are not taken.
    """

    def __init__(
        self,
        store: Store,
        writer: PushWriter,
        news: StateNews,
        steps: Mapping[int, Steps],
        clock: Clock,
        *,
        push_seconds: float,
        sync_interval: timedelta,
        enrolment: Enrolment,
        held: Directories | None = None,
        reports: Reports | None = None,
    ) -> None:
        super().__init__(store, held or Directories(enrolment.shard), clock, enrolment.max_devices)
        self._store = store
        self._writer = writer
        self._news = news
        self._steps = steps
        self._clock = clock
        self._push_seconds = push_seconds
        self._enrolment = enrolment
        self._reports = reports or NotTaken()
        self._retry_after = Duration()
        self._retry_after.FromTimedelta(sync_interval)

    def RegisterDevice(  # noqa: N802 - named by the contract
        self, request: pb.RegisterDeviceRequest, context: grpc.ServicerContext
    ) -> pb.RegisterDeviceResponse:
        """One transaction: identity, claim and certificate, or nothing."""
        del context
        checks.registration(request)
        with self._store.transaction("register device") as conn:
            locks.share_directory(conn)
            directory = self._directories.held(conn)
            return self._enrolment.register(conn, request, self._clock.now(), directory)

    def IngestPatterns(  # noqa: N802 - named by the contract
        self, request: pb.IngestPatternsRequest, context: grpc.ServicerContext
    ) -> pb.IngestPatternsResponse:
        """Waits until the pushes are on disk."""
        del context
        pushes = checks.pushes(request)
        results = self._writer.write(pushes, calls.remaining(self._push_seconds))
        return pb.IngestPatternsResponse(results=[answers.push_result(r) for r in results])

    def GetGlobalState(  # noqa: N802 - named by the contract
        self, request: pb.GetGlobalStateRequest, context: grpc.ServicerContext
    ) -> pb.GetGlobalStateResponse:
        """Compares what a TV holds with the newest of everything."""
        del context
        held = checks.pull(request)
        with self._store.statements("note pull") as conn:
            region = request.region
            if request.device_id:
                region = self._seen(conn, request.device_id)
            newest = heads(conn)
        found = self._news.since(checks.wanted(request, region), newest)
        lacking = (info for info in newest.resources if info.version > held.get(info.kind, 0))
        return pb.GetGlobalStateResponse(
            state_version=found.version,
            compression=answers.compression(found.codec),
            delta=found.delta,
            resources=[] if found.page else [answers.resource(info) for info in lacking],
            retry_after=self._retry_after,
            codec=answers.codec(found.codec),
            pages=found.pages,
            page=found.page,
        )

    def GetHeads(  # noqa: N802 - named by the contract
        self, request: pb.GetHeadsRequest, context: grpc.ServicerContext
    ) -> pb.GetHeadsResponse:
        """Reads what a gateway compares its TVs with."""
        del context
        checks.heads(request)
        with self._store.snapshot("read heads") as conn:
            newest = heads(conn)
            staged, withdrawn = releases.under_way(conn), releases.withdrawn(conn)
            regions = trends.regions(conn)
            shut_out = revocations.since(conn, request.revocations_after, self._clock.now())
            directory_version = directories.version(conn)
        return pb.GetHeadsResponse(
            state_version=newest.state.version,
            resources=[answers.resource(info) for info in newest.resources],
            trend_regions=sorted(regions),
            codebook_id=newest.codebook_id,
            retry_after=self._retry_after,
            revocations=[
                pb.Revocation(device_id=r.device_id, serials=r.serials) for r in shut_out.found
            ],
            revocations_cursor=shut_out.cursor,
            more_revocations=shut_out.more,
            staged=[answers.staged(release) for release in staged],
            withdrawn=[answers.held(kind, version) for kind, version in withdrawn],
            directory_version=directory_version,
        )

    def UpsertContents(  # noqa: N802 - named by the contract
        self, request: pb.UpsertContentsRequest, context: grpc.ServicerContext
    ) -> pb.UpsertContentsResponse:
        """One transaction: all titles and the publication, or nothing."""
        rows = checks.contents(request)
        now = self._clock.now()
        with self._store.transaction("store contents") as conn:
            counts, version, published = catalogue.upsert(
                conn, rows, model_version=request.model_version, publish=request.publish, now=now
            )
            if published:
                operators.note(conn, context, "UpsertContents", f"catalogue {version}", now)
        return pb.UpsertContentsResponse(
            added=counts.added,
            updated=counts.updated,
            unchanged=counts.unchanged,
            catalogue_version=version,
        )

    def GetResource(  # noqa: N802 - named by the contract
        self, request: pb.GetResourceRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.GetResourceResponse]:
        """Reads a chunk when the caller has taken the one before."""
        del context
        checks.body(request)
        kind, version, offset = int(request.kind), request.version, request.offset
        with self._store.statements("find resource") as conn:
            info = resources.info(conn, kind, version)
        steps = self._steps.get(kind)
        if steps is not None and request.base_version and not offset:
            step = steps.between(request.base_version, request.base_sha256, version)
            if step is not None:
                yield from _delta(info, request.base_version, step)
                return
        if offset > info.size:
            raise invalid("offset", f"at most the body's {info.size:,} bytes")
        stated: resource_pb2.ResourceInfo | None = answers.resource(info)
        while offset < info.size:
            with self._store.statements("read chunk") as conn:
                data = resources.read(conn, kind, version, offset, limits.MAX_CHUNK)
            chunk = resource_pb2.ResourceChunk(info=stated, offset=offset, data=data)
            stated = None
            yield pb.GetResourceResponse(chunk=chunk)
            offset += len(data)

    def PublishCodebook(  # noqa: N802 - named by the contract
        self, request: pb.PublishCodebookRequest, context: grpc.ServicerContext
    ) -> pb.PublishCodebookResponse:
        """One transaction: the codebook is the newest, or nothing changed."""
        checks.codebook(request)
        now = self._clock.now()
        with self._store.transaction("publish codebook") as conn:
            lock_catalogue(conn)
            held = resources.newest_version(conn, resources.ResourceKind.CODEBOOK)
            version, codebook_id = codebooks.publish(conn, request.body, now)
            if version != held:
                operators.note(conn, context, "PublishCodebook", f"codebook {version}", now)
        return pb.PublishCodebookResponse(version=version, codebook_id=codebook_id)

    def EraseDevice(  # noqa: N802 - named by the contract
        self, request: pb.EraseDeviceRequest, context: grpc.ServicerContext
    ) -> pb.EraseDeviceResponse:
        """One transaction: the device and its pushes, or nothing."""
        del context
        checks.erasure(request)
        with self._store.transaction("erase device") as conn:
            pushes = erasing.erase(
                conn, self._directories.held(conn), request.device_id, self._clock.now()
            )
        return pb.EraseDeviceResponse(pushes=pushes)

    def IssueTokens(  # noqa: N802 - named by the contract
        self, request: pb.IssueTokensRequest, context: grpc.ServicerContext
    ) -> pb.IssueTokensResponse:
        """Counted when it is answered."""
        del context
        checks.tokens(request)
        return self._reports.issue(request)

    def GetClusterStatus(  # noqa: N802 - named by the contract
        self, request: pb.GetClusterStatusRequest, context: grpc.ServicerContext
    ) -> pb.GetClusterStatusResponse:
        """Counts the shard."""
        del context
        checks.status(request)
        with self._store.snapshot("read cluster status") as conn:
            figures = status.figures(conn, self._clock.now())
            listed = devices.last_seen(conn, request.max_devices)
            kept = status.heads(conn)
        return answers.cluster_status(kept, figures, listed)

    def _seen(self, conn: Connection, device_id: str) -> str:
        """Notes that a device called; returns its region."""
        device = devices.touch(conn, device_id, self._clock.now())
        if device is None:
            raise OmegaError(ErrorCode.UNAUTHENTICATED, detail=f"{device_id} is not welcome")
        return device.region


def _delta(info: ResourceInfo, base_version: int, step: Delta) -> Iterator[pb.GetResourceResponse]:
    """A step in place of the body that `info` names."""
    stated: resource_pb2.ResourceInfo | None = resource_pb2.ResourceInfo(
        kind=answers.resource(info).kind,
        version=info.version,
        size_bytes=len(step.body),
        sha256=step.sha256,
        model_version=info.model_version,
        base_version=base_version,
    )
    for offset in range(0, len(step.body), limits.MAX_CHUNK):
        data = step.body[offset : offset + limits.MAX_CHUNK]
        chunk = resource_pb2.ResourceChunk(info=stated, offset=offset, data=data)
        stated = None
        yield pb.GetResourceResponse(chunk=chunk)
