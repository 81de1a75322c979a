"""The typed API before real brains."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega_client import BrainClient
from omega_core.content import Content
from omega_testing import c_types as t
from omega_testing.c_build import Built
from omega_testing.c_library import CallError, Client, strings
from omega_testing.processes import ServiceProcess

pytestmark = pytest.mark.timeout(300)  # the first test waits for a build
FALLBACK = [("film-1", "Harbour", "Popular"), ("film-2", "Night Train", "Popular")]
UNAVAILABLE, DEADLINE_EXCEEDED, NOT_FOUND = 14, 4, 5


@pytest.fixture
def client(built: Built, target: str, stocked: ServiceProcess) -> Any:
    assert stocked.running()
    with Client(built.library, target) as opened:
        yield opened


def test_a_list_is_what_the_python_client_gets(client: Client, target: str) -> None:
    shown = client.recommend(limit=10)
    with BrainClient(target) as other:
        answer = other.get_recommendations(pb.GetRecommendationsRequest(limit=10))
    wanted = [(each.content_id, each.title, each.reason) for each in answer.recommendations]
    assert shown.titles == wanted
    assert len(shown.raw.recommendation_id) == 36
    assert (shown.raw.mode, shown.raw.fallback, shown.grpc) == (1, False, 0)


def test_pages_cursors_and_exclusions(client: Client) -> None:
    first = client.recommend(limit=6)
    assert client.recommend(limit=3, offset=3).titles == first.titles[3:]
    follows = client.recommend(limit=6, cursor=first.raw.next_cursor).titles
    assert not {row[0] for row in follows} & {row[0] for row in first.titles}
    without = strings(first.titles[0][0], "unknown")
    rest = client.recommend(exclude_content_ids=without, exclude_content_ids_count=2)
    assert first.titles[0][0] not in {row[0] for row in rest.titles}


def test_small_buffers_tell_what_is_needed(client: Client) -> None:
    whole = client.recommend(limit=4)
    needed = (4, whole.raw.text_count)
    assert whole.raw.text_count == sum(
        len(text.encode()) + 1 for row in whole.titles for text in row
    )
    for room in ((0, 0), (3, needed[1]), (4, needed[1] - 1)):
        with pytest.raises(CallError) as failure:
            client.recommend(limit=4, titles=room[0], text=room[1])
        assert (failure.value.code, failure.value.needed) == (-7, needed)
    assert client.recommend(limit=4, titles=4, text=needed[1]).titles == whole.titles


def test_a_viewing_is_stored_once_and_known_to_its_list(client: Client) -> None:
    shown = client.recommend(limit=5)
    viewing = {
        "event_id": b"box-1",
        "content_id": shown.titles[2][0].encode(),
        "watch_percentage": 0.9,
        "has_engagement": True,
        "engagement_score": 0.5,
        "occurred_at_ms": 1_764_520_000_123,
        "recommendation_id": shown.raw.recommendation_id,
        "context": t.Context(time_of_day=3),
    }
    observed = client.observe(**viewing)
    assert observed.reward == pytest.approx(0.7 * 0.9 + 0.3 * 0.5)
    assert (observed.event_id, observed.duplicate, observed.recommended_place) == (
        b"box-1",
        False,
        3,
    )
    assert client.observe(**viewing).duplicate
    drawn = client.observe(content_id=viewing["content_id"], watch_percentage=0.1)
    assert len(drawn.event_id) == 36
    assert client.stats().events == 2


def test_titles_of_the_firmware(client: Client) -> None:
    genres = strings("Drama", "Noir")
    offered = (t.Provider * 1)(t.Provider(b"kanal", b"Kanal", 1))
    batch = [
        t.Content(
            content_id=f"own-{n}".encode(),
            title=f"Ötzi {n}".encode(),
            kind=1,
            genres=genres,
            genres_count=2,
            year=1999,
            description=b"long " * 300,
            providers=offered,
            providers_count=1,
            is_rated=True,
            minimum_age=12,
        )
        for n in range(200)
    ]
    first = client.upsert(batch)
    assert (first.added, first.updated, first.unchanged) == (200, 0, 0)
    again = client.upsert(batch)
    assert (again.added, again.updated, again.unchanged) == (0, 0, 200)
    services = strings("kanal")
    found = client.recommend(limit=100, available_services=services, available_services_count=1)
    assert len(found.titles) == 100
    assert all(content_id.startswith("own-") for content_id, _, _ in found.titles)
    with pytest.raises(CallError) as failure:
        client.upsert([t.Content(content_id=b"own-1", title=b"", kind=1)])
    assert failure.value.code == -5
    assert "contents[0].title" in failure.value.text


def test_arguments_are_checked(client: Client, built: Built) -> None:
    with pytest.raises(CallError) as failure:
        client.recommend(profile_id=b"nobody")
    assert (failure.value.code, failure.value.grpc) == (-5, NOT_FOUND)
    assert failure.value.text == "profile_id must name a stored profile"
    with pytest.raises(CallError) as failure:
        client.recommend(query_text=b"\xff")
    assert failure.value.code == -5
    with pytest.raises(CallError) as failure:
        client.stats(timeout_ms=600_001)
    assert failure.value.code == -5
    for target in ("", "unix:relative", "localhost:1", "10.0.0.1:1", "127.0.0.1:0", "127.0.0.1:x"):
        with pytest.raises(CallError) as failure:
            Client(built.library, target)
        assert failure.value.code == -5
    with pytest.raises(CallError):
        Client(built.library, "127.0.0.1:1", max_calls=257)
    assert client.c.omega_client_stats(None, 0, None, None) == -5


def test_figures_and_erasing(client: Client, titles: list[Content]) -> None:
    client.observe(content_id=titles[0].content_id.encode(), watch_percentage=1.0)
    stats = client.stats()
    assert (stats.contents, stats.events, stats.mode) == (len(titles), 1, 1)
    assert (stats.constellation_url, stats.last_sync_at_ms) == (b"", 0)
    assert stats.storage_bytes > 0
    assert client.clear().erased_rows > 0
    assert client.stats().events == 0
    with pytest.raises(CallError) as failure:
        client.clear("no UUID")
    assert failure.value.code == -5
    with pytest.raises(CallError) as failure:
        client.sync()
    assert failure.value.code == -4


def test_over_tcp(start: Any, built: Built) -> None:
    brain = start(OMEGA_BRAIN_LISTEN="127.0.0.1:0")
    with Client(built.library, brain.address) as client:
        assert client.stats().contents == 0


def test_without_a_brain_the_fallback_is_shown(built: Built, target: str, start: Any) -> None:
    with (
        Client(built.library, target, fallback=FALLBACK) as client,
        Client(built.library, target) as bare,
    ):
        shown = client.recommend()
        assert (shown.titles, shown.raw.fallback, shown.raw.mode) == (FALLBACK, True, 0)
        assert shown.grpc == UNAVAILABLE
        assert client.recommend(limit=1).titles == FALLBACK[:1]
        with pytest.raises(CallError) as failure:
            client.recommend(titles=1)
        assert (failure.value.code, failure.value.needed[0]) == (-7, 2)
        with pytest.raises(CallError) as failure:
            bare.recommend()
        assert (failure.value.code, failure.value.grpc) == (-2, UNAVAILABLE)
        start()
        assert not client.recommend().raw.fallback


def test_a_hundred_threads_while_the_brain_is_killed_and_comes_back(
    client: Client, stocked: ServiceProcess, start: Any, titles: list[Content]
) -> None:
    codes: Counter[tuple[str, int]] = Counter()
    lock, until = threading.Lock(), threading.Event()

    def call(number: int) -> None:
        title = titles[number % 20].content_id.encode()
        while not until.is_set():
            for name, run in (
                ("recommend", lambda: client.recommend(limit=3)),
                ("observe", lambda: client.observe(content_id=title, watch_percentage=0.5)),
            ):
                code = 0
                try:
                    run()
                except CallError as failure:
                    code = failure.code
                with lock:
                    codes[name, code] += 1
                time.sleep(0.05)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    stocked.kill()
    time.sleep(0.3)
    brain = start()
    time.sleep(1)
    brain.kill()
    start()
    time.sleep(1)
    until.set()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert {*codes} == {("recommend", 0), ("recommend", -2), ("observe", 0), ("observe", -3)}
    assert len(client.recommend(limit=3).titles) == 3


def test_a_folder_without_a_brain_takes_no_time(built: Built, storage: Path) -> None:
    with Client(built.library, f"unix:{storage}/none") as client:
        begun = time.monotonic()
        with pytest.raises(CallError):
            client.sync()
        assert time.monotonic() - begun < 30
