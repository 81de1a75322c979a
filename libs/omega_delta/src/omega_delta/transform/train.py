"""Training of codebooks from an operator's own titles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from omega_core.errors import invalid
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray
from omega_delta import checks
from omega_delta.transform import layout
from omega_delta.transform.codebook import Codebook, Int64Array, frequencies
from omega_delta.transform.quantise import costs, nearest_anchors, project, quantise
from omega_delta.transform.rans import CLASSES

Float64Array = NDArray[np.float64]
LEAST_ROWS = 64
"""Fewest patterns, and fewest titles, that a codebook is trained from."""
MOST_ROWS = 20_000
"""Most of either that are used."""
ANCHORS, WIDTH = 256, 192
"""Anchors, and how many coefficients each has."""
_ROUNDS = 12
"""Turns of the clustering that finds anchors."""
_EVEN = 40
"""Table of a coefficient whose spread equals the step."""
_FINE = 64
"""Step at which distances to anchors are taken in training."""
_ROWS_AN_ANCHOR = 8
"""Fewest patterns for each anchor: those of fewer would be the patterns themselves."""
_LEAST_TRACE = 1e-9
"""Least sum of variances that says anything about directions."""
_TITLES_SHARE = 0.5
"""Share of the titles in the covariance that the basis diagonalises; the rest is the patterns'."""
_SHAPE = 1.6
"""Shape of the generalised Gaussian behind the tables of levels: 2 = normal, 1 = Laplace."""
_TUNED = (36, 42, 48)
"""Steps at which gain classes are counted."""
_SAMPLE = 500
"""Rows for which they are."""


def train(
    model_version: str, patterns: FloatArray, contents: FloatArray, seed: int = 0
) -> Codebook:
    """A codebook: the Karhunen-Loeve transform of what it is to code, and tables (Goyal 2001).

    Args:
        model_version: encoder of the vectors, 1 to 64 characters.
        patterns: centred unit vectors, float32 (n, 384), n at least 64, such as those of
            `neighbourhoods`.
        contents: unit vectors of titles, not centred, float32 (m, 384), m at least 64.
        seed: chooses 20,000 of either where there are more.

    Raises:
        OmegaError: INVALID_FIELD that names the field.
    """
    patterns = _rows("patterns", patterns, seed)
    contents = _rows("contents", contents, seed)
    mean = np.rint(patterns.mean(0) * (1 << layout.MEAN_POINT)).astype(np.int16)
    mean[0] += not mean.any()  # without any length there would be no direction
    centroids, labels = _centroids(patterns, seed)
    basis, scales = _basis(patterns - centroids[labels], contents)
    book = Codebook(
        model_version=model_version,
        mean=mean,
        scales=scales,
        starts=np.zeros(DIMENSION, np.int16),
        spreads=np.zeros((3, DIMENSION), np.int8),
        anchors=np.zeros((ANCHORS, WIDTH), np.int8),
        gains=_gains(),
        basis=basis,
        steps=np.array(
            [round(2 ** (layout.POINT - 2 - s / 16)) for s in range(layout.STEPS)], np.uint32
        ),
        gain_table=frequencies(np.ones((3, layout.GAINS))),
        level_table=frequencies(_level_shares()),
        number_table=frequencies(_number_shares()),
        operation_table=frequencies([0.94, 0.03, 0.03]),
    )
    book = _with_anchors(book, centroids)
    return _with_gains(_with_spreads(book, patterns, contents), patterns, contents)


def _rows(name: str, rows: FloatArray, seed: int) -> FloatArray:
    if rows.shape[1:] != (DIMENSION,) or len(rows) < LEAST_ROWS:
        raise invalid(name, f"at least {LEAST_ROWS} vectors of {DIMENSION} dimensions")
    checks.unit_rows(name + "[{}]", rows)
    if len(rows) <= MOST_ROWS:
        return rows
    return rows[np.sort(np.random.default_rng(seed).permutation(len(rows))[:MOST_ROWS])]


