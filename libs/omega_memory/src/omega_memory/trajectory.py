"""Evolutionary: the slow way of a taste, year by year, and whether it has moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from omega_core.memory import KIND, Memory, Tier
from omega_core.vectors import FloatArray, unit
from omega_memory.words import decimal

PREFIX = "taste:"
"""Keys of snapshots begin so; those of drifts with "drift:"."""
DRIFT_PREFIX = "drift:"
"""Keys of drift reports begin so."""
PERMUTATIONS = 999
"""Relabellings of a test; p is at least 1 / 1,000."""
SIGNIFICANCE = 0.01
"""Greatest p of a drift that is claimed."""
MAX_TITLES = 2_000
"""Titles of one period that a test looks at; more are thinned evenly."""
FEWEST = 10
"""Fewest titles a period needs to be compared."""
_TOP = 8
_CHUNK = 250


@dataclass(frozen=True)
class TasteTitle:
    """A title that was liked for the first time in a period."""

    content_id: str
    """Which."""
    genres: tuple[str, ...]
    """Its genres; each weighs alike, together 1."""
    vector: FloatArray
    """Centred unit vector (384,); all of one encoder."""


@dataclass(frozen=True)
class TasteSnapshot:
    """The taste of one period."""

    period: str
    """Such as "2031", 1 to 32 characters."""
    titles: int
    """Titles behind it."""
    genres: Mapping[str, float]
    """Shares, together 1; empty where there are no titles."""
    centroid: FloatArray
    """Unit vector (384,), the mean of the titles' scaled; zero where there are none."""


@dataclass(frozen=True)
class DriftReport:
    """How far a taste lies from an earlier one."""

    before: str
    """The earlier period."""
    after: str
    """The later one."""
    divergence: float
    """Jensen-Shannon divergence of the genre shares in bits, 0 to 1 (Lin 1991)."""
    turn: float
    """1 - cosine of the centroids, 0 to 2."""
    p_value: float
    """How often chance alone moves a taste as far, 0 to 1; 1 where there is too little."""
    titles: int
    """Titles compared."""

    @property
    def significant(self) -> bool:
        """Whether the taste is said to have moved."""
        return self.p_value <= SIGNIFICANCE


def snapshot(period: str, titles: Sequence[TasteTitle]) -> TasteSnapshot:
    """The taste that a period's titles show."""
    names = _names(titles)
    if not titles:
        return TasteSnapshot(period, 0, {}, np.zeros(0, np.float32))
    shares = _shares(titles, names).mean(0)
    mean = np.stack([each.vector for each in titles]).mean(axis=0, dtype=np.float64)
    by_name = {name: float(share) for name, share in zip(names, shares, strict=True)}
    total = sum(by_name.values())
    genres = {name: share / total for name, share in by_name.items()} if total else {}
    return TasteSnapshot(period, len(titles), genres, unit(np.asarray(mean, np.float32)))


def drift(
    before: str,
    earlier: Sequence[TasteTitle],
    after: str,
    later: Sequence[TasteTitle],
    seed: int = 0,
) -> DriftReport:
    """Whether the taste of one period differs from that of an earlier one.

    Both distances are held against those of PERMUTATIONS random relabellings of the titles
    (Good 2005, Permutation, Parametric and Bootstrap Tests); p is twice the smaller of the two, as
    Bonferroni asks. Equal inputs and seed give equal reports.

    Args:
        before: names the earlier period.
        earlier: titles first liked in it.
        after: names the later period.
        later: titles first liked in it; a title belongs to one period only.
        seed: of the relabellings.
    """
    first, second = _thinned(earlier), _thinned(later)
    titles = [*first, *second]
    if min(len(first), len(second)) < FEWEST:
        return DriftReport(before, after, 0.0, 0.0, 1.0, len(titles))
    names = _names(titles)
    vectors = np.stack([each.vector for each in titles])
    rows = np.hstack([_shares(titles, names), vectors]).astype(np.float32)
    labels = np.zeros((1, len(titles)), np.float32)
    labels[0, : len(first)] = 1.0
    divergence, turn = _distances(labels, rows, len(names))
    rng = np.random.default_rng(seed)
    beyond = np.zeros(2)
    for start in range(0, PERMUTATIONS, _CHUNK):
        count = min(_CHUNK, PERMUTATIONS - start)
        shuffled = rng.permuted(np.repeat(labels, count, axis=0), axis=1)
        by_chance = _distances(shuffled, rows, len(names))
        beyond += [
            np.count_nonzero(by_chance[0] >= divergence[0] - 1e-9),
            np.count_nonzero(by_chance[1] >= turn[0] - 1e-9),
        ]
    p = min(2.0 * float((beyond.min() + 1) / (PERMUTATIONS + 1)), 1.0)
    return DriftReport(before, after, float(divergence[0]), float(turn[0]), p, len(titles))


