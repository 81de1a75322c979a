"""What the weight of trends costs and brings, on made-up households over the sample catalogue.

`python bench/trend_weight.py [--households N]`. Half of the households report noisy sketches, from
which a round learns; the others are ranked for. Three titles that a household has not seen rise,
with scores .3, .5 and .7, drawn anew for each. Of every weight: NDCG@10 of what the household
watches next anyway (the validation cut of last20), which trends can only cost, and how often a
rising title comes into the first 10, for those that fit the household (the upper half by the
relevance without trends) and for those that do not.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from omega_core.content import Content, embedding_text
from omega_core.vectors import FloatArray
from omega_embed import open_encoder
from omega_eval.evaluate import held_out_rows
from omega_eval.metrics import RowArray, ratio, score
from omega_eval.sample import load_sample
from omega_eval.split import Level, SplitHousehold, split
from omega_eval.synthetic import synthetic_households
from omega_learn import DeviceSketches, LearnConfig, RoundInput, run
from omega_privacy.policy import SketchPolicy
from omega_privacy.sketch import make_sketch
from omega_rank import Catalogue, CollectiveModel, Factors, History, RankConfig, Ranker, Timely
from omega_testing.tastes import LIKED

WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
SCORES = np.array([0.3, 0.5, 0.7], np.float32)
SAMPLE = Path(__file__).parents[1] / "data" / "sample" / "titles.jsonl"


def model_of(
    catalogue: Catalogue, vectors: FloatArray, cut: Sequence[SplitHousehold]
) -> CollectiveModel:
    """What a fleet of these households teaches."""
    rng, policy, devices = np.random.default_rng(1), SketchPolicy.default(), []
    for number, household in enumerate(cut):
        liked = np.flatnonzero(History.replay(catalogue, household.train).liked)
        noise = rng.standard_normal((len(liked), 384)).astype(np.float32)
        rows = catalogue.embeddings[liked]
        packed = b"".join(make_sketch(r, e, policy) for r, e in zip(rows, noise, strict=True))
        devices.append(DeviceSketches(f"tv-{number:05}", packed, bytes([LIKED]) * len(liked)))
    found = run(RoundInput(vectors, catalogue.centring_mean, devices), LearnConfig()).factors
    titles = found.titles.astype(np.int64)
    return CollectiveModel.build(
        catalogue, Factors(titles, found.factors, found.steps, found.gains, found.prior)
    )


def main() -> None:
    """Prints the table as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=400)
    contents: list[Content] = load_sample(SAMPLE)
    vectors = open_encoder(kind="lexical").encode([embedding_text(each) for each in contents])
    catalogue = Catalogue.build(contents, vectors, None, range(len(contents)))
    count = parser.parse_args().households
    cut = split(synthetic_households(contents, count, 11), level=Level.VALIDATION)
    model = model_of(catalogue, vectors, cut[::2])
    ranked_for = [each for each in cut[1::2] if each.held_out]
    wanted = held_out_rows(ranked_for, catalogue.row_of)
    lists: dict[float, list[RowArray]] = {weight: [] for weight in WEIGHTS}
    shown: dict[float, list[tuple[bool, bool]]] = {weight: [] for weight in WEIGHTS}
    rng = np.random.default_rng(5)
    for household, held in zip(ranked_for, wanted, strict=True):
        history = History.replay(catalogue, household.train)
        open_rows = np.setdiff1d(np.flatnonzero(~history.seen), held)
        rising = rng.choice(open_rows, len(SCORES), replace=False)
        timely = Timely(rising, SCORES, np.ones(len(SCORES), np.bool_))
        plain = Ranker().rank(catalogue, model, history, limit=len(open_rows) + len(held))
        place = {title.row: at for at, title in enumerate(plain.titles)}
        for weight in WEIGHTS:
            ranker = Ranker(replace(RankConfig(), trend_weight=weight))
            ranking = ranker.rank(catalogue, model, history, limit=20, timely=timely)
            rows = np.array([title.row for title in ranking.titles], np.int64)
            lists[weight].append(rows)
            shown[weight] += [
                (place[row] < len(place) / 2, row in rows[:10]) for row in rising.tolist()
            ]
    base = score(lists[0.0], wanted, len(catalogue))
    table = []
    for weight in WEIGHTS:
        scores = score(lists[weight], wanted, len(catalogue))
        beside = ratio(scores.ndcg, base.ndcg)
        table.append(
            {
                "trend_weight": weight,
                "ndcg_at_10": round(float(scores.ndcg.mean()), 4),
                "share_of_none": [round(v, 3) for v in (beside.value, beside.low, beside.high)],
                "fitting_in_10": _mean([top for fits, top in shown[weight] if fits]),
                "others_in_10": _mean([top for fits, top in shown[weight] if not fits]),
            }
        )
    print(json.dumps({"households": len(ranked_for), "table": table}, indent=1))


def _mean(values: list[bool]) -> float:
    return round(float(np.mean(values)), 3) if values else 0.0


if __name__ == "__main__":
    main()
