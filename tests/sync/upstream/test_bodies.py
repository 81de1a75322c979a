"""GetResource before a stand-in of the constellation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import grpc
import pytest

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as upstream_pb
from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.status import from_rpc_error
from omega_sync.config import SyncConfig
from omega_testing.stand_in import CATALOGUE_KIND, StandIn

Tv = sync_service_pb2_grpc.SyncServiceStub
Bearer = dict[str, Any]
SHA = bytes(range(32))
LENGTH = 3 * limits.MAX_CHUNK


def wanted(**changes: Any) -> pb.GetResourceRequest:
    return pb.GetResourceRequest(**{"kind": CATALOGUE_KIND, "version": 4, **changes})


def chunks(tv: Tv, bearer: Bearer, **changes: Any) -> list[resource_pb2.ResourceChunk]:
    return [answer.chunk for answer in tv.GetResource(wanted(**changes), **bearer)]


def refused(asking: Callable[[], object]) -> OmegaError:
    with pytest.raises(grpc.RpcError) as caught:
        asking()
    return from_rpc_error(caught.value)


@pytest.mark.parametrize("offset", [0, 7, limits.MAX_CHUNK, LENGTH - 1])
def test_a_body_begins_at_any_offset_and_states_itself_once(
    tv: Tv, bearer: Bearer, offset: int
) -> None:
    got = chunks(tv, bearer, offset=offset)
    assert b"".join(chunk.data for chunk in got) == bytes(LENGTH - offset)
    assert [chunk.offset for chunk in got] == list(range(offset, LENGTH, limits.MAX_CHUNK))
    assert [chunk.HasField("info") for chunk in got] == [True] + [False] * (len(got) - 1)
    assert got[0].info.sha256 == hashlib.sha256(bytes(LENGTH)).digest()


def test_nothing_is_left_at_the_end_and_nothing_lies_beyond(tv: Tv, bearer: Bearer) -> None:
    assert chunks(tv, bearer, offset=LENGTH) == []
    error = refused(lambda: chunks(tv, bearer, offset=LENGTH + 1))
    assert (error.code, error.field) == (ErrorCode.INVALID_FIELD, "offset")


def test_a_body_is_read_once_for_all_tvs(
    serve: Any, config: SyncConfig, bearer: Bearer, upstream: StandIn
) -> None:
    tv = Tv(serve(replace(config, max_resource_streams=64))[0])
    with ThreadPoolExecutor(16) as pool:
        bodies = list(pool.map(lambda n: chunks(tv, bearer, offset=n), range(64)))
    assert [sum(len(chunk.data) for chunk in body) for body in bodies] == [
        LENGTH - n for n in range(64)
    ]
    assert upstream.asked == [upstream_pb.GetResourceRequest(kind=CATALOGUE_KIND, version=4)]


def test_a_delta_is_kept_apart_by_its_base(tv: Tv, bearer: Bearer, upstream: StandIn) -> None:
    upstream.delta_base = 3
    for _ in range(2):
        assert chunks(tv, bearer, base_version=3, base_sha256=SHA)[0].info.base_version == 3
        assert chunks(tv, bearer, base_version=3, base_sha256=SHA[::-1])[0].info.base_version == 3
        assert chunks(tv, bearer)[0].info.base_version == 0
        # In the middle of a transfer the base is not heeded.
        offset = chunks(tv, bearer, base_version=3, base_sha256=SHA, offset=5)
        assert offset[0].info.base_version == 0
    assert len(upstream.asked) == 3


def test_where_there_is_no_delta_the_body_is_shared(
    tv: Tv, bearer: Bearer, upstream: StandIn
) -> None:
    chunks(tv, bearer)
    sent = upstream.sent
    for base in (1, 2, 3):
        got = chunks(tv, bearer, base_version=base, base_sha256=SHA)
        assert (got[0].info.base_version, len(got)) == (0, 3)
    # The first chunk says that it is the body; no more is asked for than windows hold.
    assert len(upstream.asked) == 4
    assert upstream.sent - sent <= 9


def test_other_bytes_than_stated_are_not_handed_out_and_not_kept(
    tv: Tv, bearer: Bearer, upstream: StandIn
) -> None:
    upstream.sha256 = SHA
    assert refused(lambda: chunks(tv, bearer)).code is ErrorCode.CORRUPT_RESOURCE
    upstream.sha256 = b""
    assert len(chunks(tv, bearer)) == 3


def test_a_version_that_is_announced_anew_is_fetched_anew(
    tv: Tv, bearer: Bearer, upstream: StandIn
) -> None:
    upstream.announced = hashlib.sha256(bytes(LENGTH)).digest()
    assert len(chunks(tv, bearer)) == 3
    upstream.chunks = 2
    upstream.await_poll()
    assert len(chunks(tv, bearer)) == 3
    upstream.announced = hashlib.sha256(bytes(2 * limits.MAX_CHUNK)).digest()
    upstream.await_poll()
    assert len(chunks(tv, bearer)) == 2
    assert len(upstream.asked) == 2


def test_a_slow_tv_holds_its_place_and_no_other_up(
    tv: Tv, bearer: Bearer, upstream: StandIn
) -> None:
    upstream.chunks = 64
    body = tv.GetResource(wanted(), **bearer)
    next(body)
    request = pb.SyncRequest(
        request_id="00000000-0000-4000-8000-000000000001", model_version="encoder-1"
    )
    assert tv.Sync(request, **bearer).state_version == 9
    assert refused(lambda: chunks(tv, bearer)).code is ErrorCode.OVERLOADED
    body.cancel()
    # The place is free again as soon as the gateway has noticed.
    while True:
        try:
            assert len(chunks(tv, bearer)) == 64
        except grpc.RpcError as error:
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # noqa: PT017 - until then
        else:
            break
    assert upstream.sent == 64
