"""kill -9 in the middle of an exchange: nothing twice, nothing half, nothing lost."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_brain.state import CATALOGUE, Versions
from omega_client import BrainClient, ServiceError
from omega_core.content import Content
from omega_delta import encode_catalogue
from omega_embed import open_encoder
from omega_rank import Basis
from omega_testing.gateway import Gateway, serving
from omega_testing.news import catalogue_of
from omega_testing.processes import ServiceProcess

Publish = Callable[..., None]


class Halt:
    """Stops the server at a point and lets the test know."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._go_on = threading.Event()

    def __call__(self) -> None:
        self._reached.set()
        self._go_on.wait(30)

    def wait(self) -> None:
        assert self._reached.wait(30)

    def release(self) -> None:
        self._go_on.set()


@pytest.fixture
def halt() -> Iterator[Halt]:
    made = Halt()
    yield made
    made.release()


@pytest.fixture
def environ(tmp_path: Path, gateway: Gateway) -> Iterator[dict[str, str]]:
    with serving(gateway) as address:
        yield {
            "OMEGA_BRAIN_STORAGE_PATH": str(tmp_path / "tv"),
            "OMEGA_BRAIN_ENCODER": "lexical",
            "OMEGA_BRAIN_LISTEN": "127.0.0.1:0",
            "OMEGA_BRAIN_CONSTELLATION_URL": f"http://{address}",
            "OMEGA_BRAIN_SYNC_INTERVAL_SECS": "0",
            "OMEGA_BRAIN_MIN_SAMPLES": "1",
            "OMEGA_BRAIN_CATALOGUE_HOURS": "0",
        }


@contextmanager
def _killed_while_syncing(environ: dict[str, str]) -> Iterator[BrainClient]:
    """A brain that syncs meanwhile and is killed at the end of the block."""
    with (
        ServiceProcess(["omega-brain"], environ) as process,
        BrainClient(process.address) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        exchange = pool.submit(client.sync_now)
        yield client
        process.kill()
        assert isinstance(exchange.exception(30), ServiceError | None)


def _received(storage: Path) -> int:
    """Bytes of a body that the brain has made durable so far."""
    database = f"file:{storage / 'brain.db'}?mode=ro"
    with closing(sqlite3.connect(database, uri=True)) as connection:
        row = connection.execute("SELECT received FROM resource_transfers").fetchone()
    return int(row[0]) if row else 0


def _await_received(storage: Path, size: int) -> None:
    deadline = time.monotonic() + 30
    while _received(storage) != size:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _whole_body_sent(gateway: Gateway) -> threading.Event:
    """Is set when the catalogue's last byte leaves."""
    size = gateway.announced(CATALOGUE).size_bytes
    sent = threading.Event()
    gateway.on_sent = lambda at: sent.set() if at == size else None
    return sent


def test_a_push_that_was_stored_and_not_answered_comes_again_as_it_was(
    environ: dict[str, str],
    gateway: Gateway,
    halt: Halt,
    titles: list[Content],
    publish_catalogue: Publish,
) -> None:
    publish_catalogue(titles)
    with ServiceProcess(["omega-brain"], environ) as process:
        with BrainClient(process.address) as client:
            client.sync_now()
            for number, title in enumerate(titles[:5]):
                client.observe_event(
                    pb.ObserveEventRequest(
                        event_id=f"e-{number}", content_id=title.content_id, watch_percentage=0.9
                    )
                )
        process.kill()
    gateway.on_stored = halt
    with _killed_while_syncing(environ):
        halt.wait()
    halt.release()
    with (
        ServiceProcess(["omega-brain"], environ) as process,
        BrainClient(process.address) as client,
    ):
        assert client.sync_now().pushed_sketches == 5
        assert client.sync_now().pushed_sketches == 0
        stats = client.get_stats()
        assert (stats.sketches_acknowledged, stats.sketches_pending) == (5, 0)
    first, second = [request for request in gateway.requests if request.sketches]
    assert first.SerializeToString() == second.SerializeToString()
    assert len(gateway.sketches) == len(set(gateway.sketches)) == 5
    assert len(gateway.registrations) == 1


@pytest.mark.parametrize("pieces", [5, None], ids=["in the middle", "at the end"])
def test_a_transfer_goes_on_after_a_crash(
    pieces: int | None,
    tmp_path: Path,
    environ: dict[str, str],
    gateway: Gateway,
    halt: Halt,
    titles: list[Content],
) -> None:
    body = encode_catalogue(catalogue_of(titles, open_encoder(kind="lexical")))
    gateway.publish(CATALOGUE, 1, body, "lexical-384-r1")
    stop = pieces * gateway.piece if pieces else len(body)
    gateway.on_sent = lambda sent: halt() if sent == stop else None
    with _killed_while_syncing(environ) as client:
        halt.wait()
        _await_received(tmp_path / "tv", stop)
        assert client.get_stats().contents == 0
    halt.release()
    with (
        ServiceProcess(["omega-brain"], environ) as process,
        BrainClient(process.address) as client,
    ):
        assert client.sync_now().resource_bytes == len(body) - stop
        assert client.get_stats().contents == len(titles)
        assert client.get_stats().resource_bytes_total <= len(body)
    assert gateway.offsets == ([0, stop] if pieces else [0])
    assert gateway.sent == len(body)


def test_a_catalogue_is_taken_up_as_a_whole_or_not_at_all(
    tmp_path: Path, environ: dict[str, str], gateway: Gateway, titles: list[Content]
) -> None:
    encoder = open_encoder(kind="lexical")
    storage = tmp_path / "tv"
    chance = random.Random(7)  # noqa: S311 - where it dies, no secret
    gateway.piece = 65_536
    for version in range(1, 4):
        told = [replace(title, year=2_000 + version) for title in titles[version:]]
        pack = catalogue_of(told, encoder, version, ordinals=range(version, len(titles)))
        gateway.publish(CATALOGUE, version, encode_catalogue(pack), encoder.model_version)
        sent = _whole_body_sent(gateway)
        with _killed_while_syncing(environ):
            assert sent.wait(30)
            time.sleep(chance.uniform(0, 0.1))
        # What is asked here is what it holds, not how fast a busy machine ranks it.
        config = BrainConfig(storage_path=storage, encoder="lexical", recommend_timeout_ms=10_000)
        brain = Brain(config)
        held = Versions.held(brain.stores).catalogue
        rows = list(brain.stores.contents.all_rows())
        assert held in {version, version - 1}
        assert {row.content.year for row in rows if row.ordinal is not None} <= {2_000 + held}
        ordinals = {row.ordinal for row in rows} - {None}
        assert ordinals == (set(range(held, len(titles))) if held else set())
        answer = brain.recommend(RecommendQuery())
        assert len(answer.titles) == 20
        assert (answer.basis is Basis.POPULAR) == (not held), "the firmware's list, until then"
        brain.close()
        gateway.on_sent = lambda _: None
        with (
            ServiceProcess(["omega-brain"], environ) as process,
            BrainClient(process.address) as client,
        ):
            client.sync_now()
            assert client.get_stats().catalogue_version == version
