"""What a recommendation reads, in memory. All of it can be rebuilt from the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega.common.v1 import resource_pb2
from omega_brain import facts
from omega_brain.stores import Stores
from omega_core.content import Content
from omega_delta import decode_factors
from omega_persistence.contents import ContentRow
from omega_rank.catalogue import Catalogue
from omega_rank.history import History
from omega_rank.model import CollectiveModel, Factors, GlobalPatterns

FACTORS = resource_pb2.RESOURCE_KIND_FACTORS


@dataclass(eq=False)
class Titles:
    """The catalogue and what finds its rows.

    Rows follow the database's rowids upwards and titles are only ever appended, so the row of a
    rowid is found by bisection.
    """

    catalogue: Catalogue
    """Titles by row."""
    rowids: NDArray[np.int64]
    """(n,) ascending rowid of each row: the labels of the vector index."""
    providers: dict[str, set[int]]
    """Rows of each provider's titles."""

    def rows_of(self, rowids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Catalogue rows (m,) of stored rowids (m,)."""
        return np.searchsorted(self.rowids, rowids)


def load_titles(stores: Stores, model_version: str) -> Titles:
    """Reads every title. All vectors must be of `model_version`."""
    rowids, embeddings = stores.contents.matrix(model_version)
    contents: list[Content] = []
    ordinals: list[int] = []
    providers: defaultdict[str, set[int]] = defaultdict(set)
    for row, stored in enumerate(stores.contents.all_rows()):
        contents.append(stored.content)
        ordinals.append(-1 if stored.ordinal is None else stored.ordinal)
        for provider in stored.content.providers:
            providers[provider.provider_id].add(row)
    mean = facts.centring_mean(stores.meta, model_version)
    catalogue = Catalogue.build(contents, embeddings, mean, ordinals)
    return Titles(catalogue, rowids, dict(providers))


def extend_titles(titles: Titles, stored: Sequence[ContentRow]) -> Titles:
    """The titles with some replaced or appended, as they now stand in the database."""
    ordered = sorted(stored, key=lambda row: row.rowid)
    catalogue = titles.catalogue.extended(
        [row.content for row in ordered],
        np.array([row.embedding for row in ordered], np.float32),
        ordinals=[-1 if row.ordinal is None else row.ordinal for row in ordered],
    )
    fresh = [row.rowid for row in ordered if row.content.content_id not in titles.catalogue.row_of]
    providers = {name: set(rows) for name, rows in titles.providers.items()}
    for row in ordered:
        at = catalogue.row_of[row.content.content_id]
        for rows in providers.values():
            rows.discard(at)
        for provider in row.content.providers:
            providers.setdefault(provider.provider_id, set()).add(at)
    rowids = np.concatenate([titles.rowids, np.array(fresh, np.int64)])
    return Titles(catalogue, rowids, providers)


def load_model(
    stores: Stores, catalogue: Catalogue, model_version: str
) -> tuple[CollectiveModel | None, int]:
    """The collective model over a catalogue and its version; (None, 0) when none is held.

    Factors are bound to catalogue ordinals and hold under any encoder; global patterns are
    vectors and count only under their own.
    """
    stored = stores.resources.get(FACTORS)
    if stored is None:
        return None, 0
    pack = decode_factors(stored.body)
    factors = Factors(
        pack.ordinals.astype(np.int64), pack.factors, pack.steps, pack.gains, pack.prior
    )
    patterns = None
    held = stores.patterns.all()
    if held and stores.patterns.model_version() == model_version:
        patterns = GlobalPatterns(
            np.array([p.embedding for p in held], np.float32),
            np.array([p.success_rate for p in held], np.float32),
            np.array([p.weight for p in held], np.float32),
        )
    return CollectiveModel.build(catalogue, factors, patterns), pack.version


def load_history(stores: Stores, catalogue: Catalogue) -> History:
    """The household's history over a catalogue."""
    recorded = sorted(stores.events.all_events(), key=lambda entry: entry.seq)
    return History.replay(catalogue, (entry.event for entry in recorded))
