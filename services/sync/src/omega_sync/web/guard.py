"""Keeps from the application what HTTP would let in: other protocols, slow bodies, early data."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

EARLY = (b"early-data", b"1")
"""Field of a request that came before its handshake was complete (RFC 8470)."""
_TYPES = frozenset(
    {
        b"application/proto",
        b"application/json",
        b"application/connect+proto",
        b"application/connect+json",
    }
)
_STREAM = "/omega.sync.v1.SyncService/StreamSync"
_REPLAYABLE = frozenset(
    f"/omega.sync.v1.SyncService/{name}" for name in ("Sync", "PushPatterns", "PullPatterns")
)
_BODY_SECONDS = 10.0
_REST_SECONDS = 1.0
_UNWANTED = frozenset({b"accept-encoding", b"connect-accept-encoding"})


class Guard:
    """An ASGI application around another.

    Args:
        application: for the requests that pass.
        body_seconds: longest time that a request's body may take, but for open streams.
    """

    def __init__(self, application: Application, body_seconds: float = _BODY_SECONDS) -> None:
        self._application = application
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request, or answers it by an HTTP status alone."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
            return
        refusal = _refusal(scope)
        if refusal:
            answer = _after(_Body(receive, self._body_seconds), send)
            await answer({"type": "http.response.start", "status": refusal, "headers": []})
            await answer({"type": "http.response.body", "body": b""})
            return
        # Answers are compressed already where it pays, and each is held to its bytes.
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in _UNWANTED]
        seconds = None if scope["path"] == _STREAM else self._body_seconds
        body = _Body(receive, seconds)
        await self._application(scope, body, _after(body, send))


def _refusal(scope: Scope) -> int:
    """The status that refuses a request; 0 = it passes."""
    fields = dict(scope["headers"])
    if scope["type"] != "http":
        return 400
    if fields.get(b"content-type", b"").partition(b";")[0].strip().lower() not in _TYPES:
        return 415
    if EARLY[0] in fields and scope["path"] not in _REPLAYABLE:
        return 425
    if scope["path"] == _STREAM and scope["http_version"].startswith("1"):
        return 505
    return 0


class _Body:
    """A receive() that takes a body which does not end in time for a caller that hung up."""

    def __init__(self, receive: Receive, seconds: float | None) -> None:
        self._receive = receive
        self._until = None if seconds is None else asyncio.get_running_loop().time() + seconds
        self.complete = False
        """Whether there is no more to come."""

    async def __call__(self) -> Message:
        if self.complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            message = {"type": "http.disconnect"}
        self.complete = not message.get("more_body", False)
        return message

    async def rest(self) -> None:
        """Reads what is still to come and throws it away, for a moment."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_REST_SECONDS):
                while not self.complete:
                    await self()


def _after(body: _Body, send: Send) -> Send:
    """A send() that ends an answer after its request.

    hypercorn breaks a connection of HTTP/2 on which a request goes on when its answer has ended.
    """

    async def ending(message: Message) -> None:
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if not last or body.complete:
            await send(message)
            return
        await send({**message, "more_body": True})
        await body.rest()
        await send({"type": "http.response.body", "body": b""})

    return ending
