from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from omega.constellation.v1 import constellation_service_pb2 as upstream_pb
from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_core.errors import CATALOGUE, ErrorCode, OmegaError
from omega_rpc.service import Application
from omega_rpc.status import from_rpc_error
from omega_sync.config import SyncConfig
from omega_testing.probe import await_health
from omega_testing.stand_in import StandIn

Tv = sync_service_pb2_grpc.SyncServiceStub
Bearer = dict[str, Any]
Ask = Callable[[Tv, Bearer], object]
Push = Callable[[int], pb.SyncRequest]
Serve = Callable[..., tuple[grpc.Channel, Application]]


def refusal(ask: Ask, tv: Tv, bearer: Bearer) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        ask(tv, bearer)
    return caught.value


def passes_through(code: ErrorCode, upstream: StandIn, tv: Tv, bearer: Bearer, ask: Ask) -> None:
    upstream.failure = OmegaError(code, field="a_field", bound="a bound", detail="secret")
    error = refusal(ask, tv, bearer)
    assert error.code() is grpc.StatusCode[CATALOGUE[code].status]
    read = from_rpc_error(error)
    assert (read.code, read.field, read.bound) == (code, "a_field", "a bound")
    assert "secret" not in str(error)


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_of_the_catalogue_passes_through(
    upstream: StandIn, tv: Tv, bearer: Bearer, push: Push, code: ErrorCode
) -> None:
    passes_through(code, upstream, tv, bearer, lambda tv, bearer: tv.Sync(push(1), **bearer))


def test_an_error_passes_through_every_method(
    upstream: StandIn, tv: Tv, bearer: Bearer, ask: Ask
) -> None:
    passes_through(ErrorCode.OVERLOADED, upstream, tv, bearer, ask)


def test_anything_else_is_internal_and_only_the_log_says_what(
    upstream: StandIn,
    tv: Tv,
    bearer: Bearer,
    ask: Ask,
    push: Push,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tv.Sync(push(0), **bearer)  # the newest versions are known from here on
    upstream.failure = RuntimeError("secret")
    with caplog.at_level(logging.ERROR, "omega_rpc"):
        error = refusal(ask, tv, bearer)
    assert error.code() is grpc.StatusCode.INTERNAL
    assert error.details() == CATALOGUE[ErrorCode.INTERNAL].text
    assert caplog.text.count("[from-the-tv]") == 2  # the stand-in's line and the gateway's


def test_a_constellation_that_is_away_is_unavailable(
    key_file: Path, bearer: Bearer, ask: Ask, serve: Serve
) -> None:
    channel, _ = serve(
        SyncConfig(token_keys=key_file, constellation_target="unix:/nowhere/omega.sock")
    )
    error = refusal(ask, sync_service_pb2_grpc.SyncServiceStub(channel), bearer)
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert from_rpc_error(error).code is ErrorCode.UPSTREAM_UNAVAILABLE
    await_health(channel, serving=False)


def test_a_call_without_a_deadline_is_refused(
    upstream: StandIn, tv: Tv, bearer: Bearer, ask: Ask
) -> None:
    error = refusal(ask, tv, {**bearer, "timeout": None})
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert from_rpc_error(error).code is ErrorCode.DEADLINE_REQUIRED
    assert not upstream.asked


def test_the_request_id_and_the_deadline_go_along(
    upstream: StandIn, tv: Tv, bearer: Bearer, ask: Ask
) -> None:
    ask(tv, {**bearer, "timeout": 5})
    assert upstream.request_ids == {"from-the-tv"}
    # Pushes, steps and bodies are asked for on behalf of many.
    longest = {
        upstream_pb.IngestPatternsRequest: 11,
        upstream_pb.GetGlobalStateRequest: 11,
        upstream_pb.GetResourceRequest: 301,
    }
    for request, left in zip(upstream.asked, upstream.time_left, strict=True):
        assert left < longest.get(type(request), 6)
