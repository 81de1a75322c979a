"""Codebooks of a shard: held to their form before they are stored, decoded once."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from datetime import datetime

from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_delta.transform import Codebook
from omega_store import Connection, Store, contents, lock_catalogue, releases, resources
from omega_store.resources import ResourceKind

_MOST_CACHED = resources.KEEP


class Codebooks:
    """Decoded codebooks by id. Safe to share between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._cache: OrderedDict[int, Codebook] = OrderedDict()

    def find(self, codebook_id: int) -> Codebook | None:
        """The codebook of an id; None where none is kept.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE; INTERNAL when what is stored is no codebook.
        """
        with self._lock:
            if (known := self._cache.get(codebook_id)) is not None:
                return known
        with self._store.statements("read codebook") as conn:
            body = resources.newest_codebook(conn, codebook_id)
        if body is None:
            return None  # not remembered: an unknown id may be asked for at will
        try:
            book = Codebook.decode(body)
        except OmegaError as error:
            raise OmegaError(ErrorCode.INTERNAL, detail=f"codebook {codebook_id}") from error
        with self._lock:
            self._cache[codebook_id] = book
            if len(self._cache) > _MOST_CACHED:
                self._cache.popitem(last=False)
        return book


def publish(conn: Connection, body: bytes, now: datetime) -> tuple[int, int]:
    """Stores a codebook as the newest, unless it is that already; returns its version and id.

    Raises:
        OmegaError: INVALID_FIELD body when it is no codebook; ENCODER_MISMATCH when the shard's
            titles are of another encoder; RELEASE_UNDER_WAY while another codebook is on its way
            to all.
    """
    try:
        book = Codebook.decode(body)
    except OmegaError as error:
        raise invalid("body", error.bound) from error
    if not book.id:
        raise invalid("body", "a codebook whose id is not 0; train it with another seed")
    lock_catalogue(conn)
    if (encoder := contents.encoder(conn)) not in {"", book.model_version}:
        raise OmegaError(ErrorCode.ENCODER_MISMATCH, field="model_version", bound=encoder)
    newest = resources.newest(conn).get(ResourceKind.CODEBOOK)
    if newest is not None and newest.sha256 == hashlib.sha256(body).digest():
        return newest.version, book.id
    version = resources.following_version(conn, ResourceKind.CODEBOOK)
    published = releases.publish(
        conn,
        ResourceKind.CODEBOOK,
        version,
        model_version=book.model_version,
        body=body,
        now=now,
    )
    if published is None:
        bound = f"codebook {version - 1}; let it end, or end it"
        raise OmegaError(ErrorCode.RELEASE_UNDER_WAY, field="body", bound=bound)
    return version, book.id
