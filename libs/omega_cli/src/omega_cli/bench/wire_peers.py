"""Other ways to send vectors: as floats, as bytes, and by product quantisation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from omega.common.v1 import resource_pb2
from omega_core.vectors import FloatArray, unit
from omega_delta import GlobalPattern, StateDelta, compress, encode_state_delta
from omega_delta.components import U8, decode_vectors, encode_vector

_CENTROIDS = 256
_ROUNDS = 8
_FIGURES = 5
"""Bytes of a pattern's id, rate, floor and weight beside a product code."""


@dataclass(frozen=True, eq=False)
class ProductQuantiser:
    """A byte for each of m parts of a vector (Jegou, Douze & Schmid 2011)."""

    centroids: FloatArray
    """(m, 256, 384 / m)."""

    @classmethod
    def fit(cls, rows: FloatArray, parts: int, seed: int = 0) -> ProductQuantiser:
        """Trained on rows (n, 384), n at least 256, by Lloyd's iterations of each part."""
        rng = np.random.default_rng(seed)
        split = rows.reshape(len(rows), parts, -1).transpose(1, 0, 2)
        return cls(np.stack([_lloyd(part, rng) for part in split]))

    def passed(self, rows: FloatArray) -> FloatArray:
        """Rows (n, 384) as unit vectors after they were coded."""
        parts = len(self.centroids)
        split = rows.reshape(len(rows), parts, -1).transpose(1, 0, 2)
        found = [c[_nearest(p, c)] for p, c in zip(split, self.centroids, strict=True)]
        return unit(np.concatenate(found, axis=1))


def _lloyd(rows: FloatArray, rng: np.random.Generator) -> FloatArray:
    centroids = rows[rng.choice(len(rows), _CENTROIDS, replace=False)]
    for _ in range(_ROUNDS):
        labels = _nearest(rows, centroids)
        members = np.zeros((_CENTROIDS, len(rows)), np.float32)
        members[labels, np.arange(len(rows))] = 1
        sizes = members.sum(1, keepdims=True)
        centroids = np.where(sizes > 0, members @ rows / np.maximum(sizes, 1), centroids)
    return centroids


def _nearest(rows: FloatArray, centroids: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    return np.asarray((rows @ centroids.T - (centroids**2).sum(1) / 2).argmax(1))


def fitting(patterns: Sequence[GlobalPattern], model_version: str, room: int) -> dict[str, float]:
    """How many of the patterns each other way fits into so many bytes."""

    def delta(codec: int) -> Callable[[int], int]:
        return lambda n: len(
            encode_state_delta(StateDelta(0, 1, model_version, tuple(patterns[:n])), codec)
        )

    def floats(count: int) -> int:
        rows = b"".join(p.embedding.astype("<f4").tobytes() for p in patterns[:count])
        return len(compress(rows)) + _FIGURES * count

    sizes: Mapping[str, Callable[[int], int]] = {
        "f32 + zstd": floats,
        "f16 + zstd": delta(resource_pb2.CODEC_F16_ZSTD),
        "u8 + zstd": delta(resource_pb2.CODEC_U8_ZSTD),
    }
    found = {
        name: float(max(n for n in range(len(patterns) + 1) if size(n) <= room))
        for name, size in sizes.items()
    }
    for parts in PARTS:
        found[f"PQ {parts}"] = float(room // (parts + _FIGURES))
    return found


PARTS = (32, 48)
"""Bytes a vector of the product quantisers."""


def cosines(rows: FloatArray, trained: FloatArray) -> dict[str, float]:
    """Mean cosine of unit rows (n, 384) after each other way; quantisers see `trained` alone."""
    ways: dict[str, FloatArray] = {
        "f16 + zstd": unit(rows.astype(np.float16).astype(np.float32)),
        "u8 + zstd": decode_vectors(U8, [encode_vector(U8, row) for row in rows], "rows[{}]"),
    }
    for parts in PARTS:
        ways[f"PQ {parts}"] = ProductQuantiser.fit(trained, parts).passed(rows)
    return {name: float(np.einsum("ij,ij->i", rows, made).mean()) for name, made in ways.items()}
