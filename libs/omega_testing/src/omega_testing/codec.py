"""Material for the transform codec: made-up tastes, chains of states, damaged messages."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache

import numpy as np

from omega_core import validate
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray, unit
from omega_delta import GlobalPattern, Trend, Trends
from omega_delta.transform import (
    Codebook,
    CodedState,
    NewTitles,
    code_state,
    encode_news,
    neighbourhoods,
    train,
)

MODEL = "made-up-384"
"""Encoder that the vectors stand for."""
_TITLES = 1_500


@dataclass(frozen=True, eq=False)
class World:
    """Titles of which few directions explain most, as those of a sentence encoder."""

    titles: FloatArray
    """Unit vectors, (n, 384)."""
    mean: FloatArray
    """Their mean, (384,)."""
    codebook: Codebook
    """Trained on the first half of them."""


@cache
def world(seed: int = 0) -> World:
    """The same for the same seed."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.standard_normal((DIMENSION, DIMENSION)))[0]
    falling = np.exp(-np.arange(DIMENSION) / 60)
    rows = rng.standard_normal((_TITLES, DIMENSION)) * falling @ axes + 2 * axes[0]
    titles = unit(rows.astype(np.float32))
    known = titles[: _TITLES // 2]
    mean = np.asarray(known.mean(0), np.float32)
    return World(titles, mean, train(MODEL, neighbourhoods(known, mean, seed, 1_000), known, seed))


def tastes(of: World, count: int, seed: int) -> tuple[GlobalPattern, ...]:
    """So many global patterns with ids of which some are left out."""
    rng = np.random.default_rng(seed)
    rows = neighbourhoods(of.titles[_TITLES // 2 :], of.mean, seed, max(count, 1))[:count]
    ids = np.cumsum(rng.integers(1, 4, count)).tolist()
    return tuple(
        GlobalPattern(
            pattern_id=number,
            embedding=row,
            success_rate=float(rng.uniform(0.2, 0.9)),
            device_count_floor=2 ** int(rng.integers(1, 12)),
            weight=float(rng.uniform(0.2, 2.0) / max(count, 2)),
        )
        for number, row in zip(ids, rows, strict=True)
    )


def changed(patterns: Sequence[GlobalPattern], of: World, seed: int) -> tuple[GlobalPattern, ...]:
    """What a round makes of them: most move a little, one goes, and one comes."""
    rng = np.random.default_rng(seed)
    kept = list(patterns)
    if kept:
        kept.pop(int(rng.integers(len(kept))))
    moved = [
        replace(p, embedding=unit(p.embedding + 0.02 * of.titles[rng.integers(_TITLES)]))
        if rng.random() < 0.7  # noqa: PLR2004 - most
        else p
        for p in kept
    ]
    new = max((p.pattern_id for p in patterns), default=0) + 1
    fresh = tastes(of, 1, seed)[0]
    return (*moved, replace(fresh, pattern_id=new))


def rises(count: int, seed: int, catalogue_version: int = 3) -> Trends | None:
    """So many trends; None = none."""
    rng = random.Random(seed)  # noqa: S311 - made up
    if not count:
        return None
    return Trends(
        catalogue_version,
        validate.EARLIEST + timedelta(seconds=rng.randrange(2**30)),
        tuple(
            Trend(ordinal, rng.randint(1, 64) / 64, rng.random() < 0.5)  # noqa: PLR2004 - a coin
            for ordinal in sorted(rng.sample(range(80_000), count))
        ),
    )


def novelties(of: World, count: int, seed: int, catalogue_version: int = 3) -> NewTitles | None:
    """So many new titles; None = none."""
    if not count:
        return None
    rng = np.random.default_rng(seed)
    rows = of.titles[_TITLES // 2 + rng.choice(_TITLES // 2, count, replace=False)]
    ordinals = (70_000 + np.cumsum(rng.integers(1, 3, count))).astype(np.uint32)
    return NewTitles(catalogue_version, ordinals, rows)


def messages(
    of: World, seed: int, versions: int, patterns: int, titles: int, trends: int, budget: int
) -> Iterator[tuple[bytes, bytes, CodedState]]:
    """A chain of versions as messages, each with the message of its base, empty = from nothing.

    Every version is told from nothing and from the version before; the third gives its state.
    """
    book = of.codebook
    now = tastes(of, patterns, seed)
    before: CodedState | None = None
    whole = b""
    for version in range(1, versions + 1):
        state = code_state(book, version, now, before, budget)
        extra = (rises(trends, seed + version), novelties(of, titles, seed + version))
        yield b"", encode_news(book, state, None, *extra, 2 * budget), state
        if before is not None:
            yield whole, encode_news(book, state, before, *extra, 2 * budget), state
        whole = encode_news(book, state, None, None, None, 2 * budget)
        now, before = changed(now, of, seed + version), state


def damaged(message: bytes, rng: random.Random) -> bytes:
    """The message with one to three bytes replaced, bits turned, cut, or something added."""
    data = bytearray(message)
    how = rng.randrange(4)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data))
        if how == 0:
            data[at] = rng.randrange(256)
        elif how == 1:
            data[at] ^= 1 << rng.randrange(8)
        elif how == 2:  # noqa: PLR2004 - a cut
            del data[rng.randrange(1, len(data)) :]
            break
        else:
            data.insert(at, rng.randrange(256))
    return bytes(data) if data != message else damaged(message, rng)
