"""What a request lets into its list, asked over a socket."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega.common.v1 import context_pb2
from omega_brain.brain import Brain
from omega_client import BrainClient, ServiceError
from omega_core.catalogue_file import read_catalogue
from omega_core.content import Availability, Content, ContentKind, Provider
from omega_core.errors import OmegaError
from omega_core.viewing import PlaybackAction, ViewingContext, ViewingEvent
from omega_delta import content_to_proto, context_to_proto

Ask = Callable[..., list[str]]
Viewing = Callable[..., ViewingEvent]
WAYS = list(Availability)
SERVICES = ("northflix", "southtv", "kiosk")


def _offers(n: int) -> tuple[Provider, ...]:
    """Some titles are offered nowhere, some once, some in two ways by two services."""
    first = Provider(SERVICES[n % 3], f"Service {n % 3}", WAYS[n % 4])
    second = Provider(SERVICES[(n + 1) % 3], f"Service {(n + 1) % 3}", WAYS[(n // 4) % 4])
    return ((), (first,), (first, second))[n % 5 % 3]


@pytest.fixture
def offered(brain: Brain, titles: list[Content]) -> list[Content]:
    kinds = list(ContentKind)
    made = [
        replace(title, providers=_offers(n), kind=kinds[n % 3]) for n, title in enumerate(titles)
    ]
    brain.upsert(made)
    return made


@pytest.fixture
def ask(client: BrainClient, offered: list[Content]) -> Ask:
    """ask(**fields): every content id of the list, page by page."""

    def every(**fields: Any) -> list[str]:
        found: list[str] = []
        for offset in (0, 100):
            request = pb.GetRecommendationsRequest(limit=100, offset=offset, **fields)
            found += [r.content_id for r in client.get_recommendations(request).recommendations]
        assert len(set(found)) == len(found)
        return found

    assert set(every()) == {title.content_id for title in offered}
    return every


def _ids(titles: list[Content], fits: Callable[[Content], bool]) -> set[str]:
    return {title.content_id for title in titles if fits(title)}


@pytest.mark.parametrize("ways", [(w,) for w in WAYS] + [(WAYS[0], WAYS[2]), tuple(WAYS)])
def test_a_title_is_offered_in_one_of_the_ways(
    ways: tuple[Availability, ...], ask: Ask, offered: list[Content]
) -> None:
    expected = _ids(offered, lambda t: any(p.availability in ways for p in t.providers))
    assert set(ask(availabilities=list(ways))) == expected
    assert 0 < len(expected) < len(offered)


@pytest.mark.parametrize(("service", "way"), list(product(SERVICES, WAYS)))
def test_service_and_way_must_be_those_of_one_offer(
    service: str, way: Availability, ask: Ask, offered: list[Content]
) -> None:
    same = _ids(offered, lambda t: (service, way) in {_offer(p) for p in t.providers})
    assert set(ask(available_services=[service], availabilities=[way])) == same
    apart = _ids(
        offered,
        lambda t: (
            service in {p.provider_id for p in t.providers}
            and way in {p.availability for p in t.providers}
        ),
    )
    assert same <= apart


def _offer(provider: Provider) -> tuple[str, Availability]:
    return provider.provider_id, provider.availability


def test_an_offer_here_and_a_way_there_make_no_offer(ask: Ask, offered: list[Content]) -> None:
    """At least one title separates the two readings of the filter."""
    service, way = next(
        (a.provider_id, b.availability)
        for title in offered
        for a, b in product(title.providers, title.providers)
        if (a.provider_id, b.availability) not in {_offer(p) for p in title.providers}
    )
    title = next(
        t
        for t in offered
        if service in {p.provider_id for p in t.providers}
        and way in {p.availability for p in t.providers}
        and (service, way) not in {_offer(p) for p in t.providers}
    )
    assert title.content_id in ask(available_services=[service])
    assert title.content_id in ask(availabilities=[way])
    assert title.content_id not in ask(available_services=[service], availabilities=[way])


def test_an_answer_says_where_each_title_is_offered(
    client: BrainClient, offered: list[Content]
) -> None:
    by_id = {title.content_id: title for title in offered}
    answer = client.get_recommendations(pb.GetRecommendationsRequest(limit=100))
    for recommended in answer.recommendations:
        held = by_id[recommended.content_id].providers
        told = [(p.provider_id, int(p.availability)) for p in recommended.providers]
        assert told == [(p.provider_id, int(p.availability)) for p in held]


def test_excluded_titles_are_left_out_and_unknown_ones_passed_over(
    ask: Ask, offered: list[Content]
) -> None:
    gone = [title.content_id for title in offered[:40:3]]
    left = _ids(offered, lambda title: title.content_id not in gone)
    assert set(ask(exclude_content_ids=[*gone, "never:heard-of", "x"])) == left


def test_genres_are_excluded_without_case(ask: Ask, offered: list[Content]) -> None:
    expected = _ids(offered, lambda t: not {"Comedy", "Horror"} & set(t.genres))
    assert 0 < len(expected) < len(offered)
    assert set(ask(exclude_genres=["cOMEDY", "HORROR", "No such genre"])) == expected


@pytest.mark.parametrize("kinds", [(1,), (2,), (3,), (1, 3)])
def test_kinds_are_kept_to(kinds: tuple[int, ...], ask: Ask, offered: list[Content]) -> None:
    expected = _ids(offered, lambda title: int(title.kind) in kinds)
    assert set(ask(kinds=list(kinds))) == expected


def test_filters_hold_together_and_may_leave_nothing(ask: Ask, offered: list[Content]) -> None:
    fields: dict[str, Any] = {
        "available_services": [SERVICES[0], SERVICES[1]],
        "availabilities": [WAYS[0], WAYS[1]],
        "kinds": [1, 2],
        "exclude_genres": ["drama"],
        "exclude_content_ids": [offered[5].content_id],
    }
    expected = _ids(
        offered,
        lambda t: (
            any(p.provider_id in SERVICES[:2] and p.availability in WAYS[:2] for p in t.providers)
            and int(t.kind) in {1, 2}
            and "Drama" not in t.genres
            and t.content_id != offered[5].content_id
        ),
    )
    assert expected
    assert set(ask(**fields)) == expected
    only = min(expected)
    assert ask(content_ids=[only], **fields) == [only]
    assert ask(content_ids=[offered[5].content_id], **fields) == []


def test_variety_is_a_matter_of_asking(
    brain: Brain, client: BrainClient, titles: list[Content], viewing: Viewing
) -> None:
    for title in titles[:6]:
        brain.observe(viewing(title.content_id))
    catalogue = brain.household.titles.catalogue

    def cosine(**fields: Any) -> float:
        answer = client.get_recommendations(pb.GetRecommendationsRequest(limit=10, **fields))
        rows = [catalogue.row_of[r.content_id] for r in answer.recommendations]
        vectors = catalogue.embeddings[rows].astype(np.float64)
        pairs = vectors @ vectors.T
        return float(pairs[~np.eye(10, dtype=bool)].mean())

    alike, mixed, varied = cosine(diversity=0.0), cosine(diversity=0.5), cosine(diversity=1.0)
    assert varied < mixed <= alike
    assert varied < alike - 0.02


@pytest.mark.parametrize("part", ["mood", "device", "company"])
def test_circumstances_change_the_list_when_history_says_so(
    part: str, brain: Brain, client: BrainClient, titles: list[Content]
) -> None:
    one, other = {
        "mood": (ViewingContext(mood=1), ViewingContext(mood=3)),
        "device": (ViewingContext(device_kind=1), ViewingContext(device_kind=3)),
        "company": (ViewingContext(audience=1), ViewingContext(audience=3)),
    }[part]

    def asked(context: ViewingContext) -> list[tuple[str, float]]:
        stated = context_to_proto(context)
        request = pb.GetRecommendationsRequest(limit=100, context=stated)
        answer = client.get_recommendations(request)
        return [(r.content_id, round(r.score, 4)) for r in answer.recommendations]

    assert asked(one) == asked(other), "nothing was watched yet"
    shelves = [[t for t in titles if genre in t.genres][:6] for genre in ("Comedy", "Horror")]
    for shelf, context in zip(shelves, (one, other), strict=True):
        for n, title in enumerate(shelf):
            at = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(days=n)
            name = f"{n}-{context.mask}"
            brain.observe(ViewingEvent(name, title.content_id, 1, 1, at, context=context))
    ours, theirs = asked(one), asked(other)
    assert ours != theirs
    mine = np.mean([n for n, (i, _) in enumerate(ours) if _is(titles, i, "Comedy")])
    yours = np.mean([n for n, (i, _) in enumerate(theirs) if _is(titles, i, "Comedy")])
    assert mine < yours, "comedies stand higher where they were watched"


def _is(titles: list[Content], content_id: str, genre: str) -> bool:
    return any(genre in title.genres for title in titles if title.content_id == content_id)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"available_services": ["s"] * 65}, "available_services"),
        ({"available_services": ["a b"]}, "available_services[0]"),
        ({"available_services": ["s" * 65]}, "available_services[0]"),
        ({"availabilities": [0]}, "availabilities[0]"),
        ({"availabilities": [1, 9]}, "availabilities[1]"),
        ({"kinds": [7]}, "kinds[0]"),
        ({"exclude_content_ids": ["i"] * 1_001}, "exclude_content_ids"),
        ({"exclude_content_ids": ["ok", ""]}, "exclude_content_ids[1]"),
        ({"exclude_content_ids": ["i" * 129]}, "exclude_content_ids[0]"),
        ({"exclude_genres": ["g"] * 17}, "exclude_genres"),
        ({"exclude_genres": ["g" * 65]}, "exclude_genres[0]"),
        ({"exclude_genres": [""]}, "exclude_genres[0]"),
        ({"diversity": -0.1}, "diversity"),
        ({"diversity": 1.1}, "diversity"),
        ({"diversity": float("nan")}, "diversity"),
        ({"content_ids": ["i"] * 1_001}, "content_ids"),
        ({"query_text": "q" * 257}, "query_text"),
        ({"context": context_pb2.ViewingContext(mood=9)}, "context.mood"),  # type: ignore[arg-type]  # out of bounds
    ],
)
def test_a_filter_out_of_bounds_is_refused_by_name(
    fields: dict[str, Any], field: str, client: BrainClient
) -> None:
    with pytest.raises(ServiceError) as caught:
        client.get_recommendations(pb.GetRecommendationsRequest(**fields))
    assert (caught.value.status, caught.value.field) == ("INVALID_ARGUMENT", field)


def test_the_bounds_themselves_are_within(client: BrainClient) -> None:
    fields: dict[str, Any] = {
        "limit": 100,
        "available_services": ["s" * 64] * 64,
        "availabilities": [1, 2, 3, 4],
        "kinds": [1, 2, 3],
        "exclude_content_ids": ["i" * 128] * 1_000,
        "exclude_genres": ["g" * 64] * 16,
        "diversity": 1.0,
    }
    request = pb.GetRecommendationsRequest(**fields)
    assert not client.get_recommendations(request).recommendations


def test_a_title_that_must_be_ranked_and_is_unknown_is_refused(client: BrainClient) -> None:
    request = pb.GetRecommendationsRequest(content_ids=["never:heard-of"])
    with pytest.raises(ServiceError) as caught:
        client.get_recommendations(request)
    assert (caught.value.status, caught.value.field) == ("NOT_FOUND", "content_ids[0]")


def test_age_ratings_come_over_the_socket_and_bind_a_profile(
    client: BrainClient, titles: list[Content]
) -> None:
    rated = [replace(t, minimum_age=(None, 0, 6, 18)[n % 4]) for n, t in enumerate(titles)]
    contents = [content_to_proto(title) for title in rated]
    client.upsert_contents(pb.UpsertContentsRequest(contents=contents))
    client.put_profile(pb.Profile(profile_id="kid", name="Kim", max_age_rating=6))
    answer = client.get_recommendations(pb.GetRecommendationsRequest(limit=100, profile_id="kid"))
    found = {r.content_id for r in answer.recommendations}
    assert found == _ids(rated, lambda t: t.minimum_age is not None and t.minimum_age <= 6)
    content = content_to_proto(titles[0])
    content.minimum_age = 22
    with pytest.raises(ServiceError) as caught:
        client.upsert_contents(pb.UpsertContentsRequest(contents=[content]))
    assert caught.value.status == "INVALID_ARGUMENT"
    assert caught.value.field == "contents[0].minimum_age"


def test_age_ratings_come_in_a_catalogue_file(tmp_path: Path, brain: Brain) -> None:
    lines: list[dict[str, Any]] = [
        {"content_id": "a", "title": "A", "kind": "movie", "minimum_age": 12},
        {"content_id": "b", "title": "B", "kind": "movie", "minimum_age": 0},
        {"content_id": "c", "title": "C", "kind": "movie"},
    ]
    path = tmp_path / "titles.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    contents = read_catalogue(path)
    assert [content.minimum_age for content in contents] == [12, 0, None]
    brain.upsert(contents)
    ages = brain.household.titles.minimum_ages[-3:]
    assert ages.tolist() == [12, 0, -1]
    for wrong in (22, -1, "12"):
        path.write_text(json.dumps({**lines[0], "minimum_age": wrong}) + "\n", "utf-8")
        with pytest.raises(OmegaError) as refused:
            read_catalogue(path)
        assert refused.value.field == "titles.jsonl:1.minimum_age"


def test_an_abandoned_title_is_still_seen_and_a_skipped_one_put_off(
    brain: Brain, ask: Ask, offered: list[Content], viewing: Viewing
) -> None:
    """History filters too: what was viewed never comes back."""
    brain.observe(replace(viewing(offered[0].content_id, 0.1), action=PlaybackAction.STOP))
    assert offered[0].content_id not in ask()
