"""Bodies of resources, received in pieces and verified."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Any, Protocol

from omega.common.v1 import resource_pb2
from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError


class ChunkAnswer(Protocol):
    """An answer of either service's GetResource."""

    @property
    def chunk(self) -> resource_pb2.ResourceChunk:
        """The piece that it carries."""
        ...


class WantedResource(Protocol):
    """A request of either service's GetResource."""

    @property
    def kind(self) -> resource_pb2.ResourceKind.ValueType:
        """What is wanted."""
        ...

    @property
    def version(self) -> int:
        """Of it."""
        ...

    @property
    def offset(self) -> int:
        """First byte wanted."""
        ...


class Chunks:
    """Reads the chunks of a stream while they follow one another without a gap.

    Raises:
        OmegaError: CORRUPT_RESOURCE when the first chunk does not name the wanted resource, a
            chunk is empty, too large or out of place, or the body ends early or runs over.
    """

    def __init__(self, wanted: WantedResource) -> None:
        self._named = (wanted.kind, wanted.version)
        self._next = wanted.offset
        self._size: int | None = None

    def take(self, answer: ChunkAnswer) -> resource_pb2.ResourceChunk:
        """The chunk of an answer."""
        chunk = answer.chunk
        if self._size is None:
            if (chunk.info.kind, chunk.info.version) != self._named:
                raise _corrupt("the first chunk names another resource")
            self._size = chunk.info.size_bytes
        if not 1 <= len(chunk.data) <= limits.MAX_CHUNK:
            raise _corrupt(f"a chunk of {len(chunk.data)} bytes")
        if chunk.offset != self._next:
            raise _corrupt(f"a chunk at {chunk.offset} where {self._next} was due")
        self._next += len(chunk.data)
        if self._next > self._size:
            raise _corrupt(f"more than the stated {self._size} bytes")
        return chunk

    def end(self) -> None:
        """No chunk follows."""
        if self._size is not None and self._next != self._size:
            raise _corrupt(f"{self._next} of {self._size} bytes")


def checked_chunks(
    answers: Generator[ChunkAnswer, Any, None], wanted: WantedResource
) -> Iterator[resource_pb2.ResourceChunk]:
    """Yields the chunks of a stream, as Chunks reads them.

    The stream is closed when it ends, fails or is abandoned.
    """
    chunks = Chunks(wanted)
    with closing(answers):
        yield from map(chunks.take, answers)
    chunks.end()


class Body:
    """Puts chunks together until they are the announced body.

    Args:
        info: the announced resource.
        into: first bytes of the body, from an earlier attempt; None = none. Grows by each chunk,
            and is emptied when the body turns out damaged, else kept, so that a download that was
            interrupted can go on.

    Raises:
        OmegaError: CORRUPT_RESOURCE when size or SHA-256 differ from `info`, or a chunk announces
            another body.
    """

    def __init__(self, info: resource_pb2.ResourceInfo, into: bytearray | None = None) -> None:
        self._info = info
        self._held = bytearray() if into is None else into

    @property
    def offset(self) -> int:
        """First byte that is not held."""
        return len(self._held)

    @property
    def complete(self) -> bool:
        """Whether as many bytes are held as were announced, or more."""
        return len(self._held) >= self._info.size_bytes

    def add(self, chunk: resource_pb2.ResourceChunk) -> None:
        """Appends a chunk."""
        if chunk.HasField("info") and chunk.info != self._info:
            self._held.clear()
            raise _corrupt("the server describes another body than it announced")
        self._held += chunk.data

    def whole(self) -> bytes:
        """The body, verified."""
        body = bytes(self._held)
        announced = (self._info.size_bytes, self._info.sha256)
        if (len(body), hashlib.sha256(body).digest()) != announced:
            self._held.clear()
            raise _corrupt("size or SHA-256 differ from what was announced")
        return body


def assemble(
    chunks: Iterable[resource_pb2.ResourceChunk],
    info: resource_pb2.ResourceInfo,
    into: bytearray | None = None,
) -> bytes:
    """The body that `info` announces, of chunks that follow what `into` holds; as Body."""
    body = Body(info, into)
    for chunk in chunks:
        body.add(chunk)
    return body.whole()


def download(
    fetch: Callable[[int], Iterable[resource_pb2.ResourceChunk]],
    info: resource_pb2.ResourceInfo,
    into: bytearray | None,
) -> bytes:
    """The whole body that `info` announces; `fetch` gives its chunks from an offset on.

    Nothing is fetched where `into` is complete already; else as assemble().
    """
    body = Body(info, into)
    return assemble(() if body.complete else fetch(body.offset), info, into)


def _corrupt(detail: str) -> OmegaError:
    return OmegaError(ErrorCode.CORRUPT_RESOURCE, detail=detail)
