"""AdminService of a fleet: any shard answers for any other.

What concerns a shard, a device or what is one for the fleet is handed on to where it is; the answer
is that shard's own. A call that was handed on says so, and is answered where it arrives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

import grpc

from omega.constellation.v1 import admin_pb2, directory_pb2, release_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_constellation import operators
from omega_constellation.admin import AdminServicer
from omega_constellation.directories import Directories
from omega_constellation.peers import Peers, asked
from omega_constellation.stats import Stats
from omega_core import validate
from omega_core.clock import Clock
from omega_core.directory import Directory, ShardEntry, shard_name
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc import call as calls
from omega_rpc import directories as messages
from omega_store import Store, directories

HANDED_ON = "x-omega-handed-on"
"""Metadata of a call that another shard handed on: that shard's name."""
_ACTOR = "x-omega-actor"
_CALL_SECONDS = 10.0
_SUMMARY_SECONDS = 2.0
_ROUNDS_OF_SEARCH = 2
Q = TypeVar("Q")
A = TypeVar("A")
Local = Callable[[Q, grpc.ServicerContext], A]


class _OfShard(Protocol):
    shard: str


class _OfDevice(Protocol):
    device_id: str


QS = TypeVar("QS", bound=_OfShard)
QD = TypeVar("QD", bound=_OfDevice)


