"""What a client raises when a service refuses or does not answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from grpc_status.rpc_status import GRPC_DETAILS_METADATA_KEY

from omega_rpc.status import DOMAIN


class ServiceError(grpc.RpcError):
    """A call that failed, in the terms of the error catalogue.

    Args:
        status: name of the gRPC status, such as "INVALID_ARGUMENT".
        reason: value of an omega_core.errors.ErrorCode, such as "INVALID_FIELD"; empty when the
            answer does not come from a service of the project (no connection, deadline passed).
        field: name of the request field at fault, or empty.
        bound: what that field must be, or empty.
        message: the public text.
        request_id: id under which the server logged the call, or empty.
        retry_after: seconds after which the server wants to be asked again; 0 = it did not say.
        trailers: trailing metadata as grpc gave it.
    """

    def __init__(
        self,
        status: str,
        *,
        reason: str = "",
        field: str = "",
        bound: str = "",
        message: str = "",
        request_id: str = "",
        retry_after: float = 0.0,
        trailers: tuple[Any, ...] = (),
    ) -> None:
        self.status = status
        self.reason = reason
        self.field = field
        self.bound = bound
        self.message = message
        self.request_id = request_id
        self.retry_after = retry_after
        self._trailers = trailers
        super().__init__(f"{status}: {message}" + (f" [{reason}]" if reason else ""))

    @property
    def not_taken(self) -> bool:
        """Whether no service of the project answered: nothing listens there, or not now."""
        return self.status == grpc.StatusCode.UNAVAILABLE.name and not self.reason

    def code(self) -> grpc.StatusCode:
        """The status as grpc's own errors give it."""
        return grpc.StatusCode[self.status]

    def details(self) -> str:
        """The message as grpc's own errors give it."""
        return self.message

    def trailing_metadata(self) -> tuple[Any, ...]:
        """The trailers as grpc's own errors give them."""
        return self._trailers


def service_error(error: grpc.RpcError) -> ServiceError:
    """The ServiceError of what grpc raised. A reason of another domain is left out."""
    info, retry = explained(details_of(error))
    return ServiceError(
        error.code().name,
        reason=info.reason,
        field=info.metadata.get("field", ""),
        bound=info.metadata.get("bound", ""),
        message=error.details() or "",
        request_id=info.metadata.get("request_id", ""),
        retry_after=max(0.0, retry.retry_delay.ToMilliseconds() / 1_000),
        trailers=tuple(error.trailing_metadata() or ()),
    )


def details_of(error: grpc.RpcError) -> bytes:
    """The google.rpc.Status that came with a failed call, serialised; empty = none did."""
    # Pairs have names in grpc, and none in grpc.aio.
    pairs: Iterable[Any] = error.trailing_metadata() or ()
    return next((value for key, value in pairs if key == GRPC_DETAILS_METADATA_KEY), b"")


def explained(
    details: bytes,
) -> tuple[error_details_pb2.ErrorInfo, error_details_pb2.RetryInfo]:
    """The project's ErrorInfo and the RetryInfo in the details of a failed call.

    Args:
        details: a google.rpc.Status, serialised; empty ones come of what is none.
    """
    try:
        return unpacked(status_pb2.Status.FromString(details).details)
    except DecodeError:
        return error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()


def unpacked(
    details: Iterable[any_pb2.Any],
) -> tuple[error_details_pb2.ErrorInfo, error_details_pb2.RetryInfo]:
    """The project's ErrorInfo and the RetryInfo among details; empty ones where they are not."""
    found = error_details_pb2.ErrorInfo()
    retry = error_details_pb2.RetryInfo()
    for detail in details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info) and info.domain == DOMAIN and not found.domain:
            found = info
        detail.Unpack(retry)
    return found, retry
