from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from omega.brain.v1 import brain_service_pb2 as pb
from omega_client import BrainClient, ServiceError
from omega_core.errors import CATALOGUE, ErrorCode, OmegaError
from omega_rpc.status import from_rpc_error

NAME = "omega.brain.v1.BrainService"
Serve = Callable[..., str]


class Refusing:
    """Ends GetStats as it was told, and counts."""

    def __init__(self, refuse: Callable[[grpc.ServicerContext], object]) -> None:
        self.refuse = refuse
        self.calls = 0

    def GetStats(  # noqa: N802 - the contract's name
        self, _request: pb.GetStatsRequest, context: grpc.ServicerContext
    ) -> pb.GetStatsResponse:
        self.calls += 1
        self.refuse(context)
        return pb.GetStatsResponse(contents=self.calls)


def _refused(serve: Serve, servicer: Refusing) -> ServiceError:
    with (
        BrainClient(serve(NAME, servicer), timeout=20) as client,
        pytest.raises(ServiceError) as caught,
    ):
        client.get_stats()
    return caught.value


def _raising(error: Exception) -> Callable[[grpc.ServicerContext], object]:
    def refuse(_: grpc.ServicerContext) -> None:
        raise error

    return refuse


# A retried status would only make the table slow; retries have tests of their own.
QUICK = [code for code in ErrorCode if CATALOGUE[code].status != "UNAVAILABLE"]


@pytest.mark.parametrize("code", QUICK)
def test_an_error_of_the_catalogue_arrives_whole(serve: Serve, code: ErrorCode) -> None:
    sent = OmegaError(code, field="limit", bound="between 1 and 100", detail="for the log only")
    error = _refused(serve, Refusing(_raising(sent)))
    assert (error.status, error.reason) == (CATALOGUE[code].status, code)
    assert (error.field, error.bound) == ("limit", "between 1 and 100")
    assert error.message == sent.public_text
    assert error.request_id
    assert "for the log only" not in str(error)
    assert str(error) == f"{error.status}: {error.message} [{code}]"


def test_it_is_still_what_grpc_raises(serve: Serve) -> None:
    error: grpc.RpcError = _refused(
        serve, Refusing(_raising(OmegaError(ErrorCode.INVALID_FIELD, field="f", bound="b")))
    )
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == "f must be b"
    back = from_rpc_error(error)
    assert (back.code, back.field, back.bound) == (ErrorCode.INVALID_FIELD, "f", "b")


def test_a_status_without_details_keeps_its_text(serve_plain: Serve) -> None:
    def refuse(context: grpc.ServicerContext) -> None:
        context.abort(grpc.StatusCode.NOT_FOUND, "nothing here")

    error = _refused(serve_plain, Refusing(refuse))
    assert (error.status, error.message) == ("NOT_FOUND", "nothing here")
    assert (error.reason, error.field, error.bound, error.request_id) == ("", "", "", "")


def test_a_reason_of_another_domain_is_left_out(serve_plain: Serve) -> None:
    info = error_details_pb2.ErrorInfo(reason="INVALID_FIELD", domain="example.org")

    def refuse(context: grpc.ServicerContext) -> None:
        packed = any_pb2.Any()
        packed.Pack(info)
        status = status_pb2.Status(code=5, message="elsewhere", details=[packed])
        context.abort_with_status(rpc_status.to_status(status))

    error = _refused(serve_plain, Refusing(refuse))
    assert (error.status, error.reason, error.message) == ("NOT_FOUND", "", "elsewhere")


def test_details_that_do_not_parse_are_left_out(serve_plain: Serve) -> None:
    def refuse(context: grpc.ServicerContext) -> None:
        context.set_trailing_metadata((("grpc-status-details-bin", b"\xff\xff"),))
        context.abort(grpc.StatusCode.NOT_FOUND, "broken details")

    error = _refused(serve_plain, Refusing(refuse))
    assert (error.status, error.reason, error.message) == ("NOT_FOUND", "", "broken details")


def test_a_server_that_is_away_is_unavailable() -> None:
    with (
        BrainClient("127.0.0.1:1", timeout=20) as client,
        pytest.raises(ServiceError) as caught,
    ):
        client.get_stats()
    assert (caught.value.status, caught.value.reason) == ("UNAVAILABLE", "")


def test_a_call_refused_for_a_while_is_repeated(serve_plain: Serve) -> None:
    def refuse(context: grpc.ServicerContext) -> None:
        if servicer.calls < 3:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")

    servicer = Refusing(refuse)
    with BrainClient(serve_plain(NAME, servicer), timeout=20) as client:
        assert client.get_stats().contents == 3


@pytest.mark.parametrize(
    "code", [ErrorCode.INVALID_FIELD, ErrorCode.OVERLOADED, ErrorCode.INTERNAL]
)
def test_no_other_status_is_repeated(serve: Serve, code: ErrorCode) -> None:
    servicer = Refusing(_raising(OmegaError(code)))
    _refused(serve, servicer)
    assert servicer.calls == 1
