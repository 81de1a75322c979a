from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from omega.brain.v1 import brain_service_pb2
from omega.brain.v1.brain_service_pb2 import ObserveEventRequest
from omega.common.v1 import context_pb2
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import (
    EventSource,
    PlaybackAction,
    Verdict,
    ViewingContext,
    ViewingEvent,
)
from omega_delta import context_from_proto, context_to_proto, event_from_proto, event_to_proto

NOW = datetime(2026, 11, 23, 6, 30, 15, 250_000, tzinfo=UTC)
CONTEXTS = st.builds(
    ViewingContext,
    time_of_day=st.integers(0, 4),
    day_type=st.integers(0, 3),
    audience=st.integers(0, 4),
    mood=st.integers(0, 4),
    device_kind=st.integers(0, 4),
)
ENGAGEMENT = {Verdict.LIKED: 1.0, Verdict.DISLIKED: 0.0}


def _as_judged(event: ViewingEvent) -> ViewingEvent:
    return replace(event, engagement_score=ENGAGEMENT.get(event.verdict, event.engagement_score))


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
    action=st.sampled_from(PlaybackAction),
    watch_seconds=st.integers(0, 86_400),
    interaction_count=st.integers(0, 10_000),
    source=st.sampled_from(EventSource),
    profile_id=st.from_regex(r"[A-Za-z0-9._:-]{0,64}", fullmatch=True),
    verdict=st.sampled_from(Verdict),
).map(_as_judged)


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
        ({"context": context_pb2.ViewingContext(mood=5)}, "context.mood"),  # type: ignore[arg-type]  # the same
        ({"context": context_pb2.ViewingContext(device_kind=5)}, "context.device_kind"),  # type: ignore[arg-type]  # the same
        ({"action": 9}, "action"),
        ({"action": -1}, "action"),
        ({"watch_seconds": 86_401}, "watch_seconds"),
        ({"interaction_count": 10_001}, "interaction_count"),
        ({"source": 6}, "source"),
        ({"verdict": 3}, "verdict"),
        ({"verdict": 1, "engagement_score": 1.1}, "engagement_score"),
        ({"profile_id": "p" * 65}, "profile_id"),
        ({"profile_id": "p 1"}, "profile_id"),
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


@pytest.mark.parametrize(
    ("field", "most"), [("watch_seconds", "86,400"), ("interaction_count", "10,000")]
)
def test_a_refusal_names_its_bound(field: str, most: str) -> None:
    with pytest.raises(OmegaError, match=f"{field} must be between 0 and {most}"):
        event_from_proto(_request(**{field: 100_000}), NOW)


@pytest.mark.parametrize(
    ("verdict", "engagement", "success"),
    [(Verdict.LIKED, 1.0, True), (Verdict.DISLIKED, 0.0, False), (Verdict.UNSPECIFIED, 0.4, True)],
)
def test_a_verdict_takes_the_place_of_the_engagement(
    verdict: Verdict, engagement: float, success: bool
) -> None:
    said = _request(watch_percentage=0.9, engagement_score=0.4, verdict=int(verdict))
    event = event_from_proto(said, NOW)
    assert (event.engagement_score, event.success) == (engagement, success)
    assert event.reward == pytest.approx(0.7 * 0.9 + 0.3 * engagement)


@pytest.mark.parametrize(
    ("ours", "prefix", "theirs"),
    [
        (PlaybackAction, "PLAYBACK_ACTION_", brain_service_pb2.PlaybackAction),
        (EventSource, "EVENT_SOURCE_", brain_service_pb2.EventSource),
        (Verdict, "VERDICT_", brain_service_pb2.Verdict),
    ],
)
def test_domain_and_contract_state_the_same_values(
    ours: type[IntEnum], prefix: str, theirs: EnumTypeWrapper
) -> None:
    assert {name.removeprefix(prefix): n for name, n in theirs.items()} == {
        member.name: member.value for member in ours
    }


def test_the_edges_are_within_bounds() -> None:
    for edge in (datetime(2000, 1, 1, tzinfo=UTC), NOW + timedelta(minutes=5)):
        assert event_from_proto(_request(occurred_at=edge), NOW).occurred_at == edge
    for share in (0.0, 1.0):
        assert event_from_proto(_request(watch_percentage=share), NOW).watch_percentage == share
    long = event_from_proto(_request(watch_seconds=86_400, interaction_count=10_000), NOW)
    assert (long.watch_seconds, long.interaction_count) == (86_400, 10_000)
