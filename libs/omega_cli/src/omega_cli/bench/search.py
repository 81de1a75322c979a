"""Figures of the vector index beside its peers, on vectors of real texts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from omega_agentdb.exact import ExactIndex
from omega_agentdb.hnsw import HnswIndex
from omega_agentdb.port import VectorIndex
from omega_cli.bench.corpus import real_texts
from omega_cli.bench.embeddings import embedded
from omega_cli.bench.figures import Figure, best, quantile_ms, timed
from omega_cli.bench.peers import Peers, interpreter
from omega_cli.bench.plan import Plan
from omega_core.vectors import FloatArray
from omega_embed import default_cache_dir, open_encoder
from omega_eval.sample import sample_path

K = 50
"""Neighbours of a search."""
_OURS, _EXACT = "ours", "exact numpy"


def measure(plan: Plan) -> dict[str, Figure]:
    """Embeds, builds every index, and searches each in turn.

    Raises:
        OmegaError: MODEL_UNAVAILABLE.
        PeersError: the peers are missing or failed.
    """
    root = sample_path().parents[2]
    interpreter(root)  # before the work that a missing one would waste
    encoder = open_encoder(plan.cache_dir, kind=plan.encoder)
    texts = real_texts(plan.vectors + plan.queries)
    rows = embedded(encoder, texts, plan.cache_dir or default_cache_dir())
    vectors, queries = rows[: plan.vectors], rows[plan.vectors :]
    with Peers(root, vectors, queries) as peers:
        return compare(vectors, queries, peers, plan.runs)


def compare(vectors: FloatArray, queries: FloatArray, peers: Peers, runs: int) -> dict[str, Figure]:
    """Figures of searches for `queries` (q, 384) among `vectors` (n, 384), unit rows."""
    ids = np.arange(len(vectors), dtype=np.int64)
    hnsw, exact = HnswIndex(), ExactIndex()
    for index in (hnsw, exact):
        index.add(ids, vectors)
    true = [_found(exact, query) for query in queries]
    recall = np.mean([len(_found(hnsw, q) & t) / K for q, t in zip(queries, true, strict=True)])
    # In turn, so that what else the machine does falls on all of them.
    took: list[Mapping[str, float]] = [
        {_OURS: _median_ms(hnsw, queries), _EXACT: _median_ms(exact, queries), **peers.run()}
        for _ in range(runs)
    ]
    p50 = {name: best([run[name] for run in took]) for name in took[0]}
    ours = p50.pop(_OURS)
    recalls = {peer.name: peer.recall for peer in peers.peers.values()}
    times = {peer.name: p50[name] for name, peer in peers.peers.items()}
    return {
        "search_p50_ms": Figure(ours, "ms", "<= 0.4", {_EXACT: p50[_EXACT], **times}),
        "search_recall_at_50": Figure(float(recall), "", ">= .97", {_EXACT: 1.0, **recalls}),
        "search_speedup_vs_best_peer": Figure(
            min(times.values()) / ours,
            "x",
            ">= 10",
            {name: took / ours for name, took in times.items()},
        ),
    }


def _found(index: VectorIndex, query: FloatArray) -> set[int]:
    return set(index.search(query, K).ids.tolist())


def _median_ms(index: VectorIndex, queries: FloatArray) -> float:
    return quantile_ms([timed(partial(index.search, query, K)) for query in queries], 0.5)
