"""The API as an ASGI application, and every error that it meets as a problem."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from omega_client.errors import ServiceError
from omega_console import WEB
from omega_console.api import content, federation, health, problems, routes
from omega_console.api.bounds import BOUNDS, Bound
from omega_console.api.document import openapi
from omega_console.guard import TooLargeError
from omega_console.imports import Imports
from omega_console.keys import SigningKeys
from omega_console.upstream import Upstream
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_rpc.call import request_id

_FORM = "a JSON object of the stated form"
_WHERE = frozenset({"query", "path", "body", "header"})
_log = logging.getLogger(__name__)


def application(
    upstream: Upstream,
    keys: SigningKeys,
    ready: health.Readiness,
    imports: Imports,
    upload_bytes: int,
) -> FastAPI:
    """Routes below /api/v1. Callers were found out before."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    api = APIRouter(prefix="/api/v1")
    for part in (
        health.router(upstream, keys, ready, imports, upload_bytes),
        federation.router(upstream),
        content.router(imports),
        routes.router(upstream),
    ):
        api.include_router(part)
    app.include_router(api)
    described = openapi(app)
    app.state.paths = described["paths"]

    @app.get("/api/v1/openapi.json", include_in_schema=False)
    def document() -> JSONResponse:
        return JSONResponse(described)

    _handle(app)
    return app


def files() -> Starlette:
    """The files of the web console."""
    app = Starlette()
    app.mount("/", StaticFiles(directory=WEB, html=True))
    app.add_exception_handler(HTTPException, _of_http)
    return app


def switch(api: ASGIApp, others: ASGIApp) -> ASGIApp:
    """What is below /api goes to the one, all else to the other."""

    async def chosen(scope: Scope, receive: Receive, send: Send) -> None:
        below = scope["path"].startswith("/api/")
        await (api if below else others)(scope, receive, send)

    return chosen


async def _of_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return problems.answer(invalid("body", _FORM))
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return problems.plain(error.status_code, error.detail, headers)


def _methods(request: Request) -> set[str]:
    """Methods that some route takes at this path; Starlette tells those of the first one alone."""
    documented: dict[str, Any] = getattr(request.app.state, "paths", {})
    found = [
        verb.upper()
        for path, operations in documented.items()
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.url.path)
        for verb in operations
    ]
    return set(found) or {"GET", "HEAD"}


def _handle(app: FastAPI) -> None:
    """Gives each error its problem."""

    @app.exception_handler(OmegaError)
    async def of_catalogue(_: Request, error: OmegaError) -> Response:
        _log.info("%s [%s]", error, request_id())
        return problems.answer(error)

    @app.exception_handler(ServiceError)
    async def of_constellation(_: Request, error: ServiceError) -> Response:
        _log.info("the constellation answered %s [%s]", error, request_id())
        if error.status == "UNIMPLEMENTED":
            return problems.plain(501, "the constellation is of another release")
        return problems.answer(problems.of_service(error))

    @app.exception_handler(RequestValidationError)
    async def of_form(_: Request, error: RequestValidationError) -> Response:
        return problems.answer(_invalid(error))

    app.add_exception_handler(HTTPException, _of_http)

    @app.exception_handler(TooLargeError)
    async def of_size(_: Request, error: TooLargeError) -> Response:
        return problems.answer(invalid("body", f"at most {error.most:,} bytes"), 413)

    @app.exception_handler(TimeoutError)
    async def of_slowness(_: Request, __: TimeoutError) -> Response:
        return problems.plain(408)

    @app.exception_handler(ClientDisconnect)
    async def of_nobody(_: Request, __: ClientDisconnect) -> Response:
        return problems.plain(400)

    @app.exception_handler(Exception)
    async def of_defect(_: Request, error: Exception) -> Response:
        _log.error("a request failed [%s]", request_id(), exc_info=error)
        return problems.answer(OmegaError(ErrorCode.INTERNAL))


def _invalid(error: RequestValidationError) -> OmegaError:
    """INVALID_FIELD of what a request's form got wrong first."""
    first: dict[str, Any] = error.errors()[0]
    names = [str(part) for part in first["loc"] if part not in _WHERE]
    name = names[0] if names and not first["type"].startswith("json") else "body"
    if first["type"] == "missing":
        return invalid(name, "set")
    if first["type"] == "extra_forbidden":
        return invalid(name, "absent: there is no such field")
    bound = BOUNDS.get(name, Bound()).text or str(first["msg"]).removeprefix("Input should be ")
    return invalid(name, bound if name != "body" else _FORM)
