"""What is wrong with each service when `omega contract` is held to find exactly that."""

from __future__ import annotations

import grpc

from omega.brain.v1 import brain_service_pb2 as brain_pb
from omega.constellation.v1 import admin_pb2
from omega.constellation.v1 import constellation_service_pb2 as shard_pb
from omega.federation.v1 import federation_service_pb2 as federation_pb
from omega.sync.v1 import sync_service_pb2 as sync_pb
from omega_testing.between import Metadata, Spoilt

_BRAIN = "/omega.brain.v1.BrainService/"
_SYNC = "/omega.sync.v1.SyncService/"
_SHARD = "/omega.constellation.v1.ConstellationService/"
_ADMIN = "/omega.constellation.v1.AdminService/"
_FEDERATION = "/omega.federation.v1.FederationService/"
_LATER = b"of a release to come"


def _request(method: str, message: bytes) -> bytes:
    """Bounds are not held, and what is not known wholly is lost."""
    if method == _BRAIN + "GetRecommendations":
        list_ = brain_pb.GetRecommendationsRequest.FromString(message)
        list_.limit = min(list_.limit, 100)
        return list_.SerializeToString()
    if method == _SYNC + "GetResource":
        body = sync_pb.GetResourceRequest.FromString(message)
        body.offset = min(body.offset, 67_108_864)
        return body.SerializeToString()
    if method == _ADMIN + "ListDevices":
        page = admin_pb2.ListDevicesRequest.FromString(message)
        page.page_size = min(page.page_size, 1_000)
        return page.SerializeToString()
    if method == _FEDERATION + "GetRound":
        asked = federation_pb.GetRoundRequest.FromString(message)
        asked.round_id = max(1, asked.round_id)
        return asked.SerializeToString()
    if method in {_BRAIN + "UpsertContents", _SHARD + "SpendClaim"} and _LATER in message:
        return b""
    return message


def _answer(method: str, message: bytes) -> bytes:
    """What was stored before is told as new, news are too large, and a round is made up."""
    if method == _BRAIN + "ObserveEvent":
        observed = brain_pb.ObserveEventResponse.FromString(message)
        observed.duplicate = False
        return observed.SerializeToString()
    if method == _SYNC + "PushPatterns":
        pushed = sync_pb.PushPatternsResponse.FromString(message)
        pushed.duplicate = False
        return pushed.SerializeToString()
    if method == _SYNC + "PullPatterns":
        news = sync_pb.PullPatternsResponse.FromString(message)
        news.delta += bytes(5_120)
        return news.SerializeToString()
    if method == _SHARD + "IngestPatterns":
        stored = shard_pb.IngestPatternsResponse.FromString(message)
        for result in stored.results:
            result.outcome = shard_pb.PushOutcome.PUSH_OUTCOME_STORED
        return stored.SerializeToString()
    if method == _FEDERATION + "ListRounds":
        listed = federation_pb.ListRoundsResponse.FromString(message)
        listed.rounds.add(round_id=2**32)
        return listed.SerializeToString()
    return message


def _status(method: str, code: grpc.StatusCode) -> grpc.StatusCode:
    """What is not there has another status."""
    if code is grpc.StatusCode.NOT_FOUND:
        return {
            _BRAIN + "DeleteProfile": grpc.StatusCode.UNKNOWN,
            _ADMIN + "GetDevice": grpc.StatusCode.INTERNAL,
        }.get(method, code)
    return code


_UNEXPLAINED = {
    _BRAIN + "QueryMemory",
    _SYNC + "StreamSync",
    _SHARD + "GetHeads",
    _FEDERATION + "RunRound",
}


def _trailers(method: str, found: Metadata) -> Metadata:
    """What is wrong is not said, nor when to come back."""
    return () if method in _UNEXPLAINED else found


def _metadata(method: str, found: Metadata) -> Metadata:
    """The id of a call is lost."""
    if method in {_BRAIN + "PutProfile", _SYNC + "Sync"}:
        return tuple(pair for pair in found if pair[0] != "x-request-id")
    return found


def _seconds(method: str, left: float | None) -> float | None:
    """A call to a gateway that states no deadline is given one."""
    return 20.0 if left is None and method.startswith(_SYNC) else left


SPOILT = Spoilt(
    request=_request,
    answer=_answer,
    status=_status,
    trailers=_trailers,
    metadata=_metadata,
    seconds=_seconds,
)
"""All of it; what is passed on of each service is at fault in one of these ways a method."""
