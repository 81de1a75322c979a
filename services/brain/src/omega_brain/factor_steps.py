"""Factors as what changed since the held ones, or whole where that serves better."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from omega.common.v1 import resource_pb2
from omega_brain.fleet import Fleet
from omega_brain.state import FACTORS
from omega_brain.stores import Stores
from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError
from omega_delta import apply_factor_delta, decode_factors, factors_sha256
from omega_persistence.resources import ResourceKey

_log = logging.getLogger(__name__)
_TAKEN_AT = "factors_taken_at"
_EARLY = 1 / 48
"""Part of the time between two versions by which one may be taken early: half an hour a day."""


def due(stores: Stores, info: resource_pb2.ResourceInfo, hours: float, now: datetime) -> bool:
    """Whether newer factors may be taken: once in so many hours, whatever the fleet announces.

    A TV without factors of the announced encoder does not wait.
    """
    held = _held(stores)
    taken = stores.meta.get(_TAKEN_AT)
    if held is None or held.model_version != info.model_version or taken is None:
        return True
    since = now - datetime.fromisoformat(taken)
    # A clock that was set back would put the next ones off for as long.
    return not timedelta(0) <= since < timedelta(hours=hours * (1 - _EARLY))


def note_taken(stores: Stores, now: datetime) -> None:
    """Notes that factors were put in force; call it in the transaction that does."""
    stores.meta.set(_TAKEN_AT, now.isoformat())


@dataclass
class Fetched:
    """What a request that named a base brought."""

    size: int = 0
    """Bytes that were transferred."""
    body: bytes | None = field(default=None, repr=False)
    """The factors that a sound delta led to; None = there was none."""
    whole: bool = False
    """Whether the body itself came, into the table of transfers."""


def fetch(stores: Stores, fleet: Fleet, key: ResourceKey) -> Fetched:
    """Asks for factors as a delta from the held ones, and takes what is sent instead.

    A delta is held in memory only: until its result is stored nothing has changed. One that is
    damaged, larger than the body or leads elsewhere than it states is thrown away.

    Raises:
        ServiceError: the server refused or the transfer broke; parts of a whole body are kept.
        OmegaError: CORRUPT_RESOURCE when the stream of a whole body breaks the contract;
            STORAGE_FULL, STORAGE_UNAVAILABLE.
    """
    fetched = Fetched()
    stored = stores.resources.get(FACTORS)
    if stored is None or stores.resources.received(key):
        return fetched
    try:
        base = (stored.key.version, factors_sha256(stored.body))
    except OmegaError as error:
        _log.warning("the held factors are no base: %s", error)
        return fetched
    delta, stated = bytearray(), resource_pb2.ResourceInfo()
    most = min(key.size_bytes, limits.MAX_RESOURCE)
    chunks = fleet.get_resource(FACTORS, key.version, base=base)
    try:
        for chunk in chunks:
            if chunk.HasField("info"):
                stated.CopyFrom(chunk.info)
            begun = fetched.size
            fetched.size += len(chunk.data)
            if not stated.base_version:
                stores.resources.append(key, begun, chunk.data)
                fetched.whole = True
                continue
            delta += chunk.data
            if len(delta) >= most:
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
        fetched.body = _applied(stored.body, bytes(delta), stated, key)
    return fetched


def stored_key(key: ResourceKey, body: bytes) -> ResourceKey:
    """The key of an announced version whose body was made here: its own size and hash."""
    sha256 = hashlib.sha256(body).digest()
    return ResourceKey(key.kind, key.version, len(body), sha256, key.model_version)


def _applied(
    held: bytes, delta: bytes, stated: resource_pb2.ResourceInfo, key: ResourceKey
) -> bytes | None:
    """The body that a delta leads to; None when it is not to be trusted."""
    try:
        _require(hashlib.sha256(delta).digest() == stated.sha256, "its SHA-256 differs")
        body = apply_factor_delta(held, delta)
        pack = decode_factors(body)
        led = (pack.version, pack.model_version) == (key.version, key.model_version)
        _require(led, "it leads to another version")
    except OmegaError as error:
        if error.code not in {ErrorCode.CORRUPT_RESOURCE, ErrorCode.INVALID_FIELD}:
            raise
        _log.warning("a delta to factors %d is thrown away: %s", key.version, error)
        return None
    return body


def _require(holds: bool, detail: str) -> None:
    if not holds:
        raise OmegaError(ErrorCode.CORRUPT_RESOURCE, detail=detail)


def _held(stores: Stores) -> ResourceKey | None:
    return next((key for key in stores.resources.held() if key.kind == FACTORS), None)


def _close(chunks: Iterator[resource_pb2.ResourceChunk]) -> None:
    close = getattr(chunks, "close", None)
    if close:
        close()
