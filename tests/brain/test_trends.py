"""Trends on a TV: pulled with the news, bent into lists, faded, forgotten on a move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega_brain.answers import Answer, RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_client import BrainClient
from omega_core.clock import ManualClock
from omega_core.content import Content
from omega_core.errors import ErrorCode, OmegaError
from omega_core.memory import Tier
from omega_core.viewing import ViewingEvent
from omega_delta import StateDelta, Trend, Trends
from omega_loops import Loop
from omega_rank import Term
from omega_testing.gateway import Fault, Gateway, serving
from omega_testing.news import delta_of
from omega_testing.processes import ServiceProcess

LEXICAL = "lexical-384-r1"
NOW = datetime(2026, 1, 1, 20, tzinfo=UTC)
Publish = Callable[..., None]


def news(version: int, *titles: Trend, base: int = 0, at: datetime = NOW) -> StateDelta:
    """A state with some patterns and these trends."""
    trends = Trends(catalogue_version=1, at=at, titles=titles) if titles else None
    return replace(delta_of(version, base, model_version=LEXICAL), trends=trends)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def open_brain(
    config: BrainConfig, gateway: Gateway, clock: ManualClock
) -> Iterator[Callable[..., Brain]]:
    """open_brain(**settings): a brain that talks to the gateway; the one before is closed."""
    opened: list[Brain] = []
    with serving(gateway) as address:

        def start(**settings: str) -> Brain:
            for earlier in opened:
                earlier.close()
            url = f"http://{address}"
            made = Brain(replace(config, constellation_url=url, **settings), clock=clock)  # type: ignore[arg-type]  # by name
            opened[:] = [made]
            return made

        yield start
        for last in opened:
            last.close()


@pytest.fixture
def brain(
    open_brain: Callable[..., Brain], titles: list[Content], publish_catalogue: Publish
) -> Brain:
    """A TV in the north with the fleet's catalogue and some patterns."""
    publish_catalogue(titles)
    made = open_brain(region="north")
    made.sync()
    return made


def listed(brain: Brain, limit: int = 30) -> Answer:
    return brain.recommend(RecommendQuery(limit=limit))


def low(brain: Brain, gateway: Gateway) -> str:
    """A title that the fleet's first patterns, which this pulls, put far down."""
    gateway.tell(news(1))
    brain.sync()
    return listed(brain, 100).content_ids[80]


def ordinal(titles: list[Content], content_id: str) -> int:
    return [title.content_id for title in titles].index(content_id)


def rising_ids(brain: Brain) -> list[str]:
    """Titles that the ranking takes for rising."""
    trending = brain.household.collective.trending
    catalogue = brain.household.titles.catalogue
    return [] if trending is None else [catalogue.ids[row] for row in trending.rows]


def place(answer: Answer, content_id: str) -> int:
    return answer.content_ids.index(content_id)


def test_a_trend_rises_in_the_list_with_a_true_reason(
    brain: Brain, gateway: Gateway, titles: list[Content]
) -> None:
    gateway.tell(news(1))
    brain.sync()
    plain = listed(brain, 100)
    low, lower = plain.content_ids[60], plain.content_ids[-1]
    gateway.tell(
        news(
            2,
            Trend(ordinal(titles, low), 0.9, regional=True),
            Trend(ordinal(titles, lower), 0.8, regional=False),
        )
    )
    brain.sync()
    bent = listed(brain, 100)
    assert place(bent, low) < 60
    assert place(bent, lower) < place(plain, lower)
    reasons = {title.content_id: (title.reason_term, title.reason) for title in bent.titles}
    assert reasons[low] == (Term.TREND, "Trending in your region")
    assert reasons[lower] == (Term.TREND, "Trending on many TVs")
    assert all(
        term is not Term.TREND for each, (term, _) in reasons.items() if each not in {low, lower}
    )


def test_the_reason_reaches_firmware(
    brain: Brain,
    gateway: Gateway,
    titles: list[Content],
    serve: Callable[[Brain], BrainClient],
) -> None:
    gateway.tell(news(2, Trend(ordinal(titles, low(brain, gateway)), 1.0, regional=True)))
    brain.sync()
    answer = serve(brain).get_recommendations(pb.GetRecommendationsRequest(limit=100))
    terms = {each.reason_term: each.reason for each in answer.recommendations}
    assert terms[pb.REASON_TERM_TREND] == "Trending in your region"


