"""A simulated day of a household: what firmware asks of a brain in 24 hours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import product
from typing import NamedTuple

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

from omega.brain.v1 import brain_service_pb2 as pb
from omega.common.v1 import context_pb2
from omega_client import BrainClient
from omega_core.content import Content
from omega_delta import content_to_proto

VIEWINGS = 40
"""Viewings a day, each with its moments."""
LISTS = 400
"""Recommendations a day."""
RECALLS = 60
"""Queries of the memory a day."""
UPSERTS = 24
"""Batches of changed titles a day."""
CHANGED = 10
"""Titles of such a batch."""
_DAY = 24 * 3_600.0
_LENGTH = 1_500.0
_ENDS = (
    (pb.PLAYBACK_ACTION_COMPLETE, 0.97),
    (pb.PLAYBACK_ACTION_STOP, 0.6),
    (pb.PLAYBACK_ACTION_SKIP, 0.05),
)
_CONTEXTS = [
    context_pb2.ViewingContext(time_of_day=time, day_type=day, audience=audience, mood=mood)
    for time, day, audience, mood in product(
        context_pb2.TimeOfDay.values()[1:],
        context_pb2.DayType.values()[1:],
        context_pb2.Audience.values()[1:],
        context_pb2.Mood.values()[1:],
    )
]
Request = (
    pb.GetRecommendationsRequest
    | pb.ObserveEventRequest
    | pb.QueryMemoryRequest
    | pb.UpsertContentsRequest
)


class Step(NamedTuple):
    """A request and its place in the day."""

    second: float
    """Since the day began."""
    request: Request
    """What is asked."""


def context(number: int) -> context_pb2.ViewingContext:
    """Circumstances that change from one number to the next."""
    return _CONTEXTS[number % len(_CONTEXTS)]


def steps(number: int, begin: datetime, contents: Sequence[Content]) -> list[Step]:
    """The requests of a day in their order; the number names its events and draws its titles."""
    rng = np.random.default_rng([384, number])
    made = [*_viewings(number, begin, contents, rng), *_asked(contents, rng)]
    return sorted(made, key=lambda step: step.second)


def send(client: BrainClient, request: Request) -> None:
    """Sends one request of a day."""
    match request:
        case pb.GetRecommendationsRequest():
            client.get_recommendations(request)
        case pb.ObserveEventRequest():
            client.observe_event(request)
        case pb.QueryMemoryRequest():
            client.query_memory(request)
        case pb.UpsertContentsRequest():
            client.upsert_contents(request)


def _viewings(
    number: int, begin: datetime, contents: Sequence[Content], rng: np.random.Generator
) -> Iterator[Step]:
    chosen = rng.choice(len(contents), VIEWINGS)
    starts = np.sort(rng.uniform(0, _DAY - _LENGTH, VIEWINGS))
    for i, (title, start) in enumerate(zip(chosen.tolist(), starts.tolist(), strict=True)):
        end, watched = _ENDS[i % len(_ENDS)]
        moments = (
            (0.0, pb.PLAYBACK_ACTION_PLAY, 0.0),
            (0.4, pb.PLAYBACK_ACTION_PAUSE, watched * 0.4),
            (0.5, pb.PLAYBACK_ACTION_RESUME, watched * 0.4),
            (1.0, end, watched),
        )
        for place, (share, action, progress) in enumerate(moments):
            second = start + share * _LENGTH
            at = Timestamp()
            at.FromDatetime(begin + timedelta(seconds=second))
            request = pb.ObserveEventRequest(
                event_id=f"day{number}-{i}-{place}",
                content_id=contents[title].content_id,
                watch_percentage=progress,
                occurred_at=at,
                session_id=f"day{number}-{i // 4}",
                context=context(number + i),
                action=action,
                watch_seconds=int(progress * _LENGTH),
            )
            yield Step(second, request)


def _asked(contents: Sequence[Content], rng: np.random.Generator) -> Iterator[Step]:
    texts = [contents[i].title[:256] for i in rng.choice(len(contents), RECALLS)]
    for i in range(LISTS):
        near = texts[i % RECALLS] if i % 20 == 0 else ""
        request = pb.GetRecommendationsRequest(limit=20, context=context(i), query_text=near)
        yield Step(_DAY * (i + 0.5) / LISTS, request)
    for i, text in enumerate(texts):
        yield Step(_DAY * (i + 0.5) / RECALLS, pb.QueryMemoryRequest(query_text=text, limit=10))
    for i in range(UPSERTS):
        chosen = rng.choice(len(contents), CHANGED, replace=False)
        batch = [content_to_proto(contents[n]) for n in chosen]
        for title in batch:
            title.description = f"{title.description[:1_900]} Shown again, {rng.integers(10**6)}."
        yield Step(_DAY * i / UPSERTS, pb.UpsertContentsRequest(contents=batch))
