"""What goes over the wire in the benchmark: real titles, and tastes of households."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omega_cli.bench.embeddings import embedded
from omega_core.content import embedding_text
from omega_core.vectors import FloatArray, centre
from omega_delta.transform import Codebook, train
from omega_delta.transform.neighbourhoods import clustered
from omega_embed import default_cache_dir, open_encoder
from omega_eval.household import Household
from omega_eval.movielens import load_movielens
from omega_eval.sample import load_sample
from omega_eval.synthetic import synthetic_households
from omega_learn.clusters import spherical_kmeans
from omega_learn.patterns import GlobalPattern

_LIKED = 0.8
"""Share watched from which a viewing counts as liked: 4 of 5 stars in MovieLens."""
_HELD_OUT = 5
"""One in so many titles is new."""
_MADE_UP = 200
"""Households where no data set is named."""
_KNOWN = 0.6
"""Share of the households that the codebook may be trained from."""


Places = NDArray[np.int64]
"""Rows of titles."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """Titles and households, split into those that trained the codebook and those measured."""

    model_version: str
    """Encoder of the titles."""
    titles: FloatArray
    """Unit vectors, (n, 384)."""
    held_out: NDArray[np.bool_]
    """Titles that no codebook has seen, (n,)."""
    mean: FloatArray
    """Mean of the others, (384,)."""
    rates: NDArray[np.float64]
    """Share of each title's viewings that were liked, (n,), 0 where none was."""
    liked: tuple[Places, ...]
    """Titles that each measured household liked."""
    known: tuple[Places, ...]
    """Titles that each other household liked, less those held out."""

    def patterns(
        self,
        households: Sequence[Places],
        count: int,
        seed: int,
        start: FloatArray | None = None,
    ) -> tuple[GlobalPattern, ...]:
        """At most so many global patterns of what households liked, with ids from 1."""
        liked = np.bincount(np.concatenate([*households]), minlength=len(self.titles))
        rows = np.flatnonzero(liked)
        weights = liked[rows].astype(np.float64)
        points = centre(self.titles[rows], self.mean)
        centroids, labels = spherical_kmeans(
            points, weights, min(count, len(rows)), start=start, seed=seed
        )
        shares = np.bincount(labels, weights, minlength=len(centroids)) / weights.sum()
        label_of = np.full(len(self.titles), -1)
        label_of[rows] = labels
        behind = np.bincount(
            np.concatenate([np.unique(label_of[h]) for h in households]), minlength=len(centroids)
        )
        tried = np.bincount(labels, weights / self.rates[rows], minlength=len(centroids))
        rates = np.bincount(labels, weights, minlength=len(centroids)) / tried
        return tuple(
            GlobalPattern(
                place, row, float(rate), 1 << (max(int(devices), 2).bit_length() - 1), float(share)
            )
            for place, (row, rate, devices, share) in enumerate(
                zip(centroids, rates, behind, shares, strict=True), 1
            )
        )

    def codebook(self, draws: int, count: int) -> Codebook:
        """Trained from the titles that are not held out and tastes of the other households."""
        rng = np.random.default_rng(0)
        seen = self.titles[~self.held_out]
        rows = []
        for _ in range(draws):
            share = rng.uniform(0.4, 1.0)
            some = [h for h in self.known if rng.random() < share] or [*self.known]
            liked = np.bincount(np.concatenate(some))
            places = np.flatnonzero(liked)
            points = centre(self.titles[places], self.mean)
            weights = liked[places].astype(np.float32)
            rows.append(clustered(points, weights, min(count, len(places)), rng))
        return train(self.model_version, np.concatenate(rows), seen)


def load(encoder_kind: str, cache_dir: Path | None) -> Corpus:
    """MovieLens where OMEGA_DATA names it; else the shipped sample with made-up households.

    Raises:
        OmegaError: MODEL_UNAVAILABLE, or INVALID_FIELD that names OMEGA_DATA.
    """
    named = os.environ.get("OMEGA_DATA")
    if named:
        contents, households = load_movielens(Path(named))
    else:
        contents = load_sample()
        households = synthetic_households(contents, _MADE_UP, 0)
    encoder = open_encoder(cache_dir, kind=encoder_kind)
    texts = [embedding_text(content) for content in contents]
    titles = embedded(encoder, texts, cache_dir or default_cache_dir())
    rng = np.random.default_rng(7)
    held_out = np.zeros(len(titles), np.bool_)
    held_out[rng.permutation(len(titles))[: len(titles) // _HELD_OUT]] = True
    places = {content.content_id: place for place, content in enumerate(contents)}
    liked = [found for h in households if len(found := _liked(h, places))]
    rates = _rates(households, places)
    order = rng.permutation(len(liked)).tolist()
    border = int(_KNOWN * len(order))
    return Corpus(
        model_version=encoder.model_version,
        titles=titles,
        held_out=held_out,
        mean=np.asarray(titles[~held_out].mean(0), np.float32),
        rates=rates,
        liked=tuple(liked[i] for i in order[border:]),
        known=tuple(liked[i][~held_out[liked[i]]] for i in order[:border]),
    )


def _liked(household: Household, places: dict[str, int]) -> Places:
    return np.array(
        [places[e.content_id] for e in household.events if e.watch_percentage >= _LIKED], np.int64
    )


def _rates(households: Sequence[Household], places: dict[str, int]) -> NDArray[np.float64]:
    seen, liked = np.zeros(len(places)), np.zeros(len(places))
    for household in households:
        for event in household.events:
            place = places[event.content_id]
            seen[place] += 1
            liked[place] += event.watch_percentage >= _LIKED
    return np.asarray(liked / np.maximum(seen, 1), np.float64)