def test_a_trend_fades_without_any_word_from_the_fleet(
    brain: Brain, gateway: Gateway, titles: list[Content], clock: ManualClock
) -> None:
    gateway.tell(news(1))
    brain.sync()
    plain = listed(brain, 100)
    [row] = [ordinal(titles, plain.content_ids[-1])]
    gateway.tell(news(2, Trend(row, 1.0, regional=True)))
    brain.sync()
    places = []
    for hours in (0, 12, 24, 100):
        clock.advance(timedelta(hours=hours))
        places.append(place(listed(brain, 100), plain.content_ids[-1]))
    assert places == sorted(places)
    assert places[0] < places[-1]
    assert listed(brain, 100).content_ids == plain.content_ids


def test_later_news_replace_them_and_news_without_end_them(brain: Brain, gateway: Gateway) -> None:
    held = brain.stores.trends.held
    gateway.tell(news(1, Trend(5, 0.9, regional=True), Trend(6, 0.4, regional=False)))
    brain.sync()
    gateway.tell(news(2, Trend(7, 0.3, regional=True), base=1))
    brain.sync()
    found = held()
    assert found is not None
    assert [(t.ordinal, t.regional) for t in found.titles] == [(7, True)]
    gateway.tell(news(3, base=2))
    brain.sync()
    assert held() is None


def test_trends_of_titles_that_the_tv_lacks_wait_for_the_catalogue(
    brain: Brain,
    gateway: Gateway,
    titles: list[Content],
    publish_catalogue: Publish,
) -> None:
    new = replace(titles[0], content_id="new", title="Entirely new")
    gateway.tell(news(1, Trend(len(titles), 1.0, regional=True)))
    brain.sync()
    assert rising_ids(brain) == []
    publish_catalogue([*titles, new], 2)
    brain.sync()
    assert rising_ids(brain) == ["new"]
    assert "new" in listed(brain, 100).content_ids


def test_they_are_there_after_a_restart(
    brain: Brain, gateway: Gateway, titles: list[Content], open_brain: Callable[..., Brain]
) -> None:
    gateway.tell(news(2, Trend(ordinal(titles, low(brain, gateway)), 1.0, regional=True)))
    brain.sync()
    assert Term.TREND in {title.reason_term for title in listed(brain, 100).titles}
    before = listed(brain).content_ids
    assert listed(open_brain(region="north")).content_ids == before


def test_the_region_is_told_at_registration(brain: Brain, gateway: Gateway) -> None:
    brain.sync()
    assert [request.region for request in gateway.registrations] == ["north"]


def test_a_tv_that_moved_tells_it_under_its_identity_and_forgets_the_old_trends(
    brain: Brain, gateway: Gateway, open_brain: Callable[..., Brain]
) -> None:
    gateway.tell(news(1, Trend(5, 0.9, regional=True)))
    brain.sync()
    identity = brain.stores.meta.identity()
    moved = open_brain(region="south")
    gateway.tell(news(1))
    moved.sync()
    first, second = gateway.registrations
    assert (first.region, second.region) == ("north", "south")
    assert first.request_id == second.request_id
    assert identity is not None
    now = moved.stores.meta.identity()
    assert now is not None
    assert now.device_id == identity.device_id
    assert gateway.requests[-1].state_version == 0
    assert moved.stores.trends.held() is None
    moved.sync()
    assert len(gateway.registrations) == 2


def test_a_bad_region_is_no_setting(config: BrainConfig) -> None:
    for region in ("x" * 17, "a b", "ä"):
        with pytest.raises(OmegaError) as caught:
            replace(config, region=region)
        assert caught.value.field == "region"


def test_bad_trends_are_refused_with_the_whole_delta(brain: Brain, gateway: Gateway) -> None:
    gateway.tell(news(1, Trend(5, 0.9, regional=True)))
    brain.sync()
    held = brain.stores.trends.held()
    gateway.news.delta = gateway.news.delta[:-4]
    gateway.news.state_version = 2
    with pytest.raises(OmegaError) as caught:
        brain.sync()
    assert caught.value.code is ErrorCode.CORRUPT_RESOURCE
    assert brain.stores.trends.held() == held
    assert brain.stores.patterns.version() == 1


def test_a_step_that_does_not_fit_takes_the_trends_with_it(brain: Brain, gateway: Gateway) -> None:
    gateway.tell(news(1, Trend(5, 0.9, regional=True)))
    brain.sync()
    gateway.tell(news(9, Trend(6, 0.9, regional=True), base=8))
    brain.sync()
    assert (brain.stores.patterns.version(), brain.stores.trends.held()) == (0, None)


