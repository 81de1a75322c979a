"""A fleet that does not answer is left alone for a while; nothing else suffers from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_brain.heartbeat import Heartbeat
from omega_core.clock import ManualClock
from omega_core.errors import ErrorCode, OmegaError
from omega_runtime import Mode, Part, State, Status
from omega_testing.gateway import Fault, Gateway, serving


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as held:
        yield held


def _status(brain: Brain) -> Status:
    return next(p.status for p in brain.runtime.health.parts if p.name == Part.SYNC)


def _fails(brain: Brain, times: int) -> None:
    for _ in range(times):
        with pytest.raises(OmegaError) as caught:
            brain.sync()
        assert caught.value.code is ErrorCode.SYNC_UNAVAILABLE


def test_five_failures_open_its_breaker_and_two_exchanges_close_it(
    config: BrainConfig, gateway: Gateway, stack: ExitStack
) -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    address = stack.enter_context(serving(gateway))
    config = replace(config, constellation_url=f"http://{address}")
    brain = stack.enter_context(Brain(config, clock=clock))
    gateway.faults.extend([Fault(grpc.StatusCode.INTERNAL)] * 5)
    _fails(brain, 5)
    assert brain.runtime.breaker(Part.SYNC) is State.OPEN
    asked = len(gateway.requests)
    _fails(brain, 2)
    assert len(gateway.requests) == asked, "nobody is asked while it is open"
    clock.advance(timedelta(seconds=61))
    for _ in range(5):
        assert _status(brain) is Status.UNHEALTHY
        brain.sync()
    assert (_status(brain), brain.runtime.breaker(Part.SYNC)) == (Status.HEALTHY, State.CLOSED)


def test_a_tv_without_a_fleet_is_well(config: BrainConfig, stack: ExitStack) -> None:
    brain = stack.enter_context(Brain(config))
    for _ in range(8):
        with pytest.raises(OmegaError) as caught:
            brain.sync()
        assert caught.value.code is ErrorCode.SYNC_NOT_CONFIGURED
    assert (_status(brain), brain.runtime.breaker(Part.SYNC)) == (Status.HEALTHY, State.CLOSED)


def test_an_address_where_nobody_is_opens_it(config: BrainConfig, stack: ExitStack) -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    config = replace(config, constellation_url="http://127.0.0.1:1")
    brain = stack.enter_context(Brain(config, clock=clock))
    _fails(brain, 5)
    assert (_status(brain), brain.runtime.breaker(Part.SYNC)) == (Status.UNHEALTHY, State.OPEN)
    assert "nothing was lost" in brain.stores.meta.last_sync().error
    _fails(brain, 1)
    assert brain.runtime.mode is Mode.HEALTHY, "answers need no fleet"
    assert brain.recommend(RecommendQuery()).mode is Mode.HEALTHY
    heartbeat = Heartbeat(brain)
    clock.advance(timedelta(seconds=61))
    heartbeat.beat()
    heartbeat.close()
    assert _status(brain) is Status.UNHEALTHY, "only an exchange heals it"
    assert brain.runtime.breaker(Part.SYNC) is State.HALF_OPEN
