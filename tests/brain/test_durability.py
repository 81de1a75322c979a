"""Crash, restart, corruption, truncation, change of encoder: nothing acknowledged is lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega.common.v1 import content_pb2
from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_client import BrainClient, ServiceError
from omega_core.content import Content
from omega_core.viewing import ViewingEvent
from omega_delta import content_to_proto
from omega_testing.encoders import TurnedEncoder
from omega_testing.processes import ServiceProcess


def _environ(storage: Path, **more: str) -> dict[str, str]:
    return {
        "OMEGA_BRAIN_STORAGE_PATH": str(storage),
        "OMEGA_BRAIN_ENCODER": "lexical",
        "OMEGA_BRAIN_LISTEN": "127.0.0.1:0",
        **more,
    }


def _fill(client: BrainClient, titles: Sequence[Content]) -> None:
    contents = [content_to_proto(title) for title in titles]
    client.upsert_contents(pb.UpsertContentsRequest(contents=contents))


def _watch(client: BrainClient, number: int, title: Content) -> str:
    event_id = f"event-{number}"
    client.observe_event(
        pb.ObserveEventRequest(event_id=event_id, content_id=title.content_id, watch_percentage=0.9)
    )
    return event_id


def _list(client: BrainClient) -> list[tuple[str, str]]:
    answer = client.get_recommendations(pb.GetRecommendationsRequest(limit=20))
    return [(r.content_id, r.reason) for r in answer.recommendations]


def test_kill_9_right_after_the_answer_loses_no_event(
    tmp_path: Path, titles: list[Content]
) -> None:
    environ = _environ(tmp_path / "tv")
    acknowledged: list[str] = []
    for _ in range(3):
        with ServiceProcess(["omega-brain"], environ) as process:
            with BrainClient(process.address) as client:
                _fill(client, titles)
                for _ in range(7):
                    number = len(acknowledged)
                    acknowledged.append(_watch(client, number, titles[number]))
                expected = _list(client)
            process.kill()
    with (
        ServiceProcess(["omega-brain"], environ) as process,
        BrainClient(process.address) as client,
    ):
        assert client.get_stats().events == len(acknowledged)
        assert _list(client) == expected
        for number, title in enumerate(titles[: len(acknowledged)]):
            answer = client.observe_event(
                pb.ObserveEventRequest(
                    event_id=f"event-{number}", content_id=title.content_id, watch_percentage=0.9
                )
            )
            assert answer.duplicate


def test_a_corrupted_index_is_rebuilt_from_the_database(
    config: BrainConfig, titles: list[Content]
) -> None:
    brain = Brain(config)
    brain.upsert(titles)
    query = RecommendQuery(query_text=titles[9].title, limit=50)
    expected = brain.recommend(query).content_ids
    brain.close()
    files = [path for path in (config.storage_path / "index").iterdir() if path.stat().st_size]
    assert files
    for path in files:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0xFF
        path.write_bytes(data)
    brain = Brain(config)
    assert brain.recommend(query).content_ids == expected
    brain.close()


def test_a_truncated_database_comes_back_from_the_last_backup_and_says_what_is_missing(
    config: BrainConfig, titles: list[Content], viewing: Callable[..., ViewingEvent]
) -> None:
    brain = Brain(config)
    brain.upsert(titles)
    for title in titles[:5]:
        brain.observe(viewing(title.content_id))
    brain.close()
    database = config.storage_path / "brain.db"
    with database.open("r+b") as file:
        file.truncate(database.stat().st_size // 2)
    brain = Brain(config)
    assert brain.stores.events.count() == 5
    assert brain.stores.contents.count() == len(titles)
    notes = " ".join(brain.stores.database.recovery_notes)
    assert "backup" in notes
    assert len(brain.recommend(RecommendQuery()).titles) == 20
    brain.close()


def test_a_change_of_encoder_embeds_the_catalogue_again(
    config: BrainConfig, titles: list[Content], viewing: Callable[..., ViewingEvent]
) -> None:
    brain = Brain(config)
    brain.upsert(titles)
    for title in titles[:5]:
        brain.observe(viewing(title.content_id))
    query = RecommendQuery(query_text=titles[9].title, limit=50)
    expected = set(brain.recommend(query).content_ids)
    brain.close()

    brain = Brain(config, encoder=TurnedEncoder())
    assert not brain.stores.contents.stale("turned-384-r1", 10)
    assert len(brain.stores.contents.stale("lexical-384-r1", 1_000)) == len(titles)
    # The turned space has the same neighbours: had one old vector stayed, they would differ.
    assert set(brain.recommend(query).content_ids) == expected
    assert brain.stores.events.count() == 5
    brain.close()


def test_the_brain_serves_a_unix_socket(tmp_path: Path, titles: list[Content]) -> None:
    address = f"unix:{tmp_path}/run/brain.sock"
    environ = _environ(tmp_path / "tv", OMEGA_BRAIN_LISTEN=address)
    with (
        ServiceProcess(["omega-brain"], environ) as process,
        BrainClient(process.address) as client,
    ):
        _fill(client, titles)
        assert len(_list(client)) == 20
        assert (tmp_path / "run" / "brain.sock").stat().st_mode & 0o777 == 0o660
        assert (tmp_path / "run").stat().st_mode & 0o777 == 0o750


def test_the_brain_refuses_an_address_that_others_reach(tmp_path: Path) -> None:
    environ = _environ(tmp_path / "tv", OMEGA_BRAIN_LISTEN="0.0.0.0:0")
    with pytest.raises(RuntimeError, match="listen must be a loopback address or unix socket"):
        ServiceProcess(["omega-brain"], environ)


def test_without_its_server_the_brain_works_on(tmp_path: Path, titles: list[Content]) -> None:
    environ = _environ(
        tmp_path / "tv",
        OMEGA_BRAIN_CONSTELLATION_URL="http://127.0.0.1:1",
        OMEGA_BRAIN_SYNC_INTERVAL_SECS="0",
    )
    with (
        ServiceProcess(["omega-brain"], environ) as process,
        BrainClient(process.address) as client,
    ):
        _fill(client, titles)
        _watch(client, 0, titles[0])
        with pytest.raises(ServiceError) as caught:
            client.sync_now()
        assert caught.value.status == "UNAVAILABLE"
        assert "nothing was lost" in client.get_stats().last_sync_error
        assert len(_list(client)) == 20


def test_titles_survive_a_restart_with_every_field(tmp_path: Path) -> None:
    title = content_pb2.Content(
        content_id="local:1",
        title="Ünïcode – a title",
        kind=content_pb2.CONTENT_KIND_SERIES,
        genres=["Drama", "Crime"],
        year=1999,
        country="France",
        description="Two lines of text.",
        providers=[
            content_pb2.Provider(
                provider_id="p", name="P", availability=content_pb2.AVAILABILITY_FREE
            )
        ],
    )
    environ = _environ(tmp_path / "tv")
    for _ in range(2):
        with (
            ServiceProcess(["omega-brain"], environ) as process,
            BrainClient(process.address) as client,
        ):
            if not client.get_stats().contents:
                client.upsert_contents(pb.UpsertContentsRequest(contents=[title]))
            got = client.get_recommendations(pb.GetRecommendationsRequest()).recommendations[0]
            assert (got.title, got.kind, list(got.genres), got.year, list(got.providers)) == (
                title.title,
                title.kind,
                list(title.genres),
                title.year,
                list(title.providers),
            )
            assert process.terminate() == 0