def test_an_erased_household_keeps_what_is_the_fleets(brain: Brain, gateway: Gateway) -> None:
    gateway.tell(news(1, Trend(5, 0.9, regional=True)))
    brain.sync()
    held = brain.stores.trends.held()
    brain.clear_data("00000000-0000-4000-8000-000000000001")
    assert brain.stores.trends.held() == held
    brain.sync()
    assert [request.region for request in gateway.registrations] == ["north", "north"]


def test_what_rises_comes_first_among_what_is_popular(
    brain: Brain, gateway: Gateway, titles: list[Content], clock: ManualClock
) -> None:
    brain.loops.tick(clock.now())
    clock.advance(timedelta(hours=25))
    rising = (Trend(5, 0.5, regional=True), Trend(6, 0.9, regional=False))
    gateway.tell(news(1, *rising, at=clock.now()))
    brain.sync()
    assert Loop.DELIBERATIVE in {report.loop for report in brain.loops.tick(clock.now())}
    memories = brain.memory.named(Tier.CIVILIZATIONAL, "popular:", clock.now())
    by_rank = sorted(memories, key=lambda memory: int(memory.metadata["rank"]))
    assert [memory.content_id for memory in by_rank[:2]] == [
        titles[5].content_id,
        titles[6].content_id,
    ]
    assert [memory.metadata["source"] for memory in by_rank[:3]] == ["trend", "trend", "prior"]
    assert by_rank[0].text.startswith("Popular in north: ")
    assert len({memory.metadata["rank"] for memory in memories}) == len(memories)


def test_a_title_that_came_later_is_said_to_be_new(
    brain: Brain, titles: list[Content], clock: ManualClock
) -> None:
    clock.advance(timedelta(days=40))
    brain.upsert([replace(titles[0], content_id="new", title="Entirely new", year=0)])
    fresh = {t.content_id for t in listed(brain, 100).titles if t.reason_term is Term.FRESH}
    assert fresh <= {"new"}
    arrivals = brain.household.titles.arrivals
    assert [brain.household.titles.catalogue.ids[row] for row in arrivals.rows] == ["new"]
    scores = {t.content_id: t.score for t in listed(brain, 100).titles}
    clock.advance(timedelta(days=30))
    later = {t.content_id: t.score for t in listed(brain, 100).titles}
    assert later["new"] < scores["new"]


@contextmanager
def running(storage: Path, address: str) -> Iterator[tuple[ServiceProcess, BrainClient]]:
    environ = {
        "OMEGA_BRAIN_STORAGE_PATH": str(storage),
        "OMEGA_BRAIN_ENCODER": "lexical",
        "OMEGA_BRAIN_LISTEN": "127.0.0.1:0",
        "OMEGA_BRAIN_CONSTELLATION_URL": f"http://{address}",
        "OMEGA_BRAIN_SYNC_INTERVAL_SECS": "0",
        "OMEGA_BRAIN_REGION": "north",
    }
    with (
        ServiceProcess(["omega-brain"], environ) as process,
        BrainClient(process.address) as client,
    ):
        yield process, client


def trending_ids(client: BrainClient) -> list[str]:
    answer = client.get_recommendations(pb.GetRecommendationsRequest(limit=100))
    return [
        each.content_id
        for each in answer.recommendations
        if each.reason_term == pb.REASON_TERM_TREND
    ]


def test_a_killed_brain_has_the_trends_that_it_had(
    tmp_path: Path,
    gateway: Gateway,
    titles: list[Content],
    publish_catalogue: Publish,
) -> None:
    publish_catalogue(titles)
    rising = [Trend(n, 1.0, regional=True) for n in range(60, 90)]
    gateway.tell(news(1, *rising, at=datetime.now(UTC)))
    with serving(gateway) as address:
        with running(tmp_path / "tv", address) as (process, client):
            client.sync_now()
            before = set(trending_ids(client))
            assert before
            process.kill()
        with running(tmp_path / "tv", address) as (_, client):
            assert set(trending_ids(client)) == before


def test_a_move_whose_answer_was_lost_is_told_again(
    brain: Brain,
    gateway: Gateway,
    open_brain: Callable[..., Brain],
    viewing: Callable[..., ViewingEvent],
    titles: list[Content],
) -> None:
    brain.observe(viewing(titles[0].content_id))
    moved = open_brain(region="south")
    gateway.faults.append(Fault(OmegaError(ErrorCode.OVERLOADED)))
    with pytest.raises(OmegaError):
        moved.sync()
    assert moved.stores.meta.registered_region() == "south"
    moved.sync()
    assert [request.region for request in gateway.registrations] == ["north", "south"]
