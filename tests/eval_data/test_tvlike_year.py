"""A made-up year holds what its truth file says was planted, and is the same every time."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from omega_cli.main import main
from omega_core.content import Content
from omega_core.errors import OmegaError
from omega_eval.datasets import load_dataset
from omega_eval.sample import load_sample
from omega_eval.tvlike import TvLike, generate, write
from omega_eval.tvlike_world import CHILDRENS, REGIONS, SEASONS, START, TREND_DAYS

CATALOGUE = Path(__file__).parents[2] / "data" / "sample" / "titles.jsonl"
COUNT, SEED = 150, 3


@pytest.fixture(scope="module")
def titles() -> list[Content]:
    return load_sample(CATALOGUE)


@pytest.fixture(scope="module")
def year(titles: list[Content]) -> TvLike:
    return generate(titles, COUNT, SEED)


def test_the_same_seed_gives_the_same_year_and_more_only_add(
    titles: list[Content], year: TvLike
) -> None:
    fewer = generate(titles, 20, SEED)
    assert fewer.households == year.households[:20]
    assert (fewer.trends, fewer.arrivals) == (year.trends, year.arrivals)
    assert generate(titles, 3, SEED + 1).households != year.households[:3]


def test_ids_are_labelled_and_unique(year: TvLike) -> None:
    for household in year.households:
        assert household.synthetic
        assert household.household_id.startswith("synthetic-")
        assert all(a.occurred_at <= b.occurred_at for a, b in pairwise(household.events))
    ids = [event.event_id for household in year.households for event in household.events]
    assert len(set(ids)) == len(ids)
    lengths = [len(household.events) for household in year.households]
    assert min(lengths) >= 30
    assert max(lengths) <= 160


def test_both_successes_and_failures_occur(year: TvLike) -> None:
    events = [event for household in year.households for event in household.events]
    assert 0.4 < np.mean([event.success for event in events]) < 0.85


def test_households_have_one_to_four_members_who_watch(year: TvLike) -> None:
    sizes = Counter(len(members) for members in year.members.values())
    assert set(sizes) == {1, 2, 3, 4}
    for household in year.households:
        names = {member.profile for member in year.members[household.household_id]}
        assert {event.profile_id for event in household.events} <= names | {""}
    assert set(Counter(year.regions.values())) == set(REGIONS)


def test_children_watch_childrens_titles_at_their_hours(
    titles: list[Content], year: TvLike
) -> None:
    genres = {title.content_id: set(title.genres) for title in titles}
    events = [event for household in year.households for event in household.events]
    children = [event for event in events if event.profile_id.startswith("child")]
    adults = [event for event in events if event.profile_id.startswith("adult")]
    together = [event for event in events if not event.profile_id]
    assert min(len(children), len(adults), len(together)) > 100
    for event in children:
        weekend = event.context.day_type == 2
        assert event.context.time_of_day == (1 if weekend else 2)
        assert event.occurred_at.hour in ((8, 9) if weekend else (15, 16))
        assert genres[event.content_id] & CHILDRENS
        assert event.context.audience == 3
    assert {event.context.time_of_day for event in adults} == {3, 4}
    assert all(event.context.day_type == 2 for event in together)
    assert all(genres[event.content_id] & CHILDRENS for event in together)
    assert np.mean([event.success for event in together]) > 0.4
    for_children = np.mean([bool(genres[event.content_id] & CHILDRENS) for event in adults])
    assert for_children < 0.2


def test_a_trend_is_watched_in_its_region_and_time(year: TvLike) -> None:
    living = Counter(year.regions.values())
    assert Counter(trend.region for trend in year.trends) == dict.fromkeys(REGIONS, 3)
    assert len({trend.title for trend in year.trends}) == 12
    inside, elsewhere = 0.0, 0.0
    for trend in year.trends:
        assert trend.ends - trend.begins == timedelta(days=TREND_DAYS)
        shares = {}
        for there in (True, False):
            watched = sum(
                event.content_id == trend.title and trend.begins <= event.occurred_at < trend.ends
                for household in year.households
                if (year.regions[household.household_id] == trend.region) is there
                for event in household.events
            )
            homes = sum(n for region, n in living.items() if (region == trend.region) is there)
            shares[there] = watched / homes
        assert shares[True] > 2 * shares[False]
        inside, elsewhere = inside + shares[True], elsewhere + shares[False]
    assert inside > 10 * elsewhere


def test_nobody_watches_a_title_before_it_arrives(titles: list[Content], year: TvLike) -> None:
    assert len(year.arrivals) == round(0.15 * len(titles))
    events = [event for household in year.households for event in household.events]
    late = [event for event in events if event.content_id in year.arrivals]
    assert len(late) > 100
    assert all(event.occurred_at >= year.arrivals[event.content_id] for event in late)


def test_a_genre_is_watched_more_in_its_season(titles: list[Content], year: TvLike) -> None:
    genres = {title.content_id: set(title.genres) for title in titles}
    events = [event for household in year.households for event in household.events]
    for genre, months in SEASONS.items():
        shares = {}
        for season in (True, False):
            part = [e for e in events if (e.occurred_at.month in months) is season]
            shares[season] = np.mean([genre in genres[e.content_id] for e in part])
        assert shares[True] > 1.3 * shares[False], genre


def test_the_command_writes_what_a_study_reads(
    year: TvLike, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "made" / "year"
    arguments = ["--households", "6", "--seed", str(SEED)]
    assert main(["eval", "generate", "--out", str(folder), *arguments]) == 0
    assert "6 made-up households" in capsys.readouterr().out
    data = load_dataset(folder)
    assert data.synthetic
    assert data.contents == year.contents
    assert data.regions == {h.household_id: year.regions[h.household_id] for h in data.households}
    assert [h.household_id for h in data.households] == [
        h.household_id for h in year.households[:6]
    ]
    for read, made in zip(data.households, year.households, strict=False):
        assert [(e.content_id, e.occurred_at, e.watch_percentage, e.context, e.profile_id)
                for e in read.events] == [
            (e.content_id, e.occurred_at, e.watch_percentage, e.context, e.profile_id)
            for e in made.events
        ]  # fmt: skip
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    assert truth["synthetic"] is True
    assert datetime.fromisoformat(truth["start"]) == START
    assert len(truth["trends"]) == len(year.trends)
    assert truth["trends"][0]["title"] == year.trends[0].title
    assert set(truth["households"]) == set(data.regions)


def test_a_folder_written_twice_holds_the_same_bytes(titles: list[Content], tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(generate(titles, 5, 1), tmp_path / name)
    for file in ("viewings.csv", "titles.csv", "truth.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_bad_arguments_are_refused(
    titles: list[Content], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OmegaError, match="households must be between"):
        generate(titles, 0, 1)
    with pytest.raises(OmegaError, match="enough titles for 12 trends"):
        generate(titles[:8], 3, 1)
    taken = tmp_path / "file"
    taken.write_text("", "utf-8")
    assert main(["eval", "generate", "--out", str(taken)]) == 1
    assert "out must be a folder" in capsys.readouterr().err
