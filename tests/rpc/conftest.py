from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import grpc
import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from omega_rpc.channel import connect
from omega_rpc.config import ServerConfig
from omega_rpc.layers import Authenticator
from omega_rpc.server import Server
from omega_testing.probe import probe, running


@pytest.fixture
def resources() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def serve(resources: ExitStack) -> Callable[..., str]:
    """serve(behaviour, config=..., authenticator=..., readiness=...) -> address."""

    def start(
        behaviour: Callable[[bytes], bytes] = bytes,
        config: ServerConfig | None = None,
        authenticator: Authenticator | None = None,
        readiness: Callable[[], bool] | None = None,
    ) -> str:
        server = Server(
            config or ServerConfig("127.0.0.1:0", grace_seconds=0),
            [probe(behaviour)],
            authenticator=authenticator,
            readiness=readiness,
        )
        return resources.enter_context(running(server))

    return start


@pytest.fixture
def dial(resources: ExitStack) -> Callable[[str], grpc.Channel]:
    """dial(address) -> channel that does not retry."""

    def open_channel(address: str) -> grpc.Channel:
        return resources.enter_context(connect(address, retries=False))

    return open_channel


@pytest.fixture(scope="session")
def metric_reader() -> InMemoryMetricReader:
    # The API takes one provider a process.
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader]))
    return reader
