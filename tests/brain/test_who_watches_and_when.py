"""Evenings, children in the room and people who watch along change lists, through a real socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega.common.v1 import context_pb2
from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_client import BrainClient, ServiceError
from omega_core.catalogue_file import read_catalogue
from omega_core.clock import ManualClock
from omega_core.content import Content
from omega_core.profile import Profile
from omega_core.viewing import ViewingContext, ViewingEvent
from omega_rank import Term
from omega_runtime import Mode

SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "titles.jsonl"
START = datetime(2026, 3, 2, 18, tzinfo=UTC)
AFTERNOON, EVENING = context_pb2.TIME_OF_DAY_AFTERNOON, context_pb2.TIME_OF_DAY_EVENING
COUPLE, FAMILY = context_pb2.AUDIENCE_COUPLE, context_pb2.AUDIENCE_FAMILY
CARTOON, CRIME = "Animation", "Crime"


@pytest.fixture(scope="module")
def many() -> list[Content]:
    return read_catalogue(SAMPLE)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def stocked(config: BrainConfig, clock: ManualClock, many: list[Content]) -> Iterator[Brain]:
    opened = Brain(config, clock=clock)
    for begin in range(0, len(many), 500):
        opened.upsert(many[begin : begin + 500])
    yield opened
    opened.close()


@pytest.fixture
def caller(stocked: Brain, serve: Callable[[Brain], BrainClient]) -> BrainClient:
    return serve(stocked)


def planted(many: list[Content]) -> list[ViewingEvent]:
    """A year: cartoons with children in the afternoon, crime as two in the evening."""
    cartoons = [t for t in many if CARTOON in t.genres and CRIME not in t.genres][:20]
    crimes = [t for t in many if CRIME in t.genres and CARTOON not in t.genres][:20]
    events = []
    for n, (cartoon, crime) in enumerate(zip(cartoons, crimes, strict=True)):
        at = START - timedelta(days=2 * (20 - n))
        for title, hours, context in (
            (cartoon, -4, ViewingContext(time_of_day=AFTERNOON, audience=FAMILY)),
            (crime, 2, ViewingContext(time_of_day=EVENING, audience=COUPLE)),
        ):
            when = at + timedelta(hours=hours)
            identity = f"{title.content_id}-{n}"
            events.append(
                ViewingEvent(identity, title.content_id, 0.95, 0.95, when, context=context)
            )
    return events


def listed(caller: BrainClient, **context: int) -> list[pb.Recommendation]:
    request = pb.GetRecommendationsRequest(
        limit=20,
        context=context_pb2.ViewingContext(**context),  # type: ignore[arg-type]  # enums by name
    )
    return list(caller.get_recommendations(request).recommendations)


def share(found: list[pb.Recommendation], genre: str) -> float:
    return sum(genre in each.genres for each in found) / len(found)


def test_the_evening_and_children_in_the_room_change_the_list_as_planted(
    stocked: Brain, caller: BrainClient, clock: ManualClock, many: list[Content]
) -> None:
    stocked.observe_all(planted(many))
    clock.advance(timedelta(hours=9))
    usual = listed(caller)
    children, evening = listed(caller, audience=FAMILY), listed(caller, time_of_day=EVENING)
    assert share(children, CARTOON) > share(usual, CARTOON)
    assert share(children, CARTOON) > 2 * share(children, CRIME)
    assert share(evening, CRIME) > share(usual, CRIME)
    assert share(evening, CRIME) > share(evening, CARTOON)
    told = {each.reason for each in children if each.reason_term == int(Term.CONTEXT)}
    assert told <= {f"You watch more {g} with children" for t in many for g in t.genres}
    again = listed(caller, audience=FAMILY)
    assert [each.content_id for each in again] == [each.content_id for each in children]


def test_people_who_watch_along_share_a_list_and_every_limit_holds(
    stocked: Brain, caller: BrainClient, many: list[Content], clock: ManualClock
) -> None:
    stocked.put_profile(Profile("ann", "Ann"))
    stocked.put_profile(Profile("kid", "Kim", blocked_genres=("crime",)))
    for n, event in enumerate(planted(many)):
        whose = "kid" if event.context.audience == FAMILY else "ann"
        stocked.observe(
            ViewingEvent(
                f"own-{n}", event.content_id, 0.95, 0.95, event.occurred_at, profile_id=whose
            )
        )
    clock.advance(timedelta(hours=9))

    def ask(**fields: object) -> list[pb.Recommendation]:
        request = pb.GetRecommendationsRequest(limit=100, **fields)  # type: ignore[arg-type]  # fields by name
        return list(caller.get_recommendations(request).recommendations)

    seen = {event.content_id for event in planted(many)}
    alone = ask(profile_id="ann")
    both = ask(profile_id="ann", company_profile_ids=["kid", "kid", "ann"])
    assert share(alone[:20], CRIME) > 0.3
    assert share(both, CRIME) == 0
    assert share(both[:20], CARTOON) > share(alone[:20], CARTOON)
    others = [e.content_id for e in planted(many) if e.context.audience == FAMILY]
    assert len(ask(profile_id="ann", content_ids=others)) == len(others), "Kim has seen them"
    assert not ask(profile_id="ann", content_ids=others, company_profile_ids=["kid"])
    assert not {each.content_id for each in both} & seen
    query = RecommendQuery(limit=100, profile_id="ann", company=("kid",))
    crimes = {title.content_id for title in many if CRIME in title.genres}
    for answer in (
        stocked.household.quick(query, (), None, 50),
        stocked.household.popular(query, ()),
    ):
        assert answer.mode is not Mode.HEALTHY
        assert answer.titles
        assert not set(answer.content_ids) & (seen | crimes)


def test_company_that_is_not_known_or_too_many_is_refused(
    stocked: Brain, caller: BrainClient
) -> None:
    stocked.put_profile(Profile("ann", "Ann"))

    def refused(*company: str) -> str:
        request = pb.GetRecommendationsRequest(company_profile_ids=company)
        with pytest.raises(ServiceError) as failed:
            caller.get_recommendations(request)
        return failed.value.field

    assert refused("ann", "bob") == "company_profile_ids[1]"
    assert refused("ann", "no spaces") == "company_profile_ids[1]"
    assert refused(*["ann"] * 8) == "company_profile_ids"
    caller.get_recommendations(pb.GetRecommendationsRequest(company_profile_ids=["ann"] * 7))


def test_limits_of_company_hold_on_a_tv_without_titles(config: BrainConfig) -> None:
    with Brain(config) as bare:
        bare.put_profile(Profile("kid", "Kim", blocked_genres=("drama",)))
        everything = bare.recommend(RecommendQuery(limit=100))
        along = bare.recommend(RecommendQuery(limit=100, company=("kid",)))
        assert any("Drama" in title.genres for title in everything.titles)
        assert along.titles
        assert not any("Drama" in title.genres for title in along.titles)
