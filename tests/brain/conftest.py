"""A small household: a catalogue of real titles and brains over it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from omega.brain.v1 import brain_service_pb2_grpc
from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_brain.servicer import BrainServicer
from omega_brain.state import CATALOGUE, FACTORS
from omega_brain.syncer import Syncer, SyncOutcome
from omega_client import BrainClient
from omega_core.catalogue_file import read_catalogue
from omega_core.content import Content
from omega_core.viewing import ViewingEvent
from omega_delta import encode_catalogue, encode_factors
from omega_embed import Encoder, open_encoder
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, Server
from omega_testing.gateway import Gateway, serving
from omega_testing.news import catalogue_of, factors_of

SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "titles.jsonl"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def titles() -> list[Content]:
    return read_catalogue(SAMPLE)[:120]


@pytest.fixture
def config(tmp_path: Path) -> BrainConfig:
    return BrainConfig(
        storage_path=tmp_path / "tv",
        encoder="lexical",
        constellation_url="",
        recommend_timeout_ms=10_000,
        share_delay_hours=0,
        catalogue_hours=0,
    )


@pytest.fixture(scope="session")
def stocked_storage(tmp_path_factory: pytest.TempPathFactory, titles: list[Content]) -> Path:
    """Storage of a brain that holds the titles and was closed; to be copied."""
    storage = tmp_path_factory.mktemp("stocked") / "tv"
    made = Brain(BrainConfig(storage_path=storage, encoder="lexical"))
    made.upsert(titles)
    made.close()
    return storage


@pytest.fixture
def brain(config: BrainConfig, stocked_storage: Path) -> Iterator[Brain]:
    shutil.copytree(stocked_storage, config.storage_path)
    opened = Brain(config)
    yield opened
    opened.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Brain], BrainClient]]:
    """Puts a brain behind a real socket."""
    with ExitStack() as stack:

        def start(brain: Brain) -> BrainClient:
            server = Server(
                ServerConfig("127.0.0.1:0"),
                [
                    Binding(
                        "omega.brain.v1.BrainService",
                        brain_service_pb2_grpc.add_BrainServiceServicer_to_server,
                        BrainServicer(brain),
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


@dataclass
class Tv:
    """A brain and what talks to the fleet for it."""

    brain: Brain
    syncer: Syncer
    closed: bool = field(default=False)

    def sync(self) -> SyncOutcome:
        return self.syncer.sync()

    def watch(self, events: list[ViewingEvent]) -> None:
        for event in events:
            self.brain.observe(event)

    def listed(self, limit: int = 20) -> dict[str, float]:
        """Scores of its list by id. After a restart they agree up to the noise of float32."""
        answer = self.brain.recommend(RecommendQuery(limit=limit))
        scores = [title.score for title in answer.titles]
        return dict(zip(answer.content_ids, scores, strict=True))

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.brain.close()


@pytest.fixture
def gateway() -> Gateway:
    """The fleet: empty, and well behaved until it is told otherwise."""
    return Gateway()


@pytest.fixture
def open_tv(config: BrainConfig, gateway: Gateway) -> Iterator[Callable[..., Tv]]:
    """open_tv(encoder=..., **settings): a TV that talks to the gateway; closed at the end."""
    with ExitStack() as stack:
        address = stack.enter_context(serving(gateway))

        def start(encoder: Encoder | None = None, **settings: Any) -> Tv:
            settings = {
                "constellation_url": f"http://{address}",
                "min_samples": 1,
                "factors_hours": 0,
                **settings,
            }
            brain = Brain(replace(config, **settings), encoder=encoder)
            opened = Tv(brain, brain.syncer)
            stack.callback(opened.close)
            return opened

        yield start


@pytest.fixture
def tv(open_tv: Callable[..., Tv]) -> Tv:
    return open_tv()


@pytest.fixture(scope="session")
def encoded_catalogues() -> dict[tuple[object, ...], bytes]:
    """Bodies that were published already, by what they hold."""
    return {}


@pytest.fixture
def publish_catalogue(
    gateway: Gateway, encoded_catalogues: dict[tuple[object, ...], bytes]
) -> Callable[..., None]:
    """publish_catalogue(titles, version=1, encoder=..., ordinals=...)."""

    def publish(
        contents: list[Content],
        version: int = 1,
        *,
        encoder: Encoder | None = None,
        ordinals: list[int] | None = None,
    ) -> None:
        encoder = encoder or open_encoder(kind="lexical")
        wanted = (encoder.model_version, version, tuple(contents), tuple(ordinals or ()))
        if wanted not in encoded_catalogues:
            pack = catalogue_of(contents, encoder, version, ordinals=ordinals)
            encoded_catalogues[wanted] = encode_catalogue(pack)
        gateway.publish(CATALOGUE, version, encoded_catalogues[wanted], encoder.model_version)

    return publish


@pytest.fixture
def publish_factors(gateway: Gateway) -> Callable[..., None]:
    """publish_factors(ordinals, version=1, seed=0)."""

    def publish(ordinals: list[int], version: int = 1, seed: int = 0) -> None:
        pack = factors_of(ordinals, version, model_version="lexical-384-r1", seed=seed)
        gateway.publish(FACTORS, version, encode_factors(pack), pack.model_version)

    return publish
