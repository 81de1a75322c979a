"""The catalogue that ships: what the README promises of it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from omega_core.content import Content, ContentKind
from omega_core.errors import ErrorCode, OmegaError
from omega_eval.sample import load_sample, sample_path

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "data" / "sample" / "titles.jsonl"


@pytest.fixture(scope="module")
def titles() -> list[Content]:
    return load_sample(CATALOGUE)


def test_it_is_large_and_broad(titles: list[Content]) -> None:
    kinds = Counter(title.kind for title in titles)
    assert kinds[ContentKind.MOVIE] >= 330
    assert kinds[ContentKind.SERIES] >= 100
    assert {title.year // 10 for title in titles} == set(range(192, 203))
    assert len({title.country for title in titles}) >= 20


def test_ids_follow_from_kind_title_and_year(titles: list[Content]) -> None:
    for title in titles:
        kind = title.kind.name.lower()
        assert re.fullmatch(rf"{kind}:[a-z0-9]+(-[a-z0-9]+)*-{title.year}", title.content_id)


def test_no_title_stands_twice(titles: list[Content]) -> None:
    assert len({(title.title.lower(), title.kind, title.year) for title in titles}) == len(titles)
    assert len({title.description for title in titles}) == len(titles)


def test_titles_stand_in_the_stated_order(titles: list[Content]) -> None:
    keys = [(title.kind, title.year, title.title) for title in titles]
    assert keys == sorted(keys)


def test_genres_are_two_to_four_of_the_listed_ones_and_all_are_used(titles: list[Content]) -> None:
    readme = (CATALOGUE.parent / "README.md").read_text(encoding="utf-8")
    match = re.search(r"^Genres: (.*?)\.$", readme, re.MULTILINE | re.DOTALL)
    assert match
    listed = set(re.split(r",\s+", match[1]))
    assert all(2 <= len(set(title.genres)) == len(title.genres) <= 4 for title in titles)
    assert {genre for title in titles for genre in title.genres} == listed


def test_every_title_has_a_year_a_country_and_one_sentence(titles: list[Content]) -> None:
    for title in titles:
        assert 1920 <= title.year <= 2026, title
        assert title.country, title
        assert 60 <= len(title.description) <= 160, title
        assert title.description.endswith("."), title
        assert title.description == " ".join(title.description.split()), title


def test_it_is_found_from_any_folder_of_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent)
    assert sample_path() == CATALOGUE
    assert load_sample() == load_sample(CATALOGUE)


def test_outside_the_repository_the_error_says_where_it_should_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OmegaError, match=r"data/sample/titles\.jsonl") as caught:
        load_sample()
    assert caught.value.code is ErrorCode.INVALID_FIELD
