"""Poisoning: a few TVs that lie, to push a title into others' lists or to wreck them.

The liars know the whole design, the published model and what every household likes: they send exact
signs without noise, in every number that counts, with the highest class bytes, and put the chosen
title beside what most households like, or beside the few titles that carry it furthest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from omega_core.limits import DIMENSION, MAX_CLASS, SKETCH_BYTES
from omega_core.vectors import FloatArray
from omega_eval.attacks.evidence import IntArray
from omega_eval.attacks.niche import companions
from omega_eval.attacks.outcome import Rate
from omega_eval.metrics import CUT, Ratio, RowArray, ratio, score
from omega_learn import DeviceSketches, RoundResult

PUSHED = "titles pushed"
"""Kinds of liars that put chosen titles beside others."""
SIZES = (10, 25, 50)
"""Titles of a liar: many companions meet more households, and each of them says less."""
FLOOD = 10_000
"""Sketches of a device that floods."""
_FLIPPED = 0.02  # share of bits in which the copies of a flood differ from their title

Lists = Callable[[RoundResult], list[RowArray]]
"""The honest households' lists of 20 by the product's ranker."""
Aggregate = Callable[[Sequence[DeviceSketches]], RoundResult]
"""A round of the fleet."""


@dataclass(frozen=True)
class Push:
    """A title pushed up by liars."""

    name: str
    """Kind of title: head, middle or unsupported."""
    title: int
    """Its row."""
    before: float
    """Share of honest households with it in their first 10, without the liars."""
    after: float
    """The same with them."""
    rise: Rate
    """The difference, over households."""


@dataclass(frozen=True)
class Wreck:
    """An attempt to spoil everybody's lists."""

    name: str
    """Kind."""
    ndcg: Ratio
    """Honest NDCG@10 with the liars over that without."""
    finite: bool
    """Whether every number given out was finite."""


@dataclass(frozen=True)
class Poisoning:
    """What liars reach."""

    liars: int
    """Devices that lie."""
    honest: int
    """Devices that do not."""
    pushes: tuple[Push, ...]
    """By kind of title."""
    wrecks: tuple[Wreck, ...]
    """By kind."""


def poisoning(
    embeddings: FloatArray,
    honest: Sequence[DeviceSketches],
    popular: IntArray,
    targets: Mapping[str, int],
    liars: int,
    aggregate: Aggregate,
    lists: Lists,
    wanted: Sequence[RowArray],
    *,
    liked: FloatArray,
    lam: float,
    most: int,
    mass: int,
) -> Poisoning:
    """Runs the fleet's round without liars and with each kind of them.

    All titles are pushed at once: while a liar stays below the mass at which it is scaled down, one
    title costs it nothing of another. Of all companions the worst count, title by title.

    Args:
        embeddings: (n, 384) centred unit rows, as liars know them.
        honest: what the honest devices sent.
        popular: rows of titles, most liked first, as liars know them.
        targets: title to push, by name.
        liars: devices that lie.
        aggregate: the round.
        lists: the honest households' lists.
        wanted: what each honest household is to find, for NDCG.
        liked: (u, n) 1 where a household likes a title, as liars know it.
        lam: ridge of the model.
        most: sketches of a device that the round counts.
        mass: sketches of a device beyond which the round scales it down: liars stay at it.
    """
    learnt = aggregate(honest)
    before = lists(learnt)
    n = len(embeddings)
    clean = score(before, wanted, n).ndcg
    chosen = np.array(list(targets.values()), np.int64)
    sizes = sorted({min(size, mass) for size in SIZES})
    near = companions(learnt.factors, liked, liars, sizes[-1], lam, taken=chosen)
    bad = {
        f"{PUSHED} in {size}, {kind}": push_titles(
            embeddings, np.concatenate([chosen, others[: max(size - len(chosen), 0)]]), liars
        )
        for kind, others in (("popular", popular[~np.isin(popular, chosen)]), ("a niche", near))
        for size in sizes
    }
    bad.update(wreckers(embeddings, popular, liars, most))
    pushes: list[Push] = []
    wrecks = []
    for name, devices in bad.items():
        result = aggregate([*honest, *devices])
        after = lists(result)
        against = ratio(score(after, wanted, n).ndcg, clean)
        wrecks.append(Wreck(name, against, finite(result)))
        if name.startswith(PUSHED):
            pushes += [_push(kind, title, before, after) for kind, title in targets.items()]
    pushes = [
        max((each for each in pushes if each.name == kind), key=lambda each: each.rise.value)
        for kind in targets
    ]
    return Poisoning(liars, len({each.device_key for each in honest}), tuple(pushes), tuple(wrecks))


def _push(kind: str, title: int, before: Sequence[RowArray], after: Sequence[RowArray]) -> Push:
    had, has = _holds(before, title), _holds(after, title)
    rise = Rate.of(has - had, np.arange(len(had), dtype=np.int64))
    return Push(kind, title, float(had.mean()), float(has.mean()), rise)


def push_titles(embeddings: FloatArray, titles: IntArray, liars: int) -> list[DeviceSketches]:
    """Devices that like these titles, without any noise."""
    sketches = np.packbits(embeddings[titles] >= 0, axis=1).tobytes()
    classes = bytes([MAX_CLASS]) * len(titles)
    return [DeviceSketches(f"liar-{i:04d}", sketches, classes) for i in range(liars)]


def wreckers(
    embeddings: FloatArray, popular: IntArray, liars: int, most: int, seed: int = 0
) -> dict[str, list[DeviceSketches]]:
    """Devices that send random sketches, floods of near copies, or the reverse of what is liked."""
    rng = np.random.default_rng(seed)

    def device(
        number: int, bits: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    ) -> DeviceSketches:
        packed = np.packbits(bits, axis=1).tobytes()
        count = len(packed) // SKETCH_BYTES
        return DeviceSketches(f"liar-{number:04d}", packed, bytes([MAX_CLASS]) * count)

    found: dict[str, list[DeviceSketches]] = {"random": [], "flood": [], "opposite": []}
    for number in range(liars):
        found["random"].append(device(number, rng.integers(0, 2, (most, DIMENSION)) > 0))
        near = np.repeat(embeddings[popular[:1]] >= 0, FLOOD, axis=0)
        near ^= rng.random(near.shape) < _FLIPPED
        found["flood"].append(device(number, near))
        found["opposite"].append(device(number, embeddings[popular[:most]] < 0))
    return found


def finite(result: RoundResult) -> bool:
    """Whether every number given out is finite."""
    factors = result.factors
    arrays = [factors.steps, factors.gains, factors.prior]
    arrays += [pattern.embedding for pattern in result.patterns]
    rates = [value for each in result.patterns for value in (each.success_rate, each.weight)]
    return all(np.isfinite(array).all() for array in arrays) and bool(np.isfinite(rates).all())


def titles_to_push(given_out: IntArray, likes: IntArray) -> dict[str, int]:
    """A title that most like, one of middling popularity among those given out, one without any.

    Args:
        given_out: titles that the honest fleet's model holds.
        likes: (n,) households that truly like each title.
    """
    ranked = given_out[np.argsort(-likes[given_out], kind="stable")]
    found = {"head": int(ranked[0]), "middle": int(ranked[len(ranked) // 2])}
    nobody = np.setdiff1d(np.flatnonzero(likes == 0), given_out)
    if len(nobody):
        found["unsupported"] = int(nobody[0])
    return found


def _holds(lists: Sequence[RowArray], title: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """1 for each list that has the title among its first 10."""
    return np.array([float(title in each[:CUT]) for each in lists])
