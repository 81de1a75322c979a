"""Quality of what crossed the wire: popularity, a TV alone, a TV with the fleet's knowledge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from omega_cli.demo.households import Cast
from omega_cli.demo.report import QualityFigures
from omega_delta import CataloguePack, FactorPack, GlobalPattern
from omega_eval.baselines import Interactions, popularity
from omega_eval.evaluate import held_out_rows, rank_all
from omega_eval.metrics import RowArray, Scores, ratio, score
from omega_rank import Catalogue, CollectiveModel, Factors, GlobalPatterns


def served_catalogue(pack: CataloguePack) -> Catalogue:
    """The catalogue as a brain builds it from the pack it fetched."""
    return Catalogue.build(
        pack.contents, pack.embeddings, pack.centring_mean, pack.ordinals.astype(np.int64)
    )


def served_model(
    catalogue: Catalogue, factors: FactorPack, patterns: Sequence[GlobalPattern]
) -> CollectiveModel:
    """The collective model as a brain builds it from what it pulled."""
    return CollectiveModel.build(
        catalogue,
        Factors(
            factors.ordinals.astype(np.int64),
            factors.factors,
            factors.steps,
            factors.gains,
            factors.prior,
        ),
        GlobalPatterns(
            # As float16, as a brain keeps them.
            np.array([p.embedding for p in patterns], np.float16)
            .astype(np.float32)
            .reshape(-1, 384),
            np.array([p.success_rate for p in patterns], np.float32),
            np.array([p.weight for p in patterns], np.float32),
        ),
    )


def measure(
    cast: Cast, catalogue: Catalogue, model: CollectiveModel
) -> tuple[tuple[QualityFigures, ...], list[RowArray]]:
    """The three rows of the table, and the collective lists behind the last."""
    wanted = held_out_rows(cast.households, catalogue.row_of)
    collective = rank_all(catalogue, model, cast.households)
    lists = {
        "popularity": popularity(Interactions.of(cast.households, catalogue.row_of)),
        "local only": rank_all(catalogue, None, cast.households),
        "collective": collective,
    }
    scores = {name: score(found, wanted, len(catalogue)) for name, found in lists.items()}
    beside = scores["popularity"]
    return tuple(_figures(name, found, beside) for name, found in scores.items()), collective


def _figures(name: str, scores: Scores, beside: Scores) -> QualityFigures:
    means = scores.means()
    against = ratio(scores.ndcg, beside.ndcg)
    return QualityFigures(
        name,
        means["ndcg_at_10"],
        means["hr_at_10"],
        means["recall_at_20"],
        means["coverage_at_10"],
        (against.value, against.low, against.high),
    )
