"""A resource as what changed since the held version, or whole where that is what is sent."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from omega.common.v1 import resource_pb2
from omega_brain.fleet import Fleet
from omega_brain.stores import Stores
from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError
from omega_persistence.resources import ResourceKey

_log = logging.getLogger(__name__)


@dataclass
class Fetched:
    """What a request that named a base brought."""

    size: int = 0
    """Bytes that were transferred."""
    delta: bytes | None = field(default=None, repr=False)
    """A delta whose SHA-256 is the stated one; None = there was none."""
    whole: bool = False
    """Whether the body itself came, into the table of transfers."""


def fetch(
    stores: Stores,
    fleet: Fleet,
    key: ResourceKey,
    base: tuple[int, bytes],
    may_go_on: Callable[[], bool],
) -> Fetched:
    """Asks for a version as a delta from a held one, and takes what is sent instead.

    A delta is held in memory only: until its result is stored nothing has changed. One that is
    damaged, or as large as the body, is thrown away.

    Args:
        stores: take what comes of a whole body.
        fleet: is asked.
        key: what was announced.
        base: the held version and the SHA-256 that names it.
        may_go_on: asked after each chunk; False ends the transfer.

    Raises:
        ServiceError: the server refused or the transfer broke; parts of a whole body are kept.
        OmegaError: CORRUPT_RESOURCE when the stream of a whole body breaks the contract;
            STORAGE_FULL, STORAGE_UNAVAILABLE.
    """
    fetched = Fetched()
    delta, stated = bytearray(), resource_pb2.ResourceInfo()
    most = min(key.size_bytes, limits.MAX_RESOURCE)
    kind = resource_pb2.ResourceKind.ValueType(key.kind)
    chunks = fleet.get_resource(kind, key.version, base=base)
    try:
        for chunk in chunks:
            if chunk.HasField("info"):
                stated.CopyFrom(chunk.info)
            begun = fetched.size
            fetched.size += len(chunk.data)
            if stated.base_version:
                delta += chunk.data
            else:
                stores.resources.append(key, begun, chunk.data)
                fetched.whole = True
            if len(delta) >= most or not may_go_on():
                break
    except OmegaError as error:
        if error.code != ErrorCode.CORRUPT_RESOURCE or not stated.base_version:
            raise
        _log.warning("a delta broke the contract: %s", error)
        delta.clear()
    finally:
        _close(chunks)
        stores.meta.add_traffic(resources=fetched.size)
    if stated.base_version:
        if hashlib.sha256(delta).digest() == stated.sha256:
            fetched.delta = bytes(delta)
        else:
            _log.warning("a delta to resource %d is not what was stated", key.kind)
    return fetched


def _close(chunks: Iterator[resource_pb2.ResourceChunk]) -> None:
    close = getattr(chunks, "close", None)
    if close:
        close()
