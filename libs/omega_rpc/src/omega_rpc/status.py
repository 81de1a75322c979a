"""OmegaError <-> google.rpc.Status with an ErrorInfo (AIP-193)."""

from __future__ import annotations

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from omega_core.errors import ErrorCode, OmegaError
from omega_rpc import call as calls

DOMAIN = "omega.tv"
"""ErrorInfo.domain of every error of the project."""


def to_status(error: OmegaError) -> status_pb2.Status:
    """The public form of an error: all but its detail, with the id of the call."""
    named = {"field": error.field, "bound": error.bound, "request_id": calls.request_id()}
    info = error_details_pb2.ErrorInfo(
        reason=error.code.value, domain=DOMAIN, metadata={k: v for k, v in named.items() if v}
    )
    details: list[Message] = [info]
    if error.retry_after:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(round(1_000 * error.retry_after))
        details.append(retry)
    return status_pb2.Status(
        code=code_number(error),
        message=error.public_text,
        details=[_packed(detail) for detail in details],
    )


def code_number(error: OmegaError) -> int:
    """Number of the gRPC status that an error has, 1 to 16."""
    number: int = grpc.StatusCode[error.spec.status].value[0]
    return number


def from_rpc_error(error: grpc.RpcError) -> OmegaError:
    """The error of the catalogue that a failed call to another service carries.

    Without a known reason the status decides: UNAVAILABLE and CANCELLED (a server that stops) are
    UPSTREAM_UNAVAILABLE, RESOURCE_EXHAUSTED (grpc's own limits) OVERLOADED, all else INTERNAL.
    """
    code, detail = error.code(), f"{error.code().name}: {error.details()}"
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    retry = error_details_pb2.RetryInfo()
    for packed in status.details if status else ():
        packed.Unpack(info)
        packed.Unpack(retry)
    if info.domain == DOMAIN and info.reason in ErrorCode.__members__:
        return OmegaError(
            ErrorCode(info.reason),
            field=info.metadata.get("field", ""),
            bound=info.metadata.get("bound", ""),
            detail=detail,
            retry_after=retry.retry_delay.ToMilliseconds() / 1_000,
        )
    return OmegaError(_BY_STATUS.get(code, ErrorCode.INTERNAL), detail=detail)


def _packed(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


_BY_STATUS = {
    grpc.StatusCode.UNAVAILABLE: ErrorCode.UPSTREAM_UNAVAILABLE,
    grpc.StatusCode.CANCELLED: ErrorCode.UPSTREAM_UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ErrorCode.OVERLOADED,
    grpc.StatusCode.DEADLINE_EXCEEDED: ErrorCode.DEADLINE_EXCEEDED,
}
