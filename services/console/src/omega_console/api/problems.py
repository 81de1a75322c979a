"""Errors as problem details (RFC 9457): one table from gRPC status to HTTP status."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from omega_client.errors import ServiceError
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.call import request_id

MEDIA_TYPE = "application/problem+json"
STATUSES: Mapping[str, int] = MappingProxyType(
    {
        "INVALID_ARGUMENT": 400,
        "OUT_OF_RANGE": 400,
        "UNAUTHENTICATED": 401,
        "PERMISSION_DENIED": 403,
        "NOT_FOUND": 404,
        "ALREADY_EXISTS": 409,
        "ABORTED": 409,
        "FAILED_PRECONDITION": 409,
        "RESOURCE_EXHAUSTED": 429,
        "CANCELLED": 503,
        "UNAVAILABLE": 503,
        "DEADLINE_EXCEEDED": 504,
        "UNIMPLEMENTED": 501,
        "DATA_LOSS": 500,
        "INTERNAL": 500,
        "UNKNOWN": 500,
    }
)
"""gRPC status -> HTTP status."""
_SIGN_IN = "a valid bearer token is needed; sign in again"


class Problem(BaseModel):
    """Why a request was not served (RFC 9457)."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(
        description="urn:omega-tv:error: and the code; about:blank where HTTP says it all."
    )
    title: str = Field(description="The HTTP status in words.")
    status: int = Field(ge=400, le=599, description="The HTTP status.")
    detail: str = Field(description="What is wrong, for a person.")
    code: str | None = Field(None, description="Row of the error catalogue (docs/errors.md).")
    field: str | None = Field(None, description="Field at fault, as the request named it.")
    bound: str | None = Field(None, description="What that field must be.")
    retry_after: int | None = Field(
        None, ge=1, description="Seconds after which the request is welcome again."
    )
    request_id: str = Field(description="Id under which the log tells more.")


def answer(error: OmegaError, status: int = 0) -> JSONResponse:
    """The answer that an error of the catalogue gets; `status` in place of that of the table."""
    status = status or STATUSES[error.spec.status]
    unknown = error.code == ErrorCode.UNAUTHENTICATED
    fields: dict[str, Any] = {
        "type": f"urn:omega-tv:error:{error.code.value}",
        "detail": _SIGN_IN if unknown else error.public_text,
        "code": error.code.value,
        "field": error.field or None,
        "bound": error.bound or None,
        "retry_after": math.ceil(error.retry_after) or None,
    }
    headers = {"Retry-After": str(fields["retry_after"])} if fields["retry_after"] else {}
    if status == HTTPStatus.UNAUTHORIZED:
        shown = ' error="invalid_token"' if error.detail != "no bearer token" else ""
        headers["WWW-Authenticate"] = f'Bearer realm="omega-console"{"," if shown else ""}{shown}'
    return _problem(status, fields, headers)


def plain(status: int, detail: str = "", headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer to what never came as far as the catalogue: no such path, method and the like."""
    detail = detail or HTTPStatus(status).description or HTTPStatus(status).phrase
    return _problem(status, {"type": "about:blank", "detail": detail}, dict(headers or {}))


def of_service(error: ServiceError) -> OmegaError:
    """The error of the catalogue that the constellation answered with."""
    if error.reason in ErrorCode.__members__:
        return OmegaError(
            ErrorCode(error.reason),
            field=error.field,
            bound=error.bound,
            detail=f"{error.status}: {error.message}",
            retry_after=error.retry_after,
        )
    if error.status == "UNIMPLEMENTED":
        return OmegaError(ErrorCode.INTERNAL, detail=f"{error.status}: {error.message}")
    by_status = {
        "UNAVAILABLE": ErrorCode.UPSTREAM_UNAVAILABLE,
        "CANCELLED": ErrorCode.UPSTREAM_UNAVAILABLE,
        "RESOURCE_EXHAUSTED": ErrorCode.OVERLOADED,
        "DEADLINE_EXCEEDED": ErrorCode.DEADLINE_EXCEEDED,
    }
    return OmegaError(
        by_status.get(error.status, ErrorCode.INTERNAL), detail=f"{error.status}: {error.message}"
    )


def _problem(status: int, fields: dict[str, Any], headers: dict[str, str]) -> JSONResponse:
    found = Problem(
        title=HTTPStatus(status).phrase, status=status, request_id=request_id(), **fields
    )
    return JSONResponse(found.model_dump(exclude_none=True), status, headers, media_type=MEDIA_TYPE)
