"""What the store tells of its database: an operation by our name for it, never with values."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.trace import SpanKind
from psycopg_pool import ConnectionPool

from omega_core import spans

if TYPE_CHECKING:
    from omega_store.traffic import Tally

UNNAMED = "unnamed"
"""What an operation goes by that was given no name, as in a test."""
_pools: WeakSet[ConnectionPool[Any]] = WeakSet()


def watch(pool: ConnectionPool[Any]) -> None:
    """Counts a pool's connections from here on."""
    _pools.add(pool)


def _counted(count: Callable[[dict[str, int]], list[tuple[int, str]]]) -> Any:
    """A callback that sums over the pools; `count` gives numbers and states of one."""

    def observe(_options: CallbackOptions) -> Iterable[Observation]:
        sums: dict[str, int] = {}
        for pool in tuple(_pools):
            if pool.closed:
                continue
            for number, state in count(pool.get_stats()):
                sums[state] = sums.get(state, 0) + number
        for state, number in sums.items():
            yield Observation(number, {"db.client.connection.state": state} if state else {})

    return observe


def _states(stats: dict[str, int]) -> list[tuple[int, str]]:
    idle = stats["pool_available"]
    return [(idle, "idle"), (stats["pool_size"] - idle, "used")]


# Made once: without a provider, the API keeps every meter that was ever asked for.
_meter = metrics.get_meter("omega_store")
_operations = _meter.create_histogram(
    "db.client.operation.duration",
    unit="s",
    description="Time of an operation, from the wait for a connection to its commit",
    explicit_bucket_boundaries_advisory=spans.OPERATIONS,
)
_connections = _meter.create_observable_up_down_counter(
    "db.client.connection.count",
    [_counted(_states)],
    unit="{connection}",
    description="Connections of the pools, by their state",
)
_most = _meter.create_observable_up_down_counter(
    "db.client.connection.max",
    [_counted(lambda stats: [(stats["pool_max"], "")])],
    unit="{connection}",
    description="Most connections that the pools may have",
)
_commits = _meter.create_histogram(
    "omega.constellation.commit.duration",
    unit="s",
    description="Time in which a batch of pushes became durable",
    explicit_bucket_boundaries_advisory=spans.OPERATIONS,
)
backlog = _meter.create_gauge(
    "omega.constellation.backlog", unit="{push}", description="Pushes that wait to be written"
)
_pushes = _meter.create_counter(
    "omega.constellation.pushes", unit="{push}", description="Pushes, by what became of them"
)
_sketches = _meter.create_counter(
    "omega.constellation.sketches", unit="{sketch}", description="Sketches that were stored"
)


def committed(seconds: float, tally: Tally) -> None:
    """A batch of pushes became durable."""
    _commits.record(seconds)
    _sketches.add(tally.sketches)
    stored = tally.exchanges - tally.duplicates - tally.refused
    _pushes.add(stored, {"omega.outcome": "stored"})
    _pushes.add(tally.duplicates, {"omega.outcome": "repeated"})


@contextmanager
def operation(name: str) -> Iterator[None]:
    """Times a block by its name, in a span of its own where it is part of something that has one.

    What runs of itself, such as a look each second, has none: a trace of it would say nothing.
    """
    told = {"db.system.name": "postgresql", "omega.statement": name}
    begun = time.perf_counter()
    try:
        with _spanned(name, told):
            yield
    finally:
        _operations.record(time.perf_counter() - begun, told)


def _spanned(name: str, told: dict[str, str]) -> AbstractContextManager[object]:
    if not trace.get_current_span().get_span_context().is_valid:
        return nullcontext()
    return spans.span(name, SpanKind.CLIENT, told)
