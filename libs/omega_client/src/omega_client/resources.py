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


def checked_chunks(
    answers: Generator[ChunkAnswer, Any, None],
    kind: resource_pb2.ResourceKind.ValueType,
    version: int,
    offset: int,
) -> Iterator[resource_pb2.ResourceChunk]:
    """Yields the chunks of a stream while they follow one another without a gap.

    The stream is closed when it ends, fails or is abandoned.

    Raises:
        OmegaError: CORRUPT_RESOURCE when the first chunk does not name the wanted resource, a
            chunk is empty, too large or out of place, or the body ends early or runs over.
    """
    wanted, size = offset, None
    with closing(answers):
        for answer in answers:
            chunk = answer.chunk
            if size is None:
                if (chunk.info.kind, chunk.info.version) != (kind, version):
                    raise _corrupt("the first chunk names another resource")
                size = chunk.info.size_bytes
            if not 1 <= len(chunk.data) <= limits.MAX_CHUNK:
                raise _corrupt(f"a chunk of {len(chunk.data)} bytes")
            if chunk.offset != wanted:
                raise _corrupt(f"a chunk at {chunk.offset} where {wanted} was due")
            wanted += len(chunk.data)
            if wanted > size:
                raise _corrupt(f"more than the stated {size} bytes")
            yield chunk
    if size is not None and wanted != size:
        raise _corrupt(f"{wanted} of {size} bytes")


def assemble(
    chunks: Iterable[resource_pb2.ResourceChunk],
    info: resource_pb2.ResourceInfo,
    into: bytearray,
) -> bytes:
    """Appends chunks to `into` and returns the body once it is what `info` states.

    Args:
        chunks: what follows the bytes that `into` holds.
        info: the announced resource.
        into: emptied when the body turns out damaged, else kept, so that a download that was
            interrupted can go on.

    Raises:
        OmegaError: CORRUPT_RESOURCE when size or SHA-256 differ from `info`.
    """
    for chunk in chunks:
        if chunk.HasField("info") and chunk.info != info:
            into.clear()
            raise _corrupt("the server describes another body than it announced")
        into += chunk.data
    body = bytes(into)
    if len(body) != info.size_bytes or hashlib.sha256(body).digest() != info.sha256:
        into.clear()
        raise _corrupt("size or SHA-256 differ from what was announced")
    return body


def download(
    fetch: Callable[[int], Iterable[resource_pb2.ResourceChunk]],
    info: resource_pb2.ResourceInfo,
    into: bytearray | None,
) -> bytes:
    """The whole body that `info` announces; `fetch` gives its chunks from an offset on.

    Nothing is fetched where `into` is complete already; else as assemble().
    """
    held = bytearray() if into is None else into
    chunks = fetch(len(held)) if len(held) < info.size_bytes else ()
    return assemble(chunks, info, held)


def _corrupt(detail: str) -> OmegaError:
    return OmegaError(ErrorCode.CORRUPT_RESOURCE, detail=detail)
