"""What edges between global patterns would add to the ranking: an ablation on MovieLens.

`python bench/pattern_edges.py DATA [--vectors FILE]`, where DATA is the folder of ml-latest-small.
Every household reports noisy sketches at sigma 5 of what it liked in its training part; a round
learns factors and patterns from them. An edge joins two patterns that more devices stand behind
together than their shares let expect: lift n N / (n_a n_b), at least 3 devices, lower end of its
95 % interval (of log lift, by the delta method; Katz et al. 1978) above 1. Such an edge has no
direction: sketches carry no times and leave in random order. On the TV each title of the history
lends its weight to its nearest pattern, and a title scores by the lifts that lead from there to the
patterns it is near. The term is added to the hybrid with several weights; NDCG@10 on the
validation cut of last20, beside the hybrid alone, with 95 % bootstrap intervals over households.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from omega_core.content import embedding_text
from omega_core.vectors import FloatArray
from omega_embed import open_encoder
from omega_eval.evaluate import held_out_rows
from omega_eval.metrics import RowArray, ratio, score
from omega_eval.movielens import load_movielens
from omega_eval.split import Level, SplitHousehold, split
from omega_learn import (
    DeviceRows,
    DeviceSketches,
    LearnConfig,
    RoundInput,
    decode_fleet,
    estimate_prior,
    gather,
    run,
)
from omega_learn import rows as row_units
from omega_learn.sample import Sample
from omega_privacy.policy import SketchPolicy
from omega_privacy.sketch import make_sketch
from omega_rank import Catalogue, CollectiveModel, Factors, History, RankConfig, order, relevance
from omega_testing.tastes import LIKED

WEIGHTS = (0.1, 0.25, 0.5, 1.0)
_SEED = 7
_HALF = row_units.UNIT // 2


def sketched(catalogue: Catalogue, households: list[History]) -> list[DeviceSketches]:
    """A device a household, with one sketch of each title it liked."""
    rng, policy = np.random.default_rng(_SEED), SketchPolicy.default()
    devices = []
    for number, history in enumerate(households):
        liked = np.flatnonzero(history.liked)
        noise = rng.standard_normal((len(liked), catalogue.embeddings.shape[1])).astype(np.float32)
        pushed = [
            make_sketch(catalogue.embeddings[row], drawn, policy)
            for row, drawn in zip(liked, noise, strict=True)
        ]
        classes = bytes([LIKED]) * len(liked)
        devices.append(DeviceSketches(f"tv-{number:05}", b"".join(pushed), classes))
    return devices


def decoded(devices: list[DeviceSketches], catalogue: Catalogue, config: LearnConfig) -> DeviceRows:
    """What a round sees of each device, decoded with the fleet's prior."""
    fleet = gather(devices, config.max_device_sketches, sigma=config.sigma)
    sample = Sample.drawn(fleet, config.prior_sample, config.seed)
    prior = estimate_prior(
        sample.sketches, catalogue.embeddings, sample.sigmas, steps=config.prior_steps
    )
    return decode_fleet(fleet, catalogue.embeddings, prior, top=config.top).rows


def lifts(rows: DeviceRows, centroids: FloatArray, embeddings: FloatArray) -> FloatArray:
    """(k, k) log lift of each pair of patterns that goes together; 0 where none is shown."""
    k = len(centroids)
    near = np.argmax(embeddings @ centroids.T, axis=1)
    stakes = np.zeros((len(rows), k))
    np.add.at(stakes, (rows.owners(), near[rows.titles]), rows.stakes)
    behind = (stakes >= _HALF).astype(np.float64)
    both, alone, n = behind.T @ behind, behind.sum(axis=0), len(rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_lift = np.log(both * n / np.outer(alone, alone))
        spread = np.sqrt(1 / both - 1 / n + np.add.outer(1 / alone, 1 / alone) - 2 / n)
    shown = (both >= 3) & (log_lift - 1.96 * np.abs(spread) > 0)  # noqa: PLR2004 - devices, 95 %
    np.fill_diagonal(shown, val=False)
    return np.where(shown, log_lift, 0.0).astype(np.float32)


def main() -> None:
    """Prints the table as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--vectors", type=Path, help="embeddings of the titles (.npy)")
    arguments = parser.parse_args()
    contents, households = load_movielens(arguments.data)
    if arguments.vectors:
        vectors = np.asarray(np.load(arguments.vectors), np.float32)
    else:
        vectors = open_encoder().encode([embedding_text(each) for each in contents])
    mean = np.asarray(vectors.mean(axis=0, dtype=np.float64), np.float32)
    catalogue = Catalogue.build(contents, vectors, mean, range(len(contents)))
    cut = [each for each in split(households, level=Level.VALIDATION) if each.train]
    histories = [History.replay(catalogue, each.train) for each in cut]
    devices, config = sketched(catalogue, histories), LearnConfig()
    learned = run(RoundInput(vectors, mean, devices), config)
    factors = learned.factors
    model = CollectiveModel.build(
        catalogue,
        Factors(
            factors.titles.astype(np.int64),
            factors.factors,
            factors.steps,
            factors.gains,
            factors.prior,
        ),
    )
    centroids = np.array([p.embedding for p in learned.patterns], np.float32)
    edges = lifts(decoded(devices, catalogue, config), centroids, catalogue.embeddings)
    wanted = held_out_rows(cut, catalogue.row_of)
    found: dict[float, list[RowArray]] = {weight: [] for weight in (0.0, *WEIGHTS)}
    for household, history in zip(cut, histories, strict=True):
        for weight, ranked in _lists(household, history, model, centroids, edges).items():
            found[weight].append(ranked)
    plain = score(found[0.0], wanted, len(catalogue))
    table = []
    for weight, lists in found.items():
        scores = score(lists, wanted, len(catalogue))
        beside = ratio(scores.ndcg, plain.ndcg)
        table.append(
            {
                "weight": weight,
                "ndcg_at_10": round(float(scores.ndcg.mean()), 4),
                "share_of_plain": [round(v, 3) for v in (beside.value, beside.low, beside.high)],
            }
        )
    shape = {"patterns": len(centroids), "edges": int((edges > 0).sum() // 2)}
    print(json.dumps({**shape, "households": len(plain.ndcg), "table": table}, indent=1))


def _lists(
    household: SplitHousehold,
    history: History,
    model: CollectiveModel,
    centroids: FloatArray,
    edges: FloatArray,
) -> dict[float, RowArray]:
    """The household's list for each weight of the edges' term, diversified as the product does."""
    config, catalogue, query = RankConfig(), history.catalogue, history.query()
    if not household.held_out or not len(query.rows):
        return {weight: np.zeros(0, np.int64) for weight in (0.0, *WEIGHTS)}
    hybrid = relevance.personal(config, catalogue, model, history, query)
    near = np.argmax(catalogue.embeddings[query.rows] @ centroids.T, axis=1)
    leads = np.bincount(near, query.weights, minlength=len(centroids)) @ edges
    raw = np.asarray(np.maximum(catalogue.embeddings @ centroids.T, 0) @ leads, np.float32)
    term = relevance.standardise(raw, history.seen)
    lists = {}
    for weight in (0.0, *WEIGHTS):
        total = hybrid.total + np.float32(weight) * term
        total = np.where(history.seen, np.float32(-np.inf), total)
        head = order.best_first(total, config.mmr_window)
        chosen = order.diversify(total[head], catalogue.embeddings[head], config.mmr_lambda, 20)
        lists[weight] = head[chosen]
    return lists


if __name__ == "__main__":
    main()
