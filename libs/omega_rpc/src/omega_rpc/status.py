"""OmegaError <-> google.rpc.Status with an ErrorInfo (AIP-193)."""

from __future__ import annotations

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from omega_core.errors import OmegaError
from omega_rpc import call as calls

DOMAIN = "omega.tv"
"""ErrorInfo.domain of every error of the project."""


def to_status(error: OmegaError) -> status_pb2.Status:
    """The public form of an error: code, text, reason, field, bound, request id. No detail."""
    named = {"field": error.field, "bound": error.bound, "request_id": calls.request_id()}
    info = error_details_pb2.ErrorInfo(
        reason=error.code.value, domain=DOMAIN, metadata={k: v for k, v in named.items() if v}
    )
    packed = any_pb2.Any()
    packed.Pack(info)
    return status_pb2.Status(
        code=grpc.StatusCode[error.spec.status].value[0],
        message=error.public_text,
        details=[packed],
    )
