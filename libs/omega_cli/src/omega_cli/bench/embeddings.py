"""Vectors of texts, kept in the cache from one run to the next."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from omega_core.vectors import FloatArray
from omega_embed import Encoder


def embedded(encoder: Encoder, texts: Sequence[str], cache_dir: Path) -> FloatArray:
    """Unit vectors of the texts, float32 (n, dimension), read or made and kept in `cache_dir`."""
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
    path = cache_dir / "bench" / f"{encoder.model_version}-{digest}.npy"
    if path.is_file():
        held = np.load(path)
        if held.shape == (len(texts), encoder.dimension) and held.dtype == np.float32:
            return np.asarray(held, np.float32)
    vectors = encoder.encode(texts)
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_suffix(f".{os.getpid()}")
    with staged.open("wb") as file:
        np.save(file, vectors)
    staged.replace(path)
    return vectors
