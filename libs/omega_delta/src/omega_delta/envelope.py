"""How much room the messages between a TV and its fleet have, all their other fields counted."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.duration_pb2 import Duration

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_core import limits

STATE_BYTES = 2_304
"""Most bytes of a state from nothing under CODEC_TRANSFORM. Fixed, so that a state is coded alike
whatever is announced; what an answer has left holds trends and new titles."""

# Tag and length of `delta`: one byte, and a varint that takes two up to 16,383.
_DELTA_BYTES = 3


def room(resources: Iterable[resource_pb2.ResourceInfo]) -> int:
    """Bytes that `delta` may have so that no answer to a TV exceeds limits.MAX_SYNC_ANSWER.

    The exact size of a SyncResponse or PullPatternsResponse that announces all these resources and
    whose other fields take the most bytes that they can.

    Args:
        resources: the newest of each kind, at most 8.
    """
    widest = Duration(seconds=86_400, nanos=999_999_999)
    announced = list(resources)
    exchange = pb.SyncResponse(
        accepted_sketches=limits.MAX_PUSH_SKETCHES,
        duplicate=True,
        state_version=limits.MAX_VERSION,
        compression=resource_pb2.Compression.COMPRESSION_ZSTD,
        resources=announced,
        retry_after=widest,
        codec=resource_pb2.Codec.CODEC_TRANSFORM,
        pages=limits.MAX_PAGES,
        recalled=[info.kind for info in announced],
        report_wanted=True,
    )
    pull = pb.PullPatternsResponse(
        state_version=limits.MAX_VERSION,
        compression=resource_pb2.Compression.COMPRESSION_ZSTD,
        resources=announced,
        retry_after=widest,
        codec=resource_pb2.Codec.CODEC_TRANSFORM,
        pages=limits.MAX_PAGES,
        page=limits.MAX_PAGES - 1,
    )
    taken = max(exchange.ByteSize(), pull.ByteSize())
    return limits.MAX_SYNC_ANSWER - taken - _DELTA_BYTES


def announce(
    answer: pb.SyncResponse | pb.PullPatternsResponse,
    resources: Iterable[resource_pb2.ResourceInfo],
) -> None:
    """Adds resources to an answer that is otherwise complete, as long as it stays within bounds.

    News that were encoded before a kind had its first resource leave no room for it. What does not
    fit is told with the next exchange, which has nothing else to tell. An answer that states no
    codec has no such bound.
    """
    bounded = bool(answer.codec)
    for info in resources:
        answer.resources.append(info)
        if bounded and answer.ByteSize() > limits.MAX_SYNC_ANSWER:
            del answer.resources[-1]


def most_sketches(model_version: str) -> int:
    """Sketches that an exchange always has room for, whatever else it states; at most 20.

    Args:
        model_version: of the sketches, 1 to 64 characters.
    """
    rest = pb.SyncRequest(
        request_id="0" * 36,
        model_version=model_version,
        # Long enough that their lengths take two bytes; taken off again below.
        sketches=bytes(128),
        classes=bytes(128),
        state_version=limits.MAX_VERSION,
        sigma_hundredths=limits.MAX_SIGMA,
        held=[
            resource_pb2.HeldResource(kind=kind, version=limits.MAX_VERSION)
            for kind in (
                resource_pb2.RESOURCE_KIND_CATALOGUE,
                resource_pb2.RESOURCE_KIND_FACTORS,
                resource_pb2.RESOURCE_KIND_CODEBOOK,
            )
        ],
        codec=resource_pb2.CODEC_TRANSFORM,
        codebook_id=2**32 - 1,
    )
    room_left = limits.MAX_SYNC_REQUEST - (rest.ByteSize() - 256)
    return min(room_left // (limits.SKETCH_BYTES + 1), limits.MAX_PUSH_SKETCHES)
