"""What answers are made of, as it is read from the database. All of it can be read again."""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from omega.common.v1 import resource_pb2
from omega_brain import facts
from omega_brain.stores import Stores
from omega_brain.trending import Arrivals, Trending, load_arrivals, load_trending
from omega_core.content import Provider
from omega_core.errors import ErrorCode, OmegaError
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray, centre, make_unit, unit
from omega_delta import decode_factors
from omega_persistence.contents import ContentRow
from omega_rank.catalogue import Catalogue
from omega_rank.model import CollectiveModel, Factors, GlobalPatterns

_log = logging.getLogger(__name__)
CATALOGUE = resource_pb2.RESOURCE_KIND_CATALOGUE
FACTORS = resource_pb2.RESOURCE_KIND_FACTORS


@dataclass(frozen=True)
class Versions:
    """How far the database has come; 0 = nothing yet."""

    titles: int
    """Last change of a title."""
    catalogue: int
    """The fleet's catalogue that was applied."""
    patterns: int
    """The fleet's global patterns and trends."""
    factors: int
    """The fleet's factors."""

    @classmethod
    def held(cls, stores: Stores) -> Self:
        """Reads them. What is read afterwards is as new or newer."""
        resources = {key.kind: key.version for key in stores.resources.held()}
        return cls(
            titles=stores.contents.current_rev(),
            catalogue=facts.catalogue_version(stores.meta),
            patterns=stores.patterns.version(),
            factors=resources.get(FACTORS, 0),
        )


