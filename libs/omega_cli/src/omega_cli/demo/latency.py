"""Latency of one brain, as its client sees it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from grpc_health.v1 import health_pb2, health_pb2_grpc

from omega.brain.v1 import brain_service_pb2 as pb
from omega_cli.demo.report import LatencyFigures
from omega_client import BrainClient
from omega_rpc.channel import connect


def measure(
    client: BrainClient,
    address: str,
    observed_ms: Sequence[float],
    calls: int,
    advance: Callable[[int], None],
) -> LatencyFigures:
    """Times GetRecommendations beside an empty RPC to the same process, call by call.

    Args:
        client: of the brain.
        address: of the same brain.
        observed_ms: what ObserveEvent took while history was replayed.
        calls: how many of each to time, after 20 that warm up.
        advance: hears of each timed call.
    """
    channel = connect(address)
    health = health_pb2_grpc.HealthStub(channel)
    try:
        recommend, empty = [], []
        for i in range(-20, calls):
            recommended = _timed(
                lambda: client.get_recommendations(pb.GetRecommendationsRequest(limit=20))
            )
            checked = _timed(lambda: health.Check(health_pb2.HealthCheckRequest(), timeout=2))
            if i >= 0:
                recommend.append(recommended)
                empty.append(checked)
                advance(1)
    finally:
        channel.close()
    return LatencyFigures(
        recommend_p50_ms=float(np.quantile(recommend, 0.5)),
        recommend_p99_ms=float(np.quantile(recommend, 0.99)),
        observe_p50_ms=float(np.quantile(observed_ms, 0.5)),
        observe_p99_ms=float(np.quantile(observed_ms, 0.99)),
        empty_p50_ms=float(np.quantile(empty, 0.5)),
        calls=calls,
    )


def _timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1e3
