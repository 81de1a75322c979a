"""What a client raises when a service refuses or does not answer."""

from __future__ import annotations

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
        trailers: tuple[Any, ...] = (),
    ) -> None:
        self.status = status
        self.reason = reason
        self.field = field
        self.bound = bound
        self.message = message
        self.request_id = request_id
        self._trailers = trailers
        super().__init__(f"{status}: {message}" + (f" [{reason}]" if reason else ""))

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
    info = _info(error) or error_details_pb2.ErrorInfo()
    return ServiceError(
        error.code().name,
        reason=info.reason,
        field=info.metadata.get("field", ""),
        bound=info.metadata.get("bound", ""),
        message=error.details() or "",
        request_id=info.metadata.get("request_id", ""),
        trailers=tuple(error.trailing_metadata() or ()),
    )


def _info(error: grpc.RpcError) -> error_details_pb2.ErrorInfo | None:
    """The project's ErrorInfo among the details of a failed call."""
    for pair in error.trailing_metadata() or ():
        if pair.key != GRPC_DETAILS_METADATA_KEY:
            continue
        try:
            details = status_pb2.Status.FromString(pair.value).details
            infos = [_unpacked(detail) for detail in details]
        except DecodeError:
            return None
        return next((info for info in infos if info and info.domain == DOMAIN), None)
    return None


def _unpacked(detail: any_pb2.Any) -> error_details_pb2.ErrorInfo | None:
    info = error_details_pb2.ErrorInfo()
    return info if detail.Unpack(info) else None
