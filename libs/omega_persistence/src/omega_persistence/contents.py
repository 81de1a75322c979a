"""Titles with their vectors. A title's rowid is its label in the vector index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from omega_core.content import Content
from omega_core.vectors import FloatArray

from omega_persistence.database import Database


@dataclass(frozen=True, kw_only=True)
class StoredContent:
    """A title, its vector, and its place in the fleet's catalogue."""

    content: Content
    """The title itself."""
    embedding: FloatArray = field(compare=False, repr=False)
    """Unit vector (384,) float32; kept as float16."""
    model_version: str
    """Encoder of the embedding, 1 to 64 characters."""
    ordinal: int | None = None
    """Ordinal in the fleet's catalogue; None = known to this TV only."""


@dataclass(frozen=True, kw_only=True)
class ContentRow(StoredContent):
    """A stored title."""

    rowid: int
    """Label in the vector index; never reused."""
    rev: int
    """Number of its last change; rises with every change in the table."""


class UpsertCounts(NamedTuple):
    """What an upsert did."""

    added: int
    """Titles that were new."""
    updated: int
    """Titles that were known and differ."""
    unchanged: int
    """Titles that were known and equal."""


class Contents:
    """The table of titles."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def upsert(
        self, items: Sequence[StoredContent], *, replace_ordinals: bool = False
    ) -> UpsertCounts:
        """Adds or replaces titles by content_id, all of them or none.

        An item without an ordinal keeps the stored one. When an id occurs twice the last counts.

        Args:
            items: titles with vectors; a vector is scaled to norm 1.
            replace_ordinals: the items are a whole catalogue: titles not among them lose theirs.

        Raises:
            OmegaError: INVALID_FIELD (a vector that is not 384 wide, finite and non-zero),
                STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        raise NotImplementedError

    def set_embeddings(
        self, rowids: NDArray[np.int64], embeddings: FloatArray, model_version: str
    ) -> None:
        """Gives rows (n,) new vectors (n, 384), all or none; unknown rowids are passed over."""
        raise NotImplementedError

    def by_ids(self, content_ids: Sequence[str]) -> dict[str, ContentRow]:
        """The stored titles among `content_ids`."""
        raise NotImplementedError

    def by_rowids(self, rowids: Sequence[int]) -> dict[int, ContentRow]:
        """The stored titles among `rowids`."""
        raise NotImplementedError

    def all_rows(self) -> Iterator[ContentRow]:
        """Every title in order of rowid, read in pages; other threads may write in between."""
        raise NotImplementedError

    def changed_since(self, rev: int, limit: int = 1_000) -> list[ContentRow]:
        """The first `limit` titles changed after `rev`, in order of rev."""
        raise NotImplementedError

    def current_rev(self) -> int:
        """The highest rev given out; 0 = none yet."""
        raise NotImplementedError

    def matrix(self, model_version: str) -> tuple[NDArray[np.int64], FloatArray]:
        """Rowids (n,) ascending and unit vectors (n, 384) of one encoder's titles."""
        raise NotImplementedError

    def stale(self, model_version: str, limit: int) -> list[ContentRow]:
        """The first `limit` titles whose vector is of another encoder, to be embedded again."""
        raise NotImplementedError

    def count(self) -> int:
        """Number of titles."""
        raise NotImplementedError
