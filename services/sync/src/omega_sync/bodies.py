"""Bodies of resources, each fetched from the constellation once for all TVs."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError, invalid

Key = tuple[int, int, int, bytes]
"""Kind, version, base version and base's SHA-256, as they were asked for."""
_FETCH_SECONDS = 3_600.0
Ask = Callable[[pb.GetResourceRequest], AsyncIterator[pb.GetResourceResponse]]
Current = Callable[[], Awaitable[pb.GetHeadsResponse]]


@dataclass(frozen=True, slots=True)
class Source:
    """A shard that has bodies."""

    ask: Ask
    """Its GetResource."""
    current: Current
    """The newest versions that it holds."""


@dataclass(frozen=True, slots=True)
class Body:
    """A whole body, or a delta in its place."""

    info: resource_pb2.ResourceInfo
    """As the constellation stated it."""
    data: bytes
    """With the SHA-256 of `info`."""

    def chunks(self, offset: int) -> Iterator[tuple[int, bytes]]:
        """Pieces from byte `offset` on, with their offsets."""
        for at in range(offset, len(self.data), limits.MAX_CHUNK):
            yield at, self.data[at : at + limits.MAX_CHUNK]


class Bodies:
    """A bounded cache of bodies.

    A body of a version is the same at every shard. One whose announced SHA-256 has changed is
    fetched anew, as after a restored backup.

    Args:
        most_bytes: bound on what is kept; the longest unused goes first.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[Key, Body] = OrderedDict()
        self._asking: dict[tuple[Key, Source], asyncio.Task[Body]] = {}

    async def get(self, request: pb.GetResourceRequest, seconds: float, source: Source) -> Body:
        """The whole body, whatever the request's offset; a base is heeded with offset 0 only.

        Raises:
            OmegaError: INVALID_FIELD offset beyond the body; CORRUPT_RESOURCE when the
                constellation sent other bytes than it stated; what it raises itself.
        """
        based = request.base_version and not request.offset
        key: Key = (
            request.kind,
            request.version,
            request.base_version if based else 0,
            request.base_sha256 if based else b"",
        )
        found = self._kept.get(key)
        if found is not None and await self._stale(found.info, source):
            self._forget(key)
            found = None
        if found is None:
            found = await self._shared(key, seconds, source)
        elif key in self._kept:
            self._kept.move_to_end(key)
        if request.offset > len(found.data):
            raise invalid("offset", f"at most the body's {len(found.data):,} bytes")
        return found

    async def _stale(self, info: resource_pb2.ResourceInfo, source: Source) -> bool:
        heads = await source.current()
        return not info.base_version and any(
            told.kind == info.kind and told.version == info.version and told.sha256 != info.sha256
            for told in (*heads.resources, *(staged.resource for staged in heads.staged))
            if told.sha256
        )

    async def _shared(self, key: Key, seconds: float, source: Source) -> Body:
        asked = (key, source)
        task = self._asking.get(asked)
        if task is None:
            task = self._asking[asked] = asyncio.create_task(self._fetch(key, source))
            task.add_done_callback(lambda done: self._asked(asked, done))
        # Others may wait for the same: one that gives up does not end the transfer.
        async with asyncio.timeout(seconds):
            return await asyncio.shield(task)

    async def _fetch(self, key: Key, source: Source) -> Body:
        kind, version, base_version, base_sha256 = key
        request = pb.GetResourceRequest(
            kind=resource_pb2.ResourceKind.ValueType(kind),
            version=version,
            base_version=base_version,
            base_sha256=base_sha256,
        )
        info, data = resource_pb2.ResourceInfo(), bytearray()
        async with aclosing(source.ask(request)) as answers:  # type: ignore[type-var]  # a generator
            async for answer in answers:
                if answer.chunk.HasField("info"):
                    info = answer.chunk.info
                    if base_version and not info.base_version:
                        # There is no such delta: the body itself is shared by all who ask.
                        break
                if answer.chunk.offset != len(data) or len(data) > limits.MAX_RESOURCE:
                    raise OmegaError(ErrorCode.CORRUPT_RESOURCE, detail="chunks out of order")
                data += answer.chunk.data
        if base_version and not info.base_version:
            plain = pb.GetResourceRequest(kind=request.kind, version=version)
            return await self.get(plain, _FETCH_SECONDS, source)
        body = Body(info, bytes(data))
        if hashlib.sha256(body.data).digest() != info.sha256:
            raise OmegaError(ErrorCode.CORRUPT_RESOURCE, detail="another SHA-256 than stated")
        self._keep(key, body)
        return body

    def _asked(self, asked: tuple[Key, Source], done: asyncio.Task[Body]) -> None:
        del self._asking[asked]
        if not done.cancelled():
            done.exception()  # those who waited have it

    def _keep(self, key: Key, body: Body) -> None:
        self._forget(key)
        if len(body.data) > self._most_bytes:
            return
        self._kept[key] = body
        self._bytes += len(body.data)
        while self._bytes > self._most_bytes:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: Key) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            self._bytes -= len(gone.data)
