from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from omega.brain.v1.brain_service_pb2 import ObserveEventRequest
from omega.common.v1 import context_pb2
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingContext, ViewingEvent
from omega_delta import context_from_proto, context_to_proto, event_from_proto, event_to_proto

NOW = datetime(2026, 11, 23, 6, 30, 15, 250_000, tzinfo=UTC)
CONTEXTS = st.builds(
    ViewingContext,
    time_of_day=st.integers(0, 4),
    day_type=st.integers(0, 3),
    audience=st.integers(0, 4),
)
EVENTS = st.builds(
    ViewingEvent,
    event_id=st.from_regex(r"[A-Za-z0-9._:-]{1,64}", fullmatch=True),
    content_id=st.from_regex(r"[A-Za-z0-9._:-]{1,128}", fullmatch=True),
    watch_percentage=st.floats(0, 1),
    engagement_score=st.floats(0, 1),
    occurred_at=st.datetimes(datetime(2000, 1, 1), datetime(2026, 11, 23)).map(  # noqa: DTZ001 - made aware
        lambda d: d.replace(tzinfo=UTC)
    ),
    session_id=st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=64),
    recommendation_id=st.just("") | st.uuids().map(str),
    context=CONTEXTS,
)


def _request(**changes: object) -> ObserveEventRequest:
    fields = {"event_id": "e-1", "content_id": "tt-1", "watch_percentage": 0.5, **changes}
    return ObserveEventRequest(**fields)  # type: ignore[arg-type]  # one table of several types


@given(EVENTS)
@settings(deadline=None)
def test_an_event_comes_back_as_it_was(event: ViewingEvent) -> None:
    wire = event_to_proto(event).SerializeToString()
    assert event_from_proto(ObserveEventRequest.FromString(wire), NOW) == event


@given(CONTEXTS)
@settings(deadline=None)
def test_circumstances_come_back_as_they_were(context: ViewingContext) -> None:
    assert context_from_proto(context_to_proto(context)) == context


def test_what_is_absent_takes_its_default() -> None:
    event = event_from_proto(_request(), NOW)
    assert event.engagement_score == 0.5
    assert event.occurred_at == NOW
    assert event.context == ViewingContext()
    assert event_from_proto(_request(engagement_score=0.0), NOW).engagement_score == 0.0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"event_id": ""}, "event_id"),
        ({"event_id": "e" * 65}, "event_id"),
        ({"event_id": "e 1"}, "event_id"),
        ({"content_id": ""}, "content_id"),
        ({"content_id": "c" * 129}, "content_id"),
        ({"watch_percentage": 1.0001}, "watch_percentage"),
        ({"watch_percentage": -0.1}, "watch_percentage"),
        ({"watch_percentage": math.nan}, "watch_percentage"),
        ({"engagement_score": math.inf}, "engagement_score"),
        ({"engagement_score": -0.1}, "engagement_score"),
        ({"session_id": "s" * 65}, "session_id"),
        ({"recommendation_id": "r"}, "recommendation_id"),
        ({"context": context_pb2.ViewingContext(time_of_day=5)}, "context.time_of_day"),  # type: ignore[arg-type]  # no stated value
        ({"context": context_pb2.ViewingContext(day_type=-1)}, "context.day_type"),  # type: ignore[arg-type]  # the same
        ({"context": context_pb2.ViewingContext(audience=5)}, "context.audience"),  # type: ignore[arg-type]  # the same
        ({"occurred_at": Timestamp(seconds=946_684_799)}, "occurred_at"),
        ({"occurred_at": NOW + timedelta(minutes=5, microseconds=1)}, "occurred_at"),
        ({"occurred_at": Timestamp(seconds=2**62)}, "occurred_at"),
        ({"occurred_at": Timestamp(seconds=-(2**62))}, "occurred_at"),
        ({"occurred_at": Timestamp(seconds=1_700_000_000, nanos=-1)}, "occurred_at"),
        ({"occurred_at": Timestamp(seconds=1_700_000_000, nanos=10**9)}, "occurred_at"),
    ],
)
def test_an_event_out_of_bounds_is_refused_by_name(changes: dict[str, object], field: str) -> None:
    with pytest.raises(OmegaError) as caught:
        event_from_proto(_request(**changes), NOW)
    assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_FIELD, field)


def test_the_edges_are_within_bounds() -> None:
    for edge in (datetime(2000, 1, 1, tzinfo=UTC), NOW + timedelta(minutes=5)):
        assert event_from_proto(_request(occurred_at=edge), NOW).occurred_at == edge
    for share in (0.0, 1.0):
        assert event_from_proto(_request(watch_percentage=share), NOW).watch_percentage == share
