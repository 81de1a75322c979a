"""Gauges whose figures are looked for when somebody collects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint

from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.gauges import Figures, Looker

Collect = Callable[[], list[float]]


def _times(sign: float, seen: float) -> list[tuple[float, dict[str, str]]]:
    return [(sign * seen, {})]


class Shelf:
    """What is looked at."""

    def __init__(self) -> None:
        self.holds, self.looks, self.away = 1.0, 0, False

    def look(self) -> float:
        self.looks += 1
        if self.away:
            raise OmegaError(ErrorCode.STORAGE_UNAVAILABLE)
        return self.holds


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def figures(shelf: Shelf) -> Iterator[tuple[Figures[float], Looker[float], Collect]]:
    """Figures with two gauges, what looks at the shelf, and what collects both."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    made: Figures[float] = Figures("the shelf")
    meter = provider.get_meter("tests")
    for name, sign in (("held", 1), ("owed", -1)):
        meter.create_observable_gauge(name, [made.observing(partial(_times, sign))])

    yield made, made.looker(shelf.look), lambda: sorted(values(reader))
    provider.shutdown()


def values(reader: InMemoryMetricReader) -> Iterator[float]:
    """What all gauges say."""
    data = reader.get_metrics_data()
    for resource in data.resource_metrics if data else ():
        for metric in resource.scope_metrics[0].metrics:
            for point in metric.data.data_points:
                assert isinstance(point, NumberDataPoint)
                yield point.value


Made = tuple[Figures[float], Looker[float], Collect]


def test_nobody_looks_before_the_start_and_after_the_stop(shelf: Shelf, figures: Made) -> None:
    _, looker, collect = figures
    assert (collect(), shelf.looks) == ([], 0)
    looker.start()
    assert collect() == [-1, 1]
    looker.stop()
    looker.stop()
    assert (collect(), shelf.looks) == ([], 1)


def test_one_look_serves_all_gauges_of_several_collections(shelf: Shelf, figures: Made) -> None:
    _, looker, collect = figures
    looker.start()
    assert collect() == [-1, 1]
    shelf.holds = 2
    assert (collect(), shelf.looks) == ([-1, 1], 1)


def test_what_cannot_be_known_is_not_told(
    shelf: Shelf, figures: Made, caplog: pytest.LogCaptureFixture
) -> None:
    _, looker, collect = figures
    looker.start()
    shelf.away = True
    assert (collect(), shelf.looks) == ([], 1)
    assert "the shelf are not known" in caplog.text


def test_what_a_process_knows_by_itself_replaces_a_look(shelf: Shelf, figures: Made) -> None:
    made, looker, collect = figures
    looker.start()
    collect()
    made.tell(5)
    assert (collect(), shelf.looks) == ([-5, 5], 1)


def test_a_process_in_which_nothing_looks_tells_what_it_knows(shelf: Shelf, figures: Made) -> None:
    made, looker, collect = figures
    made.tell(5)
    assert collect() == [-5, 5]
    looker.start()
    assert (collect(), shelf.looks) == ([-1, 1], 1)
