"""Figures of the brain at 10,000 titles: a real process, real gRPC, a real disk."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import grpc
import numpy as np
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc

from omega.brain.v1 import brain_service_pb2 as pb
from omega_agentdb.exact import ExactIndex
from omega_agentdb.hnsw import HnswIndex
from omega_cli.bench.figures import Figure, best, quantile_ms
from omega_client import BrainClient
from omega_core.content import Content, ContentKind, embedding_text
from omega_core.limits import DIMENSION
from omega_delta import content_to_proto
from omega_embed import Encoder
from omega_eval.movielens import load_movielens
from omega_eval.sample import load_sample
from omega_rpc.channel import connect
from omega_testing.processes import ServiceProcess

TITLES = 10_000
"""Catalogue."""
VIEWINGS = 100
"""History that each run adds."""
RUNS = 5
"""Runs of each figure; the best counts."""
CALLS = 200
"""Calls a run."""
K = 50
"""Neighbours of a search."""


def catalogue() -> list[Content]:
    """10,000 titles: MovieLens where OMEGA_DATA names it, made up to size from the sample."""
    named = os.environ.get("OMEGA_DATA")
    contents = load_movielens(Path(named))[0] if named else []
    sample = load_sample()
    rng = np.random.default_rng(0)
    while len(contents) < TITLES:
        one, two = (sample[i] for i in rng.integers(0, len(sample), 2))
        contents.append(
            Content(
                content_id=f"bench:{len(contents)}",
                title=f"{one.title} and {two.title}"[:300],
                kind=ContentKind.MOVIE,
                genres=tuple(dict.fromkeys((*one.genres, *two.genres)))[:4],
                year=one.year,
                description=two.description,
            )
        )
    return contents[:TITLES]


def measure(encoder: Encoder, advance: Callable[[int], None]) -> dict[str, Figure]:
    """Every figure; `advance` hears of each hundredth of the work."""
    contents = catalogue()
    with tempfile.TemporaryDirectory(prefix="omega-bench-") as root:
        environ = {
            "OMEGA_BRAIN_STORAGE_PATH": f"{root}/tv",
            "OMEGA_BRAIN_LISTEN": "127.0.0.1:0",
        }
        with ServiceProcess(["omega-brain"], environ) as process:
            with BrainClient(process.address, timeout=600) as client:
                for begin in range(0, TITLES, 250):
                    batch = [content_to_proto(c) for c in contents[begin : begin + 250]]
                    client.upsert_contents(pb.UpsertContentsRequest(contents=batch))
                    advance(2)
            process.terminate()
        starts = [_start(environ) for _ in range(RUNS)]
        with ServiceProcess(["omega-brain"], environ) as process:
            figures = _calls(process, contents, Path(root), advance)
        figures["start_s"] = Figure(best(starts), "s", "<= 1.5")
    vectors = encoder.encode([embedding_text(content) for content in contents[:2_000]])
    return {**figures, **_search(_spread(vectors))}


def _calls(
    process: ServiceProcess, contents: list[Content], root: Path, advance: Callable[[int], None]
) -> dict[str, Figure]:
    with BrainClient(process.address) as client, connect(process.address) as channel:
        observed, recommend, empty = [], [], []
        for run in range(RUNS):
            viewings = range(run * VIEWINGS, (run + 1) * VIEWINGS)
            observed.append([_observe(client, contents[i * 17], i) for i in viewings])
            recommend.append([_recommend(client) for _ in range(CALLS)])
            empty.append([_empty(channel) for _ in range(CALLS)])
            advance(2)
    memory = psutil.Process(process.pid).memory_info().rss / 1e6
    floor = {q: best([quantile_ms(run, q) for run in empty]) for q in (0.5, 0.99)}
    return {
        "recommend_p50_ms": Figure(
            best([quantile_ms(run, 0.5) for run in recommend]),
            "ms",
            "<= 4",
            {"empty RPC": floor[0.5]},
        ),
        "recommend_p99_ms": Figure(
            best([quantile_ms(run, 0.99) for run in recommend]),
            "ms",
            "<= 8",
            {"empty RPC": floor[0.99]},
        ),
        "observe_p99_ms": Figure(
            best([quantile_ms(run, 0.99) for run in observed]),
            "ms",
            "<= 8",
            {"empty RPC": floor[0.99], "SQLite commit, synchronous=FULL": _commit(root)},
        ),
        "rss_mb": Figure(memory, "MB", "<= 150"),
    }


def _timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _recommend(client: BrainClient) -> float:
    return _timed(lambda: client.get_recommendations(pb.GetRecommendationsRequest(limit=20)))


def _observe(client: BrainClient, content: Content, number: int) -> float:
    request = pb.ObserveEventRequest(
        event_id=f"bench-{number}", content_id=content.content_id, watch_percentage=0.9
    )
    return _timed(lambda: client.observe_event(request))


def _empty(channel: grpc.Channel) -> float:
    stub = health_pb2_grpc.HealthStub(channel)
    return _timed(lambda: stub.Check(health_pb2.HealthCheckRequest(), timeout=5))


def _commit(root: Path) -> float:
    """p99 of committing one row of 1 kB: what durability costs on this disk, in milliseconds."""
    with closing(sqlite3.connect(root / "floor.db", isolation_level=None)) as connection:
        connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (b BLOB);"
        )
        row = (os.urandom(1_000),)
        took = [
            _timed(lambda: connection.execute("INSERT INTO t VALUES (?)", row))
            for _ in range(CALLS)
        ]
    return quantile_ms(took, 0.99)


def _start(environ: dict[str, str]) -> float:
    """Seconds from the start of the process to SERVING."""
    begun = time.perf_counter()
    with ServiceProcess(["omega-brain"], environ) as process:
        took = time.perf_counter() - begun
        process.kill()
    return took


def _spread(vectors: np.ndarray) -> np.ndarray:
    """10,000 vectors around real ones: each real vector and seeded neighbours of it."""
    rng = np.random.default_rng(1)
    copies = -(-TITLES // len(vectors))
    noise = rng.normal(0, 0.6 / np.sqrt(DIMENSION), (copies, *vectors.shape))
    noise[0] = 0
    spread = (vectors + noise).reshape(-1, DIMENSION)[:TITLES].astype(np.float32)
    return np.asarray(spread / np.linalg.norm(spread, axis=1, keepdims=True), np.float32)


def _search(vectors: np.ndarray) -> dict[str, Figure]:
    ids = np.arange(len(vectors), dtype=np.int64)
    hnsw, exact = HnswIndex(build_threads=2), ExactIndex()
    hnsw.add(ids, vectors)
    exact.add(ids, vectors)
    queries = vectors[:: len(vectors) // CALLS][:CALLS]
    found = [set(hnsw.search(q, K).ids.tolist()) for q in queries]
    true = [set(exact.search(q, K).ids.tolist()) for q in queries]
    recall = float(np.mean([len(f & t) / K for f, t in zip(found, true, strict=True)]))

    def p50(index: HnswIndex | ExactIndex) -> float:
        runs = [[_timed(partial(index.search, q, K)) for q in queries] for _ in range(RUNS)]
        return best([quantile_ms(run, 0.5) for run in runs])

    return {
        "search_p50_ms": Figure(p50(hnsw), "ms", "<= 0.4", {"exact numpy": p50(exact)}),
        "search_recall_at_50": Figure(recall, "", ">= .97", {"exact numpy": 1.0}),
    }
