"""The OpenAPI document, generated from the routes."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from omega_console.api.models import without_default
from omega_console.api.problems import MEDIA_TYPE, Problem

_REFUSALS = {
    "400": "a field is wrong (INVALID_FIELD)",
    "401": "no valid token (UNAUTHENTICATED)",
    "403": "the token's roles do not allow it (ROLE_MISSING)",
    "404": "no such thing",
    "408": "the body did not arrive in time",
    "409": "it is in another state (FAILED_PRECONDITION, ABORTED)",
    "413": "the body is too large (INVALID_FIELD)",
    "415": "the body is of another type",
    "429": "too many requests, or too many refused tokens (RATE_LIMITED, OVERLOADED)",
    "500": "a defect (INTERNAL)",
    "501": "the constellation is of another release",
    "503": "the constellation or its database does not answer",
    "504": "the constellation did not answer in time (DEADLINE_EXCEEDED)",
}
_OPEN = {"GetLive", "GetReady"}
_DESCRIPTION = """\
What operators see of the fleet and do to it. Derived from the gRPC contracts: fields are named as
there, instants are RFC 3339, enums are the names of the contracts without prefix in lower case,
bytes are Base64, what is absent is null. Errors are problem details (RFC 9457) with a code of the
error catalogue. A role may do what those below it may: viewer, operator, admin; `x-omega-role`
names the least that an operation needs."""


def openapi(app: FastAPI) -> dict[str, Any]:
    """The document of an application's routes."""
    found = get_openapi(
        title="Omega TV",
        version=version("omega-console"),
        openapi_version="3.1.0",
        summary="Management of a fleet",
        description=_DESCRIPTION.replace("\n", " "),
        routes=app.routes,
        license_info={"name": "MIT"},
        servers=[{"url": "/"}],
    )
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schemas["Problem"] = Problem.model_json_schema()
    components["responses"] = {
        name: {
            "description": text[0].upper() + text[1:] + ".",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for name, text in ((f"Problem{status}", text) for status, text in _REFUSALS.items())
    }
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    for operations in found["paths"].values():
        for operation in operations.values():
            _complete(operation)
    return found


def _complete(operation: dict[str, Any]) -> None:
    """Adds to an operation who may and how it is refused."""
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "header":
            without_default(parameter["schema"])
    responses = operation["responses"]
    responses.pop("422", None)
    is_open = operation["operationId"] in _OPEN
    operation["security"] = [] if is_open else [{"bearer": []}]
    for status in ("408", "429", "500", "503") if is_open else _REFUSALS:
        responses[status] = {"$ref": f"#/components/responses/Problem{status}"}


def document() -> dict[str, Any]:
    """The document of the console of this release; nothing is started."""
    from omega_console.app import described  # noqa: PLC0415 - which needs this module

    return described()
