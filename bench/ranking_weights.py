"""What each weight of the ranking rests on, measured on the validation cut of MovieLens small.

`python bench/ranking_weights.py DATA PART... [--vectors FILE] [--json]`, where DATA is the folder
of MovieLens (ml-latest-small). Parts:

- weights: the terms of the hybrid, with factors from sketches and from the exact matrix;
- calibration: NDCG@10 beside the divergence of a list's genres from the household's.

The test cut is never looked at. `--vectors` keeps the embeddings for the next time. Intervals are
95 % percentile bootstraps over households, paired.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omega_core.content import Content, embedding_text
from omega_core.limits import DIMENSION, MIN_DEVICES
from omega_core.tuning import SHIPPED
from omega_core.vectors import FloatArray, centre
from omega_embed import open_encoder
from omega_eval.baselines import Interactions
from omega_eval.evaluate import held_out_rows
from omega_eval.household import Household
from omega_eval.metrics import RowArray
from omega_eval.movielens import load_movielens
from omega_eval.split import HoldOut, Level, SplitHousehold, split
from omega_learn import (
    DeviceSketches,
    LearnConfig,
    RoundInput,
    count_support,
    fit_factors,
    global_patterns,
    run,
    summarise,
)
from omega_learn.rows import UNIT, DeviceRows
from omega_meta_sona.moments import TERMS, World
from omega_privacy import SketchPolicy, class_byte, count_class, make_sketch, rate_class
from omega_rank import (
    Catalogue,
    CollectiveModel,
    Factors,
    GlobalPatterns,
    History,
    RankConfig,
    measures,
    order,
)
from omega_rank.relevance import standardise

CUT = 10
SEED = 7
SAMPLES = 4_000
_DISCOUNT = 1 / np.log2(np.arange(2, CUT + 2))
Floats = NDArray[np.float64]
Table = list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Fleet:
    """Households of a data set, cut."""

    embeddings: FloatArray
    catalogue: Catalogue
    cut: tuple[SplitHousehold, ...]
    wanted: list[RowArray]
    liked: NDArray[np.float32]

    @classmethod
    def of(
        cls, contents: Sequence[Content], embeddings: FloatArray, households: Sequence[Household]
    ) -> Fleet:
        """Households over titles with embeddings (n, 384) as the encoder gave them."""
        catalogue = Catalogue.build(contents, embeddings, None, np.arange(len(contents)))
        cut = split(households, HoldOut.LAST20, Level.VALIDATION)
        data = Interactions.of(cut, catalogue.row_of)
        return cls(embeddings, catalogue, cut, held_out_rows(cut, catalogue.row_of), data.liked)

    @property
    def scored(self) -> list[int]:
        """Households with something held out."""
        return [i for i, rows in enumerate(self.wanted) if len(rows)]


@dataclass(frozen=True, eq=False)
class Learnt:
    """What a fleet taught."""

    model: CollectiveModel
    patterns: GlobalPatterns


def exact(
    fleet: Fleet, members: NDArray[np.bool_], known: NDArray[np.bool_] | None = None
) -> Learnt:
    """From the true likes of `members` (u,), of the titles `known` (n,) alone where given."""
    liked = fleet.liked[members]
    if known is not None:
        liked = liked * known
    stakes = np.rint(liked * UNIT).astype(np.uint16)
    users, titles = np.nonzero(stakes)
    starts = np.searchsorted(users, np.arange(len(liked) + 1)).astype(np.int64)
    flat = stakes[users, titles]
    rows = DeviceRows(starts, titles.astype(np.int32), flat, flat, flat)
    supported = np.flatnonzero(count_support(rows, liked.shape[1]) >= MIN_DEVICES).astype(np.int32)
    statistics = summarise(rows, supported)
    prior = liked.sum(axis=0) / liked.sum()
    pack = fit_factors(statistics, prior[supported].astype(np.float32))
    centred = centre(fleet.embeddings, fleet.catalogue.centring_mean)
    return _learnt(fleet, pack, global_patterns(statistics, rows, centred))


def sketched(
    fleet: Fleet, members: NDArray[np.bool_], known: NDArray[np.bool_] | None = None
) -> Learnt:
    """From one sketch for each title that `members` (u,) liked."""
    devices = [
        _device(fleet, user, known)
        for user in np.flatnonzero(members).tolist()
        if fleet.liked[user].any()
    ]
    inputs = RoundInput(fleet.embeddings, fleet.catalogue.centring_mean, devices)
    learnt = run(inputs, LearnConfig(sigma=SketchPolicy.default().sigma))
    return _learnt(fleet, learnt.factors, learnt.patterns, known)


def _device(fleet: Fleet, user: int, known: NDArray[np.bool_] | None) -> DeviceSketches:
    rng = np.random.default_rng([SEED, user])
    kind = class_byte(rate_class(1.0), count_class(1))
    sketches = []
    for row in np.flatnonzero(fleet.liked[user]):
        noise = np.asarray(rng.standard_normal(DIMENSION), np.float32)
        vector = fleet.catalogue.embeddings[row]
        if vector.any() and (known is None or known[row]):
            sketches.append(make_sketch(vector, noise, SketchPolicy.default()))
    return DeviceSketches(str(user), b"".join(sketches), bytes([kind]) * len(sketches))


def _learnt(
    fleet: Fleet, pack: Any, patterns: Sequence[Any], known: NDArray[np.bool_] | None = None
) -> Learnt:
    held = slice(None) if known is None else known[pack.titles]
    factors = Factors(
        pack.titles[held].astype(np.int64),
        pack.factors[held],
        pack.steps,
        pack.gains[held],
        pack.prior[held],
    )
    return Learnt(
        CollectiveModel.build(fleet.catalogue, factors),
        GlobalPatterns(
            np.array([p.embedding for p in patterns], np.float32).reshape(-1, DIMENSION),
            np.array([p.success_rate for p in patterns], np.float32),
            np.array([p.weight for p in patterns], np.float32),
        ),
    )


LEARNERS: dict[str, Callable[..., Learnt]] = {"sketches": sketched, "exact": exact}
_KNOWN: dict[str, Learnt] = {}


def everybodys(fleet: Fleet, name: str) -> Learnt:
    """What all households taught; learnt once a run."""
    if name not in _KNOWN:
        _KNOWN[name] = LEARNERS[name](fleet, np.ones(len(fleet.cut), np.bool_))
    return _KNOWN[name]


def ndcg(ranked: RowArray, wanted: RowArray) -> float:
    """NDCG@10 with binary gains."""
    found = np.isin(ranked[:CUT], wanted)
    return float(found @ _DISCOUNT[: len(found)]) / float(_DISCOUNT[: min(CUT, len(wanted))].sum())


def gained(found: Floats, base: Floats) -> dict[str, float]:
    """Mean of the difference with its interval."""
    rng = np.random.default_rng(0)
    difference = found - base
    chosen = rng.integers(0, len(difference), (SAMPLES, len(difference)))
    low, high = np.quantile(difference[chosen].mean(axis=1), [0.025, 0.975])
    return {"gain": float(difference.mean()), "low": float(low), "high": float(high)}


@dataclass(frozen=True, eq=False)
class Case:
    """One household with the standard scores of its terms."""

    terms: FloatArray
    """(t, n): TERMS, and then what an experiment adds."""
    seen: NDArray[np.bool_]
    wanted: RowArray
    likes: int
    coverage: float
    """Share of the weight of its titles that have a factor."""
    mix: Floats
    """(g,) its genres."""
    history: History


def cases(
    fleet: Fleet,
    learnt: Callable[[int], Learnt | None],
    config: RankConfig,
    histories: Callable[[int], tuple[Any, RowArray]],
    users: Sequence[int],
    extra: Callable[[int], Sequence[FloatArray]] = lambda _user: (),
) -> list[Case]:
    """Terms of each household.

    Args:
        fleet: the data.
        learnt: what the fleet knows, for each household.
        config: settings of the history.
        histories: events and rows to be found of each household.
        users: which households.
        extra: more terms (n,) each, not yet standardised.
    """
    found = []
    for user in users:
        known = learnt(user)
        events, wanted = histories(user)
        history = History.replay(fleet.catalogue, events, config)
        query = history.query()
        world = World(fleet.catalogue, known.model if known else None, config)
        if len(query.rows):
            terms = world.terms(history, SHIPPED)
        else:
            terms = np.zeros((len(TERMS), len(fleet.catalogue)), np.float32)
            if known:
                terms[-1] = standardise(known.model.log_prior, history.seen)
        history.configure(config)
        more = [standardise(values, history.seen) for values in extra(user)]
        covered = known.model.query_scale[query.rows] > 0 if known else np.zeros(0)
        weight = float(query.weights.sum()) or 1.0
        found.append(
            Case(
                terms=np.concatenate(
                    [terms, np.array(more, np.float32).reshape(-1, len(history.seen))]
                ),
                seen=history.seen.copy(),
                wanted=wanted,
                likes=history.likes,
                coverage=float(query.weights @ covered) / weight if known else 0.0,
                mix=measures.genre_shares(fleet.catalogue, query.rows, query.weights),
                history=history,
            )
        )
    return found


def _for_all(learnt: Learnt) -> Callable[[int], Learnt]:
    """The same for every household."""
    return lambda _user: learnt


def trained(fleet: Fleet) -> Callable[[int], tuple[Any, RowArray]]:
    """The whole training part of each household."""
    return lambda user: (fleet.cut[user].train, fleet.wanted[user])


def heads(case: Case, weights: FloatArray, count: int = 50) -> tuple[RowArray, FloatArray]:
    """The best titles by relevance, and theirs."""
    total = weights @ case.terms
    total[case.seen] = -np.inf
    head = order.best_first(total, count)
    return head, total[head]


def listed(fleet: Fleet, case: Case, weights: FloatArray, share: float = 0.8) -> RowArray:
    """The first ten, varied as the product varies them."""
    head, relevance = heads(case, weights)
    return head[order.diversify(relevance, fleet.catalogue.embeddings[head], share, CUT)]


def quality(fleet: Fleet, found: Sequence[Case], weigh: Callable[[Case], FloatArray]) -> Floats:
    """NDCG@10 of each household under weights that may depend on it."""
    return np.array([ndcg(listed(fleet, case, weigh(case)), case.wanted) for case in found])


def weighted(*values: float) -> Callable[[Case], FloatArray]:
    """The same weights for every household."""
    fixed = np.array(values, np.float32)
    return lambda _case: fixed


def _tell(table: Table) -> None:
    """Shows the last row at once: a part takes minutes."""
    print(json.dumps(table[-1]), file=sys.stderr, flush=True)


def _named(values: Sequence[float]) -> str:
    return " ".join(f"{value:g}" for value in values)


def weights(fleet: Fleet) -> Table:
    """Weights of the terms (collaborative, content, genre, nearest, prior) by coordinates."""
    table: Table = []
    for name in LEARNERS:
        model = everybodys(fleet, name)
        _weights_with(fleet, name, _for_all(model), table)
    return table


def _weights_with(fleet: Fleet, name: str, learnt: Callable[[int], Learnt], table: Table) -> None:
    grid = (0.0, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
    priors = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)
    found = cases(fleet, learnt, RankConfig(), trained(fleet), fleet.scored)

    def tell(label: str, scores: Floats, base: Floats) -> None:
        row = {"factors": name, "weights": label, "ndcg": float(scores.mean())}
        table.append(row | gained(scores, base))
        _tell(table)

    best = [1.0, 1.0, 1.0, 1.0, 0.0]
    base = top = quality(fleet, found, weighted(*best))
    tell("1 .7 .7 .35, of the study", quality(fleet, found, weighted(1, 0.7, 0.7, 0.35, 0)), base)
    for _sweep in range(2):
        for place, values in ((1, grid), (2, grid), (3, grid), (4, priors)):
            for value in values:
                tried = [*best[:place], value, *best[place + 1 :]]
                scores = quality(fleet, found, weighted(*tried))
                tell(_named(tried), scores, base)
                if scores.mean() > top.mean():
                    top, best = scores, tried
    tell(f"best: {_named(best)}", top, base)
    coverage = np.array([case.coverage for case in found])
    edges = np.quantile(coverage, [0, 1 / 3, 2 / 3, 1])
    for low, high in pairwise(edges.tolist()):
        some = [case for case in found if low <= case.coverage <= high]
        same = quality(fleet, some, weighted(*best))
        for scale in (0.5, 0.7, 1.4, 2.0):
            scores = quality(fleet, some, weighted(scale * best[0], *best[1:]))
            tell(f"coverage {low:.2f} to {high:.2f}, collaborative x {scale:g}", scores, same)
    for half_life in (10.0, 40.0, 80.0):
        aged = cases(fleet, learnt, RankConfig(half_life=half_life), trained(fleet), fleet.scored)
        tell(f"best, half-life {half_life:g}", quality(fleet, aged, weighted(*best)), top)


def calibrated(
    relevance: FloatArray,
    embeddings: FloatArray,
    shares: Floats,
    wanted: Floats,
    share: float,
    pull: float,
    growth: float,
    count: int,
) -> list[int]:
    """Greedy: relevance, variety and the divergence of the list's genres from `wanted`."""
    spread = float(relevance[0] - relevance[-1]) or 1.0
    gain = share * (relevance - relevance[-1]) / spread
    cosines = embeddings @ embeddings.T
    nearest = cosines[0].copy()
    counted = (shares.sum(axis=1) > 0).astype(np.float64)
    total, mass = shares[0].copy(), counted[0]
    chosen = [0]
    held = wanted > 0
    for size in range(2, min(count, len(relevance)) + 1):
        given = (total + shares)[:, held] / np.maximum(mass + counted, 1)[:, None]
        mixed = 0.99 * given + 0.01 * wanted[held]
        divergence = (wanted[held] * np.log(wanted[held] / mixed)).sum(axis=1)
        marginal = gain - (1 - share) * (nearest + pull * (size / CUT) ** growth * divergence)
        marginal[chosen] = -np.inf
        best = int(marginal.argmax())
        chosen.append(best)
        nearest = np.maximum(nearest, cosines[best])
        total, mass = total + shares[best], mass + counted[best]
    return chosen


