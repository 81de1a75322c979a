"""A small household: a catalogue of real titles and brains over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omega.brain.v1 import brain_service_pb2_grpc
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_brain.servicer import BrainServicer
from omega_brain.syncer import Syncer
from omega_client import BrainClient
from omega_core.catalogue_file import read_catalogue
from omega_core.content import Content, ViewingEvent
from omega_embed import open_encoder
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, Server

SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "titles.jsonl"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def titles() -> list[Content]:
    return read_catalogue(SAMPLE)[:120]


@pytest.fixture
def config(tmp_path: Path) -> BrainConfig:
    return BrainConfig(storage_path=tmp_path / "tv", encoder="lexical")


@pytest.fixture
def brain(config: BrainConfig, titles: list[Content]) -> Iterator[Brain]:
    opened = Brain(config, encoder=open_encoder(kind="lexical"))
    opened.upsert(titles)
    yield opened
    opened.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Brain], BrainClient]]:
    """Puts a brain behind a real socket."""
    with ExitStack() as stack:

        def start(brain: Brain) -> BrainClient:
            syncer = Syncer(brain)
            stack.callback(syncer.close)
            server = Server(
                ServerConfig("127.0.0.1:0"),
                [
                    Binding(
                        "omega.brain.v1.BrainService",
                        brain_service_pb2_grpc.add_BrainServiceServicer_to_server,
                        BrainServicer(brain, syncer),
                    )
                ],
                local_only=True,
            )
            address = server.start()
            stack.callback(server.stop)
            return stack.enter_context(BrainClient(address))

        yield start


@pytest.fixture
def client(brain: Brain, serve: Callable[[Brain], BrainClient]) -> BrainClient:
    return serve(brain)


@pytest.fixture
def viewing() -> Callable[..., ViewingEvent]:
    """Makes events, a minute apart."""
    made = 0

    def make(content_id: str, watched: float = 0.95) -> ViewingEvent:
        nonlocal made
        made += 1
        return ViewingEvent(
            event_id=f"event-{made}",
            content_id=content_id,
            watch_percentage=watched,
            engagement_score=watched,
            occurred_at=NOW.replace(minute=made % 60, hour=made // 60),
        )

    return make
