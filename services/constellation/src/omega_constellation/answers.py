"""Stored things as messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from google.protobuf.timestamp_pb2 import Timestamp

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega.constellation.v1 import release_pb2
from omega_store.devices import DeviceFigures
from omega_store.pushes import PushResult
from omega_store.releases import Release
from omega_store.resources import ResourceInfo
from omega_store.status import ShardFigures, ShardHeads


def timestamp(instant: datetime | None) -> Timestamp | None:
    """An instant, or None."""
    if instant is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(instant)
    return stamp


def push_result(result: PushResult) -> pb.PushResult:
    """What became of a push."""
    outcome = cast("pb.PushOutcome.ValueType", int(result.outcome))
    return pb.PushResult(outcome=outcome, sketches=result.sketches, region=result.region)


def resource(info: ResourceInfo) -> resource_pb2.ResourceInfo:
    """One version of a resource."""
    return resource_pb2.ResourceInfo(
        kind=cast("resource_pb2.ResourceKind.ValueType", info.kind),
        version=info.version,
        size_bytes=info.size,
        sha256=info.sha256,
        model_version=info.model_version,
    )


def staged(release: Release) -> release_pb2.StagedResource:
    """A version that some devices get before the others."""
    return release_pb2.StagedResource(
        resource=resource(release.info),
        permille=release.permille,
        salt=release.salt,
        control_permille=release.control_permille,
    )


def held(kind: int, version: int) -> resource_pb2.HeldResource:
    """Names a version of a kind."""
    return resource_pb2.HeldResource(
        kind=cast("resource_pb2.ResourceKind.ValueType", kind), version=version
    )


def codec(value: int) -> resource_pb2.Codec.ValueType:
    """A codec as the message has it."""
    return cast("resource_pb2.Codec.ValueType", value)


def compression(value: int) -> resource_pb2.Compression.ValueType:
    """How news of a codec are compressed."""
    if value == resource_pb2.Codec.CODEC_TRANSFORM:
        return resource_pb2.Compression.COMPRESSION_NONE
    return resource_pb2.Compression.COMPRESSION_ZSTD


def cluster_status(
    heads: ShardHeads, figures: ShardFigures, listed: Sequence[DeviceFigures]
) -> pb.GetClusterStatusResponse:
    """Figures of the shard and the listed devices."""
    return pb.GetClusterStatusResponse(
        total_devices=heads.devices.welcome,
        active_devices=figures.active_devices,
        pushes=figures.pushes,
        sketches=figures.sketches,
        contents=heads.contents,
        catalogue_version=heads.catalogue_version,
        state_version=heads.state_version,
        last_push_at=timestamp(figures.last_push_at),
        devices=[
            pb.DeviceSummary(
                device_id=device.device_id,
                platform=device.platform,
                registered_at=timestamp(device.registered_at),
                last_seen_at=timestamp(device.last_seen_at),
                sketches=device.sketches,
            )
            for device in listed
        ],
    )
