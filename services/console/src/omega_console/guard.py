"""An ASGI application around another: request ids, limits, sign-in, and what browsers are told."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders

from omega_console.api import problems
from omega_console.signin import Operator
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_rpc import call as calls

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

API = "/api/v1/"
"""What the path of every route of the API begins with."""
OPEN = frozenset({f"{API}health/live", f"{API}health/ready", f"{API}openapi.json"})
"""Paths of the API that need no token."""
UPLOAD = f"{API}content"
"""The one path that takes a large body."""
LARGEST_BODY = 65_536
"""Bytes of any other body."""
_BODY_SECONDS = 10.0
_LONGEST_ID = 64
_log = logging.getLogger(__name__)

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_HSTS = "max-age=31536000"


class Guard:
    """Serves what passes.

    Args:
        application: for the requests that pass; finds the caller in scope["state"]["operator"].
        sign_in: gives the operator of an Authorization field and an address; raises OmegaError.
        tls: whether it is served over TLS.
        upload_bytes: largest body of an upload.
        upload_seconds: longest time that it may take.
        most: requests under way before new ones are turned away.
    """

    def __init__(
        self,
        application: Application,
        sign_in: Callable[[str, str], Operator],
        *,
        tls: bool,
        upload_bytes: int,
        upload_seconds: float,
        most: int,
    ) -> None:
        self._application = application
        self._sign_in = sign_in
        self._headers = {**_HEADERS, "Strict-Transport-Security": _HSTS} if tls else _HEADERS
        self._upload = (upload_bytes, upload_seconds)
        self._most = most
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request, or answers why not."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        usable = 0 < len(given) <= _LONGEST_ID and given.isascii() and given.isprintable()
        calls._request_id.set(given if usable else uuid.uuid4().hex)  # noqa: SLF001 - as the chain of gRPC does
        send = self._told(scope, send)
        self._under_way += 1
        try:
            await self._admit(scope, headers)
            receive = await self._bounded(scope, headers, receive)
        except OmegaError as error:
            await problems.answer(error)(scope, receive, send)
        except TooLargeError as error:
            refusal = invalid("body", f"at most {error.most:,} bytes")
            await problems.answer(refusal, 413)(scope, receive, send)
        except TimeoutError:
            await problems.plain(408)(scope, receive, send)
        except _GoneError:
            return
        else:
            await self._application(scope, receive, send)
        finally:
            self._under_way -= 1

    async def _admit(self, scope: Scope, headers: Headers) -> None:
        """Finds out who calls where the path asks for it.

        Raises:
            OmegaError: OVERLOADED, and what sign_in raises.
        """
        if self._under_way > self._most:
            raise OmegaError(ErrorCode.OVERLOADED, retry_after=1)
        path = scope["path"]
        if not path.startswith(API) or path in OPEN:
            return
        address = scope["client"][0] if scope.get("client") else ""
        scope.setdefault("state", {})["operator"] = await to_thread.run_sync(
            self._sign_in, headers.get("authorization", ""), address
        )

    async def _bounded(self, scope: Scope, headers: Headers, receive: Receive) -> Receive:
        """A receive() of a body within bounds: read already, but for an upload's."""
        upload = scope["path"] == UPLOAD and scope["method"] == "POST"
        most, seconds = self._upload if upload else (LARGEST_BODY, _BODY_SECONDS)
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > most:
            raise TooLargeError(most)
        body = _Body(receive, most, asyncio.get_running_loop().time() + seconds)
        return body if upload else await body.read()

    def _told(self, scope: Scope, send: Send) -> Send:
        """A send() that adds header fields and writes a line into the log."""

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                headers.update(self._headers)
                headers["X-Request-ID"] = calls.request_id()
                if scope["path"].startswith("/api/"):
                    headers["Cache-Control"] = "no-store"
                else:
                    headers.setdefault("Cache-Control", "no-cache")
                operator = scope.get("state", {}).get("operator")
                _log.info(
                    "%s %s %s by %s [%s]",
                    message["status"],
                    scope["method"],
                    scope["raw_path"].decode("ascii", "replace"),
                    operator.subject if operator else "nobody",
                    calls.request_id(),
                )
            await send(message)

        return telling


class TooLargeError(Exception):
    """A body above its bound, `most` bytes."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most


class _GoneError(Exception):
    """The caller hung up in the middle of a body: whatever it was, it is not done."""


class _Body:
    """A receive() that holds a body to a size and an instant."""

    def __init__(self, receive: Receive, most: int, until: float) -> None:
        self._receive = receive
        self._most = self._left = most
        self._until = until
        self._complete = False

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()
        async with asyncio.timeout_at(self._until):
            message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise TooLargeError(self._most)
        self._complete = not message.get("more_body", False)
        return message

    async def read(self) -> Receive:
        """Reads all of it; gives a receive() that hands it out once."""
        pieces: list[bytes] = []
        while not self._complete:
            message = await self()
            if message["type"] == "http.disconnect":
                raise _GoneError
            pieces.append(message.get("body", b""))
        whole: list[Message] = [
            {"type": "http.request", "body": b"".join(pieces), "more_body": False}
        ]

        async def once() -> Message:
            return whole.pop() if whole else await self._receive()

        return once
