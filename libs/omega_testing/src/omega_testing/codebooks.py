"""Vectors that are alike as an encoder's are, and codebooks that were trained with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from omega_core import limits
from omega_core.vectors import FloatArray, unit
from omega_delta.transform import Codebook, train
from omega_store.states import Pattern
from omega_testing.fleet import MODEL

_TRAINED_WITH = 600
_FALL = -1.2


@cache
def _directions() -> FloatArray:
    """Axes that matter less and less, (384, 384)."""
    axes = np.random.default_rng(0).standard_normal((limits.DIMENSION, limits.DIMENSION))
    weights = np.arange(1, limits.DIMENSION + 1)[:, np.newaxis] ** _FALL
    return np.asarray(weights * axes, np.float32)


def alike(number: int, seed: int = 0) -> FloatArray:
    """Unit rows that lie mostly in few dimensions, float32 (number, 384), exact in float16."""
    drawn = np.random.default_rng(seed).standard_normal((number, limits.DIMENSION))
    rows = unit(drawn.astype(np.float32) @ _directions())
    return np.asarray(rows, np.float16).astype(np.float32)


@cache
def _trained() -> Codebook:
    return train(MODEL, alike(_TRAINED_WITH, 1), alike(_TRAINED_WITH, 2))


@cache
def codebook(seed: int = 0) -> Codebook:
    """One for such vectors; for each small seed another, of another id and about as good."""
    book = _trained()
    return replace(book, mean=book.mean + np.int16(seed))


@cache
def narrow_codebook(seed: int = 0, size: int = 16) -> Codebook:
    """The same cut to its first coefficients: a fraction of the work, and far less exact."""
    book = codebook(seed)
    return replace(
        book,
        scales=book.scales[:size],
        starts=book.starts[:size],
        spreads=book.spreads[:, :size],
        anchors=book.anchors[:8, :size],
        basis=book.basis[:size],
    )


def patterns_alike(number: int, seed: int = 0, *, ids: Sequence[int] = ()) -> list[Pattern]:
    """So many patterns; without ids they are new."""
    return [
        Pattern(ids[i] if ids else 0, vector, 0.75, 4, 1 / number)
        for i, vector in enumerate(alike(number, seed))
    ]