class AdminRoutes(AdminServicer):
    """Answers for this shard, and hands on what is another's.

    Args:
        store: the shard.
        clock: stamps what is stored.
        directories: the shards of the fleet.
        peers: the other shards.
        stats: counts this one.
    """

    def __init__(
        self, store: Store, clock: Clock, directories: Directories, peers: Peers, stats: Stats
    ) -> None:
        super().__init__(store, clock, directories, stats)
        self._peers = peers

    def PublishDirectory(  # noqa: N802 - named by the contract
        self, request: directory_pb2.PublishDirectoryRequest, context: grpc.ServicerContext
    ) -> directory_pb2.PublishDirectoryResponse:
        """Durable when it is answered; concerns this shard alone."""
        directory = messages.from_proto(request.directory)
        now = self._clock.now()
        with self._store.transaction("publish directory") as conn:
            before = directories.version(conn)
            version = self._directories.publish(conn, directory, now)
            if version != before:
                operators.note(conn, context, "PublishDirectory", str(version), now)
        return directory_pb2.PublishDirectoryResponse(version=version)

    def ListShards(  # noqa: N802 - named by the contract
        self, request: admin_pb2.ListShardsRequest, context: grpc.ServicerContext
    ) -> admin_pb2.ListShardsResponse:
        """Asks all of them at once; one that does not answer in time is listed as out of reach."""
        del request
        directory = self._held()
        mine = super().GetShardStats(admin_pb2.GetShardStatsRequest(), context).stats
        if not directory.version:
            entry = directory_pb2.ShardEntry(
                shard=self._directories.shard, state=directory_pb2.ShardState.SHARD_STATE_ACTIVE
            )
            return admin_pb2.ListShardsResponse(
                home=self._directories.shard, shards=[_summary(entry, mine)]
            )
        entries = sorted(directory.shards, key=lambda entry: entry.shard)
        asking = {
            entry.shard: self._peers.admin(entry.target).GetShardStats.future(
                admin_pb2.GetShardStatsRequest(),
                timeout=_SUMMARY_SECONDS,
                metadata=self._marked(context),
            )
            for entry in entries
            if entry.shard != self._directories.shard
        }
        return admin_pb2.ListShardsResponse(
            directory_version=directory.version,
            home=directory.home,
            shards=[
                _summary(
                    messages.entry_to_proto(entry),
                    _answer(asking[entry.shard]) if entry.shard in asking else mine,
                )
                for entry in entries
            ],
        )

    def GetShardStats(  # noqa: N802 - named by the contract
        self, request: admin_pb2.GetShardStatsRequest, context: grpc.ServicerContext
    ) -> admin_pb2.GetShardStatsResponse:
        """Counted at the shard."""
        return self._of_shard(super().GetShardStats, request, context)

    def ListDevices(  # noqa: N802 - named by the contract
        self, request: admin_pb2.ListDevicesRequest, context: grpc.ServicerContext
    ) -> admin_pb2.ListDevicesResponse:
        """Read at the shard."""
        return self._of_shard(super().ListDevices, request, context)

    def GetDevice(  # noqa: N802 - named by the contract
        self, request: admin_pb2.GetDeviceRequest, context: grpc.ServicerContext
    ) -> admin_pb2.GetDeviceResponse:
        """Looks for the device."""
        return self._of_device(super().GetDevice, request, context)

    def RevokeDevice(  # noqa: N802 - named by the contract
        self, request: pb.RevokeDeviceRequest, context: grpc.ServicerContext
    ) -> pb.RevokeDeviceResponse:
        """Looks for the device; one that is on its way takes it along."""
        return self._of_device(super().RevokeDevice, request, context)

    def EraseDevice(  # noqa: N802 - named by the contract
        self, request: admin_pb2.AdminServiceEraseDeviceRequest, context: grpc.ServicerContext
    ) -> admin_pb2.AdminServiceEraseDeviceResponse:
        """Wherever something of it may be; all of them have to answer."""
        directory = self._held()
        if self._answers_itself(directory, context):
            return super().EraseDevice(request, context)
        validate.device_id("device_id", request.device_id)
        local = super().EraseDevice
        pushes = [
            self._ask(local, entry, request, context).pushes
            for entry in self._places(directory, request.device_id)
        ]
        return admin_pb2.AdminServiceEraseDeviceResponse(pushes=sum(pushes))

    def CreateClaims(  # noqa: N802 - named by the contract
        self, request: pb.CreateClaimsRequest, context: grpc.ServicerContext
    ) -> pb.CreateClaimsResponse:
        """Claims are one for the fleet."""
        return self._of_home(super().CreateClaims, request, context)

    def TriggerFederation(  # noqa: N802 - named by the contract
        self, request: admin_pb2.TriggerFederationRequest, context: grpc.ServicerContext
    ) -> admin_pb2.TriggerFederationResponse:
        """Rounds are one for the fleet."""
        return self._of_home(super().TriggerFederation, request, context)

    def ListRounds(  # noqa: N802 - named by the contract
        self, request: admin_pb2.ListRoundsRequest, context: grpc.ServicerContext
    ) -> admin_pb2.ListRoundsResponse:
        """Rounds are one for the fleet."""
        return self._of_home(super().ListRounds, request, context)

    def ListReleases(  # noqa: N802 - named by the contract
        self, request: release_pb2.ListReleasesRequest, context: grpc.ServicerContext
    ) -> release_pb2.ListReleasesResponse:
        """Releases are one for the fleet."""
        return self._of_home(super().ListReleases, request, context)

    def EndRelease(  # noqa: N802 - named by the contract
        self, request: release_pb2.EndReleaseRequest, context: grpc.ServicerContext
    ) -> release_pb2.EndReleaseResponse:
        """Releases are one for the fleet."""
        return self._of_home(super().EndRelease, request, context)

    def _of_home(self, local: Local[Q, A], request: Q, context: grpc.ServicerContext) -> A:
        directory = self._held()
        home = directory.find(directory.home)
        if home is None or self._answers_itself(directory, context):
            return local(request, context)
        return self._ask(local, home, request, context)

    def _of_shard(self, local: Local[QS, A], request: QS, context: grpc.ServicerContext) -> A:
        if request.shard in {"", self._directories.shard} or self._handed_on(context):
            return local(request, context)
        entry = self._held().find(shard_name("shard", request.shard))
        if entry is None:
            raise OmegaError(ErrorCode.UNKNOWN_SHARD, field="shard")
        return self._ask(local, entry, request, context)

    def _of_device(self, local: Local[QD, A], request: QD, context: grpc.ServicerContext) -> A:
        """The answer of the shard that has a device."""
        directory = self._held()
        if self._answers_itself(directory, context):
            return local(request, context)
        validate.device_id("device_id", request.device_id)
        away: OmegaError | None = None
        # One that moves while it is looked for is found at the second look.
        for _ in range(_ROUNDS_OF_SEARCH):
            for entry in self._places(directory, request.device_id):
                try:
                    return self._ask(local, entry, request, context)
                except OmegaError as error:
                    if error.spec.status in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}:
                        away = error
                    elif error.code is not ErrorCode.UNKNOWN_DEVICE:
                        raise
        raise away or OmegaError(ErrorCode.UNKNOWN_DEVICE, field="device_id")

    def _places(self, directory: Directory, device_id: str) -> Iterator[ShardEntry]:
        """Where a device may be, whatever its region; the likeliest of each first."""
        regions = sorted({entry.region for entry in directory.shards})
        # A gateway of all regions would look for it here first.
        names = dict.fromkeys(directory.candidates(device_id))
        for region in regions:
            names.update(dict.fromkeys(directory.candidates(device_id, region)))
        for name in names:
            if (entry := directory.find(name)) is not None:
                yield entry

    def _ask(
        self, local: Local[Q, A], entry: ShardEntry, request: Q, context: grpc.ServicerContext
    ) -> A:
        if entry.shard == self._directories.shard:
            return local(request, context)
        method: Callable[..., A] = getattr(self._peers.admin(entry.target), local.__name__)
        seconds = calls.remaining(_CALL_SECONDS)
        return asked(method, request, seconds, metadata=self._marked(context))

    def _held(self) -> Directory:
        with self._store.statements("read directory") as conn:
            return self._directories.held(conn)

    def _answers_itself(self, directory: Directory, context: grpc.ServicerContext) -> bool:
        return not directory.version or self._handed_on(context)

    def _handed_on(self, context: grpc.ServicerContext) -> bool:
        return HANDED_ON in _metadata(context)

    def _marked(self, context: grpc.ServicerContext) -> tuple[tuple[str, str], ...]:
        """What goes along with a call that is handed on."""
        said = _metadata(context)
        marked = {HANDED_ON: self._directories.shard, "x-request-id": calls.request_id()}
        if _ACTOR in said:
            marked[_ACTOR] = said[_ACTOR]
        return tuple((key, value) for key, value in marked.items() if value)


def _metadata(context: grpc.ServicerContext) -> dict[str, str]:
    return {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}


def _answer(asking: Any) -> admin_pb2.ShardStats | None:
    try:
        stats: admin_pb2.ShardStats = asking.result().stats
    except grpc.RpcError:
        return None
    return stats


def _summary(
    entry: directory_pb2.ShardEntry, stats: admin_pb2.ShardStats | None
) -> admin_pb2.ShardSummary:
    if stats is None:
        return admin_pb2.ShardSummary(entry=entry)
    return admin_pb2.ShardSummary(
        entry=entry,
        reachable=True,
        total_devices=stats.total_devices,
        active_devices=stats.active_devices,
        leaving_devices=stats.leaving_devices,
        directory_version=stats.directory_version,
        state_version=stats.state_version,
    )