def snapshot_memory(
    taken: TasteSnapshot, profile_id: str, model_version: str, now: datetime
) -> Memory:
    """A snapshot to keep: importance 0.7 to 1, rising with its titles; confidence n / (n + 20)."""
    top = sorted(taken.genres.items(), key=lambda each: (-each[1], each[0]))[:_TOP]
    shares = ", ".join(f"{name} {share:.0%}" for name, share in top)
    sure = taken.titles / (taken.titles + 20.0)
    held = bool(taken.centroid.any())
    return Memory(
        tier=Tier.EVOLUTIONARY,
        key=PREFIX + taken.period,
        profile_id=profile_id,
        text=f"Taste of {taken.period}: {shares or 'nothing watched'}."[:1_000],
        importance=0.7 + 0.3 * sure,
        confidence=sure,
        created_at=now,
        accessed_at=now,
        embedding=taken.centroid if held else None,
        model_version=model_version if held else "",
        metadata={
            KIND: "taste",
            "period": taken.period,
            "titles": str(taken.titles),
            "genres": shares[:256],
        },
    )


def drift_memory(report: DriftReport, profile_id: str, now: datetime) -> Memory:
    """A drift to keep, with importance and confidence 1 - p: one not significant may fall below."""
    moved = "has moved" if report.significant else "shows no move"
    sure = 1.0 - report.p_value
    return Memory(
        tier=Tier.EVOLUTIONARY,
        key=f"{DRIFT_PREFIX}{report.before}:{report.after}",
        profile_id=profile_id,
        text=f"From {report.before} to {report.after} the taste {moved}.",
        importance=sure,
        confidence=sure,
        created_at=now,
        accessed_at=now,
        metadata={
            KIND: "drift",
            "before": report.before,
            "after": report.after,
            "divergence": decimal(report.divergence),
            "turn": decimal(report.turn),
            "p_value": decimal(report.p_value),
            "significant": str(report.significant).lower(),
        },
    )


def recency_half_life(memories: Iterable[Memory], half_life: float) -> float:
    """The half-life of old viewings that suits the latest drift: shorter where the taste moved.

    half_life x (1 - sqrt(divergence)), at least a quarter of it; `half_life` where the latest
    report of a drift is not significant, or there is none. Any unit.
    """
    reports = [each for each in memories if each.metadata.get(KIND) == "drift"]
    latest = max(reports, key=lambda each: (each.metadata["after"], each.key), default=None)
    if latest is None or latest.metadata["significant"] != "true":
        return half_life
    distance = float(np.sqrt(float(latest.metadata["divergence"])))
    return half_life * max(1.0 - distance, 0.25)


def _names(titles: Sequence[TasteTitle]) -> list[str]:
    return sorted({genre for each in titles for genre in each.genres})


def _shares(titles: Sequence[TasteTitle], names: Sequence[str]) -> FloatArray:
    """(n, genres): 1 over its number of genres for each genre of a title."""
    place = {name: i for i, name in enumerate(names)}
    rows = np.zeros((len(titles), len(names)), np.float32)
    for row, each in zip(rows, titles, strict=True):
        for genre in each.genres:
            row[place[genre]] = 1.0 / len(each.genres)
    return rows


def _distances(
    labels: FloatArray, rows: FloatArray, genres: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Divergence and turn (b,) of b labellings (b, n), 1 = earlier, of rows (n, genres + 384)."""
    first, second = labels @ rows, (1.0 - labels) @ rows
    p, q = (_normalised(sums[:, :genres].astype(np.float64)) for sums in (first, second))
    middle = (p + q) / 2.0
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2.0
    a, b = (unit(np.asarray(sums[:, genres:], np.float32)) for sums in (first, second))
    turn = 1.0 - np.einsum("bd,bd->b", a, b, dtype=np.float64)
    return np.clip(divergence, 0.0, 1.0), np.clip(turn, 0.0, 2.0)


def _normalised(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(sums / np.maximum(sums.sum(1, keepdims=True), 1e-12))


def _relative_entropy(p: NDArray[np.float64], m: NDArray[np.float64]) -> NDArray[np.float64]:
    terms = np.where(p > 0, p * np.log2(np.maximum(p, 1e-300) / np.maximum(m, 1e-300)), 0.0)
    return np.asarray(terms.sum(1))


def _thinned(titles: Sequence[TasteTitle]) -> list[TasteTitle]:
    ordered = sorted(titles, key=lambda each: each.content_id)
    if len(ordered) <= MAX_TITLES:
        return ordered
    kept = np.linspace(0, len(ordered) - 1, MAX_TITLES).round().astype(int)
    return [ordered[i] for i in kept]
