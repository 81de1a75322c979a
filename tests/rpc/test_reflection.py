from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from omega_rpc.config import ServerConfig
from omega_testing import probe


def listed(channel: grpc.Channel) -> set[str]:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    (answer,) = stub.ServerReflectionInfo(iter([request]), timeout=20)
    return {service.name for service in answer.list_services_response.service}


def test_reflection_is_off_by_default(
    serve: Callable[..., str], dial: Callable[[str], grpc.Channel]
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        listed(dial(serve()))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_reflection_lists_the_services_when_on(
    serve: Callable[..., str], dial: Callable[[str], grpc.Channel]
) -> None:
    config = ServerConfig("127.0.0.1:0", reflection=True, grace_seconds=0)
    assert listed(dial(serve(config=config))) == {
        probe.NAME,
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