def calibration(fleet: Fleet) -> Table:
    """Weights of calibration, flat or growing with the list, histories smoothed or not."""
    table: Table = []
    carries = (fleet.catalogue.genre_rows > 0).astype(np.float64)
    even = carries / np.maximum(carries.sum(axis=1, keepdims=True), 1)
    config = RankConfig()
    fixed = np.array(
        [
            config.collaborative_weight,
            config.content_weight,
            config.genre_weight,
            config.nearest_weight,
            0,
        ],
        np.float32,
    )
    for name in LEARNERS:
        learnt = everybodys(fleet, name)
        found = cases(fleet, _for_all(learnt), config, trained(fleet), fleet.scored)
        of_fleet = np.exp(learnt.model.log_prior.astype(np.float64)) @ even
        of_fleet /= of_fleet.sum()
        prepared = [(case, *heads(case, fixed)) for case in found]
        base: Floats | None = None
        for growth, smoothing, pull in (
            *((0.0, 0.0, p) for p in (0.0, 0.1, 0.3, 0.5, 1.0, 2.0, 4.0)),
            *((1.0, 0.0, p) for p in (1.0, 2.0)),
            (0.0, 5.0, 1.0),
        ):
            scores, divergences, varieties = [], [], []
            for case, head, relevance in prepared:
                query = case.history.query()
                n = float(query.weights.sum())
                wanted = (n * case.mix + smoothing * of_fleet) / (n + smoothing)
                chosen = calibrated(
                    relevance,
                    fleet.catalogue.embeddings[head],
                    even[head],
                    wanted,
                    config.mmr_lambda,
                    pull,
                    growth,
                    CUT,
                )
                rows = head[chosen]
                scores.append(ndcg(rows, case.wanted))
                divergences.append(measures.calibration(rows, case.history))
                varieties.append(measures.diversity(fleet.catalogue, rows))
            values = np.array(scores)
            base = values if base is None else base
            table.append(
                {
                    "factors": name,
                    "weight": pull,
                    "grows": growth,
                    "smoothing": smoothing,
                    "ndcg": float(values.mean()),
                    **gained(values, base),
                    "divergence": float(np.mean(divergences)),
                    "diversity": float(np.mean(varieties)),
                }
            )
            _tell(table)
    return table


PARTS: dict[str, Callable[[Fleet], Table]] = {"weights": weights, "calibration": calibration}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of MovieLens")
    parser.add_argument("parts", nargs="+", choices=list(PARTS))
    parser.add_argument("--vectors", type=Path, help="file of the embeddings (.npy)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = {}
    contents, households = load_movielens(arguments.data)
    fleet = Fleet.of(contents, _vectors(contents, arguments.vectors), households)
    for part in arguments.parts:
        found[part] = PARTS[part](fleet)
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    for part, table in found.items():
        print(f"\n{part}")
        for row in table:
            cells = (f"{v:.4f}" if isinstance(v, float) else str(v) for v in row.values())
            print("  ".join(f"{name}={cell}" for name, cell in zip(row, cells, strict=True)))


def _vectors(contents: Sequence[Content], kept: Path | None) -> FloatArray:
    if kept is not None and kept.exists():
        return np.asarray(np.load(kept), np.float32)
    encoder = open_encoder(None, kind="minilm")
    vectors = encoder.encode([embedding_text(content) for content in contents])
    if kept is not None:
        np.save(kept, vectors)
    return vectors


if __name__ == "__main__":
    main()