@dataclass(frozen=True, eq=False)
class Titles:
    """The catalogue, and what finds its rows. Growth makes new Titles.

    Rows follow the database's rowids upwards and titles are only ever appended, so the row of a
    rowid is found by bisection.
    """

    catalogue: Catalogue
    """n titles by row."""
    rowids: NDArray[np.int64]
    """(n,) ascending rowid of each row: the labels of the vector index."""
    offers: Sequence[tuple[Provider, ...]]
    """Where each row's title can be watched."""
    offered_by: dict[str, NDArray[np.int64]]
    """Ascending rows of each provider's titles."""
    minimum_ages: NDArray[np.int8]
    """(n,) age in years that each title is rated for, -1 = not rated."""
    fleet_centred: bool
    """Whether the catalogue is centred on the fleet's mean; else on the mean of its own titles."""
    arrivals: Arrivals
    """Those that came not long ago."""

    @cached_property
    def by_genre(self) -> dict[str, NDArray[np.int64]]:
        """Ascending rows of each genre's titles, by the genre's name without case."""
        return _grouped({genre.casefold() for genre in each} for each in self.catalogue.genres_of)

    @cached_property
    def words(self) -> Sequence[str]:
        """Name and genres of each title without case, for search by words."""
        pairs = zip(self.catalogue.titles, self.catalogue.genres_of, strict=True)
        return [" ".join((name, *genres)).casefold() for name, genres in pairs]

    def ids_after(self, content_id: str, limit: int) -> list[str]:
        """The first `limit` content ids that are greater than one, in order."""
        begin = bisect_right(self._sorted_ids, content_id)
        return self._sorted_ids[begin : begin + limit]

    @cached_property
    def _sorted_ids(self) -> list[str]:
        return sorted(self.catalogue.ids)

    def rows_of(self, rowids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Catalogue rows of stored rowids (m,); those that are not among these titles are left out.

        The vector index takes titles up at another moment, so it may know more.
        """
        known = np.isin(rowids, self.rowids)
        return np.searchsorted(self.rowids, rowids[known])


@dataclass(frozen=True, eq=False)
class Collective:
    """What the fleet knows, laid over one catalogue."""

    model: CollectiveModel | None
    """Factors or patterns; None when neither is held."""
    factors_version: int
    """0 = no factors."""
    trending: Trending | None = None
    """What is on the rise; None = nothing."""


def load_titles(stores: Stores, model_version: str) -> Titles:
    """Reads every title. All vectors must be of `model_version`."""
    rows = stores.contents.count()
    rowids = np.empty(rows, np.int64)
    vectors = np.empty((rows, DIMENSION), np.float32)
    ordinals = np.full(rows, -1, np.int64)
    ages = np.full(rows, -1, np.int8)
    contents = []
    for row, stored in enumerate(stores.contents.all_rows()):
        rowids[row] = stored.rowid
        vectors[row] = stored.embedding
        if stored.ordinal is not None:
            ordinals[row] = stored.ordinal
        if stored.content.minimum_age is not None:
            ages[row] = stored.content.minimum_age
        contents.append(stored.content)
    make_unit(vectors)
    fleets = facts.centring_mean(stores.meta, model_version)
    mean = _mean(vectors) if fleets is None else fleets
    offers = [content.providers for content in contents]
    return Titles(
        catalogue=Catalogue.build(contents, vectors, mean, ordinals),
        rowids=rowids,
        offers=offers,
        offered_by=_by_provider(offers),
        minimum_ages=ages,
        fleet_centred=fleets is not None,
        arrivals=load_arrivals(stores, rowids),
    )


def extend_titles(
    stores: Stores, model_version: str, titles: Titles, changed: Sequence[ContentRow]
) -> Titles:
    """The titles with some replaced or appended, as load_titles would now read all of them."""
    ordered = sorted(changed, key=lambda row: row.rowid)
    catalogue = titles.catalogue.extended(
        [row.content for row in ordered],
        unit(np.array([row.embedding for row in ordered], np.float32)),
        ordinals=[-1 if row.ordinal is None else row.ordinal for row in ordered],
    )
    if not titles.fleet_centred:
        # Their own mean has moved, and with it every title.
        vectors = stores.contents.matrix(model_version)[1]
        mean = _mean(vectors)
        catalogue = replace(catalogue, embeddings=centre(vectors, mean), centring_mean=mean)
    fresh = [row.rowid for row in ordered if row.content.content_id not in titles.catalogue.row_of]
    offers = [*titles.offers, *[()] * len(fresh)]
    ages = np.pad(titles.minimum_ages, (0, len(fresh)), constant_values=-1)
    for row in ordered:
        place, age = catalogue.row_of[row.content.content_id], row.content.minimum_age
        offers[place] = row.content.providers
        ages[place] = -1 if age is None else age
    rowids = np.concatenate([titles.rowids, np.array(fresh, np.int64)])
    return Titles(
        catalogue=catalogue,
        rowids=rowids,
        offers=offers,
        offered_by=_by_provider(offers),
        minimum_ages=ages,
        fleet_centred=titles.fleet_centred,
        arrivals=load_arrivals(stores, rowids),
    )


def load_collective(stores: Stores, catalogue: Catalogue, model_version: str) -> Collective:
    """What the database holds of the fleet's knowledge, over a catalogue.

    Factors are bound to catalogue ordinals and hold under any encoder; global patterns are
    vectors and count only under their own.
    """
    factors, version = _factors(stores)
    patterns = _patterns(stores, model_version)
    trending = load_trending(stores, catalogue)
    if factors is None and patterns is None:
        return Collective(None, 0, trending)
    return Collective(CollectiveModel.build(catalogue, factors, patterns), version, trending)


def _factors(stores: Stores) -> tuple[Factors | None, int]:
    """Factors and their version; (None, 0) when none are held."""
    stored = stores.resources.get(FACTORS)
    if stored is None:
        return None, 0
    try:
        pack = decode_factors(stored.body)
    except OmegaError as error:
        if error.code != ErrorCode.INVALID_FIELD:
            raise
        # Nothing unreadable is ever kept, so this is another release's. The fleet has them anew.
        _log.exception("the stored factors cannot be read and are dropped")
        stores.resources.remove(FACTORS)
        return None, 0
    factors = Factors(
        pack.ordinals.astype(np.int64), pack.factors, pack.steps, pack.gains, pack.prior
    )
    return factors, stored.key.version


def _patterns(stores: Stores, model_version: str) -> GlobalPatterns | None:
    held = stores.patterns.all()
    if not held or stores.patterns.model_version() != model_version:
        return None
    return GlobalPatterns(
        np.array([p.embedding for p in held], np.float32),
        np.array([p.success_rate for p in held], np.float32),
        np.array([p.weight for p in held], np.float32),
    )


def _mean(vectors: FloatArray) -> FloatArray:
    if not len(vectors):
        return np.zeros(DIMENSION, np.float32)
    return np.asarray(vectors.mean(axis=0, dtype=np.float64), np.float32)


def _by_provider(offers: Sequence[tuple[Provider, ...]]) -> dict[str, NDArray[np.int64]]:
    return _grouped({provider.provider_id for provider in providers} for providers in offers)


def _grouped(names: Iterable[AbstractSet[str]]) -> dict[str, NDArray[np.int64]]:
    """Ascending rows by each name that stands in them."""
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for row, held in enumerate(names):
        for name in held:
            rows[name].append(row)
    return {name: np.array(found, np.int64) for name, found in rows.items()}
