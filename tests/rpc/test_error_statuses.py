from __future__ import annotations

import logging
from collections.abc import Callable

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from omega_core.errors import CATALOGUE, ErrorCode, OmegaError
from omega_rpc.status import from_rpc_error
from omega_testing.probe import NAME, ProbeClient

CHAIN_ID = (("x-request-id", "chain-1"),)


def fail(request: bytes) -> bytes:
    code = request.decode()
    if code in ErrorCode.__members__:
        raise OmegaError(
            ErrorCode(code), field="the_field", bound="the bound", detail="secret detail"
        )
    raise ValueError("secret detail")


@pytest.fixture
def channel(serve: Callable[..., str], dial: Callable[[str], grpc.Channel]) -> grpc.Channel:
    return dial(serve(fail))


def refusal(channel: grpc.Channel, request: bytes) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        ProbeClient(channel).unary(request, timeout=20, metadata=CHAIN_ID)
    return caught.value


def info_of(error: grpc.RpcError) -> error_details_pb2.ErrorInfo:
    status = rpc_status.from_call(error)
    assert status is not None
    (packed,) = status.details
    info = error_details_pb2.ErrorInfo()
    assert packed.Unpack(info)
    return info


@pytest.mark.parametrize("code", ErrorCode)
def test_a_code_is_answered_with_its_status_text_and_error_info(
    channel: grpc.Channel, code: ErrorCode
) -> None:
    error = refusal(channel, code.encode())
    assert error.code() is grpc.StatusCode[CATALOGUE[code].status]
    assert error.details() == CATALOGUE[code].text.format(field="the_field", bound="the bound")
    info = info_of(error)
    assert (info.reason, info.domain) == (code.value, "omega.tv")
    assert dict(info.metadata) == {
        "field": "the_field",
        "bound": "the bound",
        "request_id": "chain-1",
    }
    assert "secret" not in str(error)


@pytest.mark.parametrize("code", ErrorCode)
def test_a_gateway_reads_the_same_error_back(channel: grpc.Channel, code: ErrorCode) -> None:
    error = from_rpc_error(refusal(channel, code.encode()))
    assert (error.code, error.field, error.bound) == (code, "the_field", "the bound")


def test_an_unknown_exception_is_internal_and_only_the_log_says_why(
    channel: grpc.Channel, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "omega_rpc"):
        error = refusal(channel, b"anything else")
    assert error.code() is grpc.StatusCode.INTERNAL
    assert error.details() == CATALOGUE[ErrorCode.INTERNAL].text
    assert dict(info_of(error).metadata) == {"request_id": "chain-1"}
    assert "secret" not in str(error)
    (record,) = [r for r in caplog.records if r.name == "omega_rpc.layers"]
    assert "chain-1" in record.getMessage()
    assert record.exc_info is not None
    assert "secret detail" in str(record.exc_info[1])


def test_a_status_without_error_info_is_read_by_its_code(
    serve: Callable[..., str], dial: Callable[[str], grpc.Channel]
) -> None:
    absent: grpc.UnaryUnaryMultiCallable[bytes, bytes] = dial(serve()).unary_unary(
        f"/{NAME}/Absent"
    )
    with pytest.raises(grpc.RpcError) as caught:
        absent(b"", timeout=20)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert from_rpc_error(caught.value).code is ErrorCode.INTERNAL


def test_a_server_that_is_away_is_read_as_upstream_unavailable(
    dial: Callable[[str], grpc.Channel],
) -> None:
    error = refusal(dial("unix:/nowhere/omega.sock"), b"")
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert from_rpc_error(error).code is ErrorCode.UPSTREAM_UNAVAILABLE
