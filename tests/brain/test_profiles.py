"""People of a household: their limits, their own history, and their erasure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_client import BrainClient, ServiceError
from omega_core.content import Content
from omega_core.profile import Profile
from omega_core.viewing import ViewingEvent
from omega_runtime import Mode

Viewing = Callable[..., ViewingEvent]
KID = Profile("kid", "Kim", max_age_rating=6, blocked_genres=("horror",))


@pytest.fixture
def rated(brain: Brain, titles: list[Content]) -> list[Content]:
    """The titles, every third not rated, the others for 0, 6, 12 or 16 years."""
    ages = (0, 6, 12, 16)
    marked = [
        replace(title, minimum_age=None if n % 3 == 0 else ages[n % 4])
        for n, title in enumerate(titles)
    ]
    brain.upsert(marked)
    return marked


def _fits(title: Content) -> bool:
    genres = {genre.casefold() for genre in title.genres}
    return title.minimum_age is not None and title.minimum_age <= 6 and "horror" not in genres


def _everything(client: BrainClient, **fields: object) -> list[str]:
    found: list[str] = []
    for offset in range(0, 200, 100):
        request = pb.GetRecommendationsRequest(limit=100, offset=offset, **fields)  # type: ignore[arg-type]  # fields by name
        found += [r.content_id for r in client.get_recommendations(request).recommendations]
    return found


def test_limits_hold_in_every_mode(brain: Brain, rated: list[Content]) -> None:
    brain.put_profile(KID)
    allowed = {title.content_id for title in rated if _fits(title)}
    assert 10 < len(allowed) < len(rated)
    query = RecommendQuery(limit=100, profile_id="kid")
    household = brain.household
    for answer in (
        brain.recommend(query),
        household.rank(query, (), None),
        household.popular(query, ()),
    ):
        assert set(answer.content_ids) == allowed
    brain.observe(ViewingEvent("e1", min(allowed), 0.9, 0.9, brain.clock.now(), profile_id="kid"))
    quick = household.quick(query, (), None, 50)
    assert quick.mode is Mode.DEGRADED
    assert set(quick.content_ids) == allowed - {min(allowed)}


def test_limits_change_with_the_profile_and_outlive_a_restart(
    brain: Brain, client: BrainClient, rated: list[Content], config: BrainConfig
) -> None:
    def put(**fields: object) -> bool:
        profile = pb.Profile(profile_id="kid", name="Kim", **fields)  # type: ignore[arg-type]  # fields by name
        return client.put_profile(profile).added

    assert put(max_age_rating=6, blocked_genres=["HORROR"])
    strict = set(_everything(client, profile_id="kid"))
    assert strict == {title.content_id for title in rated if _fits(title)}
    assert not put(max_age_rating=16)
    wider = set(_everything(client, profile_id="kid"))
    assert wider == {title.content_id for title in rated if title.minimum_age is not None}
    assert set(_everything(client)) == {title.content_id for title in rated}
    brain.close()
    again = Brain(config)
    listed = again.recommend(RecommendQuery(limit=100, profile_id="kid")).content_ids
    assert set(listed) <= wider
    assert [profile.profile_id for profile in again.persistence.profiles.all()] == ["kid"]
    again.close()


def test_a_profile_has_a_history_of_its_own_and_the_household_has_everybodys(
    brain: Brain, titles: list[Content], viewing: Viewing, config: BrainConfig
) -> None:
    brain.put_profile(Profile("kid", "Kim"))
    brain.put_profile(Profile("ann", "Ann"))
    brain.observe(replace(viewing(titles[0].content_id), profile_id="kid"))
    brain.observe(replace(viewing(titles[1].content_id), profile_id="ann"))
    brain.observe(viewing(titles[2].content_id))

    def missing(profile_id: str, brain: Brain) -> set[str]:
        shown: set[str] = set()
        for offset in (0, 100):
            query = RecommendQuery(limit=100, offset=offset, profile_id=profile_id)
            shown |= set(brain.recommend(query).content_ids)
        return {title.content_id for title in titles} - shown

    expected = {
        "kid": {titles[0].content_id},
        "ann": {titles[1].content_id},
        "": {title.content_id for title in titles[:3]},
    }
    assert {each: missing(each, brain) for each in expected} == expected
    brain.close()
    again = Brain(config)
    assert {each: missing(each, again) for each in expected} == expected
    again.close()


def test_deleting_a_profile_erases_what_it_watched(
    brain: Brain, client: BrainClient, titles: list[Content], viewing: Viewing, config: BrainConfig
) -> None:
    brain.put_profile(Profile("kid-of-this-house", "Kimberley-Quux"))
    seen = replace(viewing(titles[0].content_id), profile_id="kid-of-this-house")
    brain.observe(seen)
    brain.observe(viewing(titles[1].content_id))
    brain.backup()
    answer = client.delete_profile("kid-of-this-house")
    assert answer.events == 1
    assert not client.list_profiles().profiles
    with pytest.raises(ServiceError) as caught:
        _everything(client, profile_id="kid-of-this-house")
    assert (caught.value.status, caught.value.field) == ("NOT_FOUND", "profile_id")
    assert titles[0].content_id in _everything(client), "the household never saw it"
    for path in Path(config.storage_path).rglob("*"):
        if path.is_file():
            held = path.read_bytes()
            assert b"Kimberley-Quux" not in held, path
            assert seen.event_id.encode() + b"\x00" not in held


@pytest.mark.parametrize(
    ("profile", "field"),
    [
        (pb.Profile(name="x"), "profile.profile_id"),
        (pb.Profile(profile_id="a b", name="x"), "profile.profile_id"),
        (pb.Profile(profile_id="a"), "profile.name"),
        (pb.Profile(profile_id="a", name="x", max_age_rating=22), "profile.max_age_rating"),
        (pb.Profile(profile_id="a", name="x", blocked_genres=["g"] * 65), "profile.blocked_genres"),
        (pb.Profile(profile_id="a", name="x", blocked_genres=[""]), "profile.blocked_genres[0]"),
    ],
)
def test_a_bad_profile_is_refused_by_name(
    profile: pb.Profile, field: str, client: BrainClient
) -> None:
    with pytest.raises(ServiceError) as caught:
        client.put_profile(profile)
    assert (caught.value.status, caught.value.field) == ("INVALID_ARGUMENT", field)
    assert not client.list_profiles().profiles


def test_a_seventeenth_profile_and_unknown_ones_are_refused(client: BrainClient) -> None:
    for n in range(16):
        profile = pb.Profile(profile_id=f"p{n}", name=f"P {n}")
        assert client.put_profile(profile).added
    one_more = pb.Profile(profile_id="p16", name="P 16")
    with pytest.raises(ServiceError) as caught:
        client.put_profile(one_more)
    assert caught.value.status == "INVALID_ARGUMENT"
    with pytest.raises(ServiceError) as caught:
        client.delete_profile("p16")
    assert (caught.value.status, caught.value.field) == ("NOT_FOUND", "profile_id")
    with pytest.raises(ServiceError) as caught:
        client.delete_profile("")
    assert (caught.value.status, caught.value.field) == ("INVALID_ARGUMENT", "profile_id")
    assert len(client.list_profiles().profiles) == 16
