"""Watching lists, sending many events, pages by cursor: over a real socket."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega_brain.brain import Brain
from omega_client import BrainClient, ServiceError
from omega_core.content import Content
from omega_core.viewing import PlaybackAction, ViewingEvent

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

Viewing = Callable[..., ViewingEvent]


def _event(number: int, content_id: str, **fields: object) -> pb.ObserveEventRequest:
    return pb.ObserveEventRequest(
        event_id=f"e{number}",
        content_id=content_id,
        watch_percentage=0.9,
        **fields,  # type: ignore[arg-type]  # fields by name
    )


@pytest.fixture
def running(brain: Brain) -> Iterator[Brain]:
    """The brain with its loops at work."""
    brain.start()
    yield brain
    brain.loops.stop()


def test_a_watcher_gets_the_list_and_each_change_of_it(
    running: Brain, client: BrainClient, titles: list[Content]
) -> None:
    request = pb.WatchRecommendationsRequest(list=pb.GetRecommendationsRequest(limit=10))
    with client.watch_recommendations(request, seconds=30) as watch:
        lists = iter(watch)
        first = next(lists)
        assert (first.number, len(first.list.recommendations)) == (1, 10)
        watched = first.list.recommendations[0].content_id
        begun = time.monotonic()
        client.observe_event(_event(1, watched))
        second = next(lists)
        assert time.monotonic() - begun < 20
        assert second.number == 2
        assert watched not in {r.content_id for r in second.list.recommendations}
        client.observe_event(_event(2, watched))
        client.observe_event(_event(3, titles[50].content_id))
        third = next(lists)
        assert third.number == 3
        shown = [[r.content_id for r in each.list.recommendations] for each in (second, third)]
        assert shown[0] != shown[1]
    assert running.changes.closed is False


def test_watchers_are_bounded_and_a_closed_one_makes_room(
    running: Brain, client: BrainClient
) -> None:
    most = running.config.max_watchers
    request = pb.WatchRecommendationsRequest()
    watches = [client.watch_recommendations(request, seconds=30) for _ in range(most)]
    for watch in watches:
        assert next(iter(watch)).number == 1
    with (
        client.watch_recommendations(request, seconds=30) as one_more,
        pytest.raises(ServiceError) as caught,
    ):
        next(iter(one_more))
    assert caught.value.status == "RESOURCE_EXHAUSTED"
    watches[0].close()
    for _ in range(60):
        try:
            with client.watch_recommendations(request, seconds=30) as again:
                assert next(iter(again)).number == 1
            break
        except ServiceError:
            time.sleep(0.25)
    else:
        pytest.fail("a closed watch keeps its place")
    for watch in watches[1:]:
        watch.close()


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.GetRecommendationsRequest(offset=1), "list.offset"),
        (pb.GetRecommendationsRequest(cursor=str(uuid.UUID(int=1))), "list.cursor"),
        (pb.GetRecommendationsRequest(limit=101), "list.limit"),
    ],
)
def test_a_bad_watch_is_refused(
    request_: pb.GetRecommendationsRequest, field: str, client: BrainClient
) -> None:
    request = pb.WatchRecommendationsRequest(list=request_)
    with (
        client.watch_recommendations(request, seconds=30) as watch,
        pytest.raises(ServiceError) as caught,
    ):
        next(iter(watch))
    assert (caught.value.status, caught.value.field) == ("INVALID_ARGUMENT", field)


def test_a_stream_of_events_is_stored_and_bad_ones_are_named(
    brain: Brain, client: BrainClient, titles: list[Content]
) -> None:
    events = [_event(n, titles[n % 100].content_id) for n in range(600)]
    events[7] = _event(7, "movie:nobody-has")
    events[300] = _event(300, titles[0].content_id, engagement_score=1.5)
    events[301] = _event(301, titles[0].content_id, profile_id="stranger")
    events.append(_event(5, titles[1].content_id))
    answer = client.observe_events(events)
    assert (answer.recorded, answer.duplicates, answer.refused) == (597, 1, 3)
    assert [(r.position, r.event_id, r.reason, r.field) for r in answer.refusals] == [
        (300, "e300", "INVALID_FIELD", "engagement_score"),
        (7, "e7", "UNKNOWN_CONTENT", "content_id"),
        (301, "e301", "UNKNOWN_PROFILE", "profile_id"),
    ] or sorted(r.position for r in answer.refusals) == [7, 300, 301]
    assert brain.stores.events.count() == 597
    again = client.observe_events(events)
    assert (again.recorded, again.duplicates, again.refused) == (0, 598, 3)
    assert client.observe_events([]).recorded == 0


def test_only_a_hundred_refusals_are_told(client: BrainClient) -> None:
    answer = client.observe_events(_event(n, f"movie:no-{n}") for n in range(150))
    assert (answer.recorded, answer.refused, len(answer.refusals)) == (0, 150, 100)


def test_a_cursor_shows_no_title_twice_though_the_taste_moves(
    brain: Brain, client: BrainClient, titles: list[Content], viewing: Viewing
) -> None:
    brain.observe(viewing(titles[0].content_id))
    seen: list[str] = []
    cursor = ""
    pages = 0
    while True:
        answer = client.get_recommendations(pb.GetRecommendationsRequest(limit=25, cursor=cursor))
        seen += [r.content_id for r in answer.recommendations]
        pages += 1
        if not answer.next_cursor:
            break
        assert answer.next_cursor == answer.recommendation_id
        cursor = answer.next_cursor
        left = [title for title in titles if title.content_id not in seen]
        if left:
            brain.observe(viewing(left[-1].content_id))
    assert len(seen) == len(set(seen))
    watched = {entry.event.content_id for entry in brain.stores.events.all_events()}
    assert set(seen) | watched == {title.content_id for title in titles}
    assert pages >= 4


def test_a_cursor_outlives_a_restart_and_an_unknown_one_is_not_found(
    tv: Tv, titles: list[Content], open_tv: Callable[..., Tv], serve: Callable[[Brain], BrainClient]
) -> None:
    tv.brain.upsert(titles)
    client = serve(tv.brain)
    first = client.get_recommendations(pb.GetRecommendationsRequest(limit=30))
    tv.close()
    client = serve(open_tv().brain)
    second = client.get_recommendations(
        pb.GetRecommendationsRequest(limit=30, cursor=first.next_cursor)
    )
    shown = {r.content_id for r in first.recommendations}
    assert shown.isdisjoint(r.content_id for r in second.recommendations)
    assert len(second.recommendations) == 30
    for cursor, status in ((str(uuid.uuid4()), "NOT_FOUND"), ("nonsense", "INVALID_ARGUMENT")):
        with pytest.raises(ServiceError) as caught:
            client.get_recommendations(pb.GetRecommendationsRequest(cursor=cursor))
        assert (caught.value.status, caught.value.field) == (status, "cursor")
    with pytest.raises(ServiceError) as caught:
        client.get_recommendations(pb.GetRecommendationsRequest(cursor=first.next_cursor, offset=1))
    assert (caught.value.status, caught.value.field) == ("INVALID_ARGUMENT", "offset")


def test_feedback_names_its_place_in_the_list(client: BrainClient, titles: list[Content]) -> None:
    answer = client.get_recommendations(pb.GetRecommendationsRequest(limit=10))
    fourth = answer.recommendations[3].content_id
    led = _event(1, fourth, recommendation_id=answer.recommendation_id)
    assert client.observe_event(led).recommended_place == 4
    listed = {r.content_id for r in answer.recommendations}
    other = next(t.content_id for t in titles if t.content_id not in listed)
    strayed = _event(2, other, recommendation_id=answer.recommendation_id)
    assert client.observe_event(strayed).recommended_place == 0
    unknown = _event(3, other, recommendation_id=str(uuid.uuid4()))
    assert client.observe_event(unknown).recommended_place == 0


def test_a_skip_bends_tonights_lists_and_is_no_success(
    running: Brain, client: BrainClient, viewing: Viewing
) -> None:
    listed = client.get_recommendations(pb.GetRecommendationsRequest(limit=100))
    first = listed.recommendations[0].content_id
    now = running.clock.now()
    play = replace(viewing(first), action=PlaybackAction.PLAY, watch_percentage=0.0)
    running.observe(replace(play, event_id="play", occurred_at=now))
    assert running.stores.events.count() == 0, "a moment is no viewing"
    assert running.stores.interactions.count() == 1
    skip = replace(viewing(first, 0.05), action=PlaybackAction.SKIP, occurred_at=now)
    running.observe(skip)
    assert running.likes == 0
    assert running.stores.events.count() == 1
    after = client.get_recommendations(pb.GetRecommendationsRequest(limit=100))
    assert first not in {r.content_id for r in after.recommendations}