def _centroids(rows: FloatArray, seed: int) -> tuple[FloatArray, Int64Array]:
    """At most ANCHORS - 1 centroids of rows (n, 384), and the nearest of each (Lloyd 1982)."""
    rng = np.random.default_rng(seed)
    count = min(ANCHORS - 1, len(rows) // _ROWS_AN_ANCHOR)
    centroids = rows[rng.choice(len(rows), count, replace=False)]
    for turn in range(_ROUNDS + 1):
        labels = (rows @ centroids.T - (centroids**2).sum(1) / 2).argmax(1)
        if turn == _ROUNDS:
            break
        members = np.zeros((len(centroids), len(rows)), np.float32)
        members[labels, np.arange(len(rows))] = 1
        sizes = members.sum(1, keepdims=True)
        centroids = np.where(sizes > 0, members @ rows / np.maximum(sizes, 1), centroids)
    return centroids, labels


def _with_anchors(book: Codebook, centroids: FloatArray) -> Codebook:
    """The centroids as anchors, after one of zeros for whatever resembles none."""
    places = project(book, centroids)[:, :WIDTH] / (1 << layout.POINT - layout.ANCHOR_POINT)
    anchors = np.zeros((ANCHORS, WIDTH), np.int8)
    anchors[1 : len(places) + 1] = np.clip(np.rint(places), -127, 127)
    return replace(book, anchors=anchors)


def _basis(
    patterns: FloatArray, contents: FloatArray
) -> tuple[NDArray[np.int8], NDArray[np.uint16]]:
    """Eigenvectors of a mixed covariance, greatest first, as int8 rows, and a scale a row."""
    covariances = [np.cov(rows.astype(np.float64).T) for rows in (patterns, contents)]
    shaped = [c / max(float(np.trace(c)), _LEAST_TRACE) for c in covariances]
    mixed = (1 - _TITLES_SHARE) * shaped[0] + _TITLES_SHARE * shaped[1]
    _, vectors = np.linalg.eigh(mixed)
    rows = vectors[:, ::-1].T
    # Eigenvectors have no sign of their own.
    rows = rows * np.sign(rows[np.arange(len(rows)), np.abs(rows).argmax(1)])[:, np.newaxis]
    greatest = np.abs(rows).max(1)
    basis = np.rint(127 * rows / greatest[:, np.newaxis]).astype(np.int8)
    scales = np.rint(greatest / 127 * (1 << layout.SCALE_POINT)).astype(np.uint16)
    return basis, scales


def _with_spreads(book: Codebook, patterns: FloatArray, contents: FloatArray) -> Codebook:
    one = 1 << layout.POINT
    of_patterns = _beyond(book, project(book, patterns)) / one
    of_titles = project(book, contents) / one
    starts = of_titles.mean(0)
    spreads = np.stack(
        [
            np.sqrt((of_patterns**2).mean(0)),
            of_titles.std(0),
            of_titles.std(0),  # a title more or less moves a pattern
        ]
    )
    eighths = np.rint(8 * np.log2(np.maximum(spreads, 2.0**-15)))
    return replace(
        book,
        starts=np.rint(starts * (1 << layout.START_POINT)).astype(np.int16),
        spreads=np.clip(eighths, -127, 0).astype(np.int8),
    )


def _beyond(book: Codebook, coefficients: Int64Array) -> Int64Array:
    """Coefficients less those of the nearest anchor."""
    wide = int(book.steps[_FINE])
    near = nearest_anchors(book, (coefficients + wide // 2) // wide, _FINE)
    return coefficients - book.anchor_levels(_FINE)[near] * wide


def _gains() -> NDArray[np.int8]:
    """Half octaves around 0 for vectors from nothing, octaves below 2 for changes."""
    wide = np.arange(layout.GAINS)
    return np.stack([4 * wide - 28, 4 * wide - 28, 8 * wide - 104]).astype(np.int8)


def _with_gains(book: Codebook, patterns: FloatArray, contents: FloatArray) -> Codebook:
    """Gain classes as often as they are best for what the book was made from."""
    counts = np.ones((3, layout.GAINS))
    few = patterns[:: max(1, len(patterns) // _SAMPLE)]
    titles = contents[:: max(1, len(contents) // _SAMPLE)]
    for step in _TUNED:
        for kind, rows in ((layout.PATTERN, few), (layout.TITLE, titles)):
            targets = project(book, rows) - book.start_of(kind)
            if kind == layout.PATTERN:
                targets = _beyond(book, targets)
            levels, _ = quantise(book, targets, kind, step)
            found, _ = costs(book, levels, kind, step)
            counts[kind] += np.bincount(found, minlength=layout.GAINS)
    return replace(book, gain_table=frequencies(counts))


def _level_shares() -> Float64Array:
    """Probability of each level, a row a spread over step, (80, 63)."""
    grid = np.linspace(-12.0, 12.0, 48_001)
    density = np.exp(-(np.abs(grid) ** _SHAPE))
    density /= density.sum()
    spread = np.sqrt((density * grid**2).sum())
    below = np.concatenate([[0.0], np.cumsum(density)])
    edges = np.arange(-layout.SPAN, layout.SPAN + 2) - 0.5
    rows = []
    for table in range(layout.STEPS):
        ratio = 2 ** ((table - _EVEN) / 8) / spread
        at = np.interp(edges / ratio, grid, below[1:], left=0.0, right=1.0)
        at[0], at[-1] = 0.0, 1.0
        rows.append(np.maximum(np.diff(at), 1e-12))
    return np.array(rows)


def _number_shares() -> Float64Array:
    """Probability of each class of numbers, a row a field, (10, 33), falling from its likeliest."""
    likeliest = {
        layout.GAP: (0, 0.4),
        layout.RATE: (4, 0.5),
        layout.FLOOR: (1, 0.5),
        layout.WEIGHT: (4, 0.5),
        layout.RATE_CHANGE: (0, 0.5),
        layout.FLOOR_CHANGE: (0, 0.1),
        layout.WEIGHT_CHANGE: (0, 0.4),
        layout.ESCAPE: (0, 0.6),
        layout.TREND_GAP: (9, 0.7),
        layout.TITLE_GAP: (0, 0.3),
    }
    classes = np.arange(CLASSES)
    rows = [
        likeliest[field][1] ** np.abs(classes - likeliest[field][0])
        for field in range(layout.NUMBERS)
    ]
    return np.array(rows) + 1e-4
