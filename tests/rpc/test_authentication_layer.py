from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_rpc import call
from omega_rpc.call import Caller, Principal
from omega_testing import probe
from omega_testing.probe import ProbeClient


def authenticate(caller: Caller) -> Principal | None:
    if caller.method == probe.CLIENT_STREAM:
        return None
    scheme, _, token = caller.metadata.get("authorization", "").partition(" ")
    if (scheme.lower(), token) != ("bearer", "good"):
        raise OmegaError(ErrorCode.UNAUTHENTICATED)
    return Principal("tv-1")


@pytest.fixture
def channel(serve: Callable[..., str], dial: Callable[[str], grpc.Channel]) -> grpc.Channel:
    def behaviour(_: bytes) -> bytes:
        return call.principal().device_id.encode()

    return dial(serve(behaviour, authenticator=authenticate))


@pytest.mark.parametrize("value", ["Bearer good", "bearer good", "BEARER good"])
def test_the_principal_reaches_the_handler(channel: grpc.Channel, value: str) -> None:
    metadata = (("authorization", value),)
    assert ProbeClient(channel).unary(b"", timeout=20, metadata=metadata) == b"tv-1"
    answers = ProbeClient(channel).server_stream(b"", timeout=20, metadata=metadata)
    assert list(answers) == [b"tv-1"] * 3


@pytest.mark.parametrize("value", [None, "", "good", "Basic good", "Bearer", "Bearer bad"])
def test_without_a_good_token_no_method_answers(channel: grpc.Channel, value: str | None) -> None:
    metadata = () if value is None else (("authorization", value),)
    with pytest.raises(grpc.RpcError) as caught:
        ProbeClient(channel).unary(b"", timeout=20, metadata=metadata)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    with pytest.raises(grpc.RpcError) as caught:
        next(ProbeClient(channel).server_stream(b"", timeout=20, metadata=metadata))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_an_open_method_has_no_principal_even_after_one_with(channel: grpc.Channel) -> None:
    metadata = (("authorization", "Bearer good"),)
    for _ in range(8):
        ProbeClient(channel).unary(b"", timeout=20, metadata=metadata)
    with pytest.raises(grpc.RpcError) as caught:
        ProbeClient(channel).client_stream(iter([b""]), timeout=20)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
