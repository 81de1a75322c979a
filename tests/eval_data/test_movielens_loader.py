"""MovieLens files become titles and households; whatever is wrong with them is named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from omega_core.content import Content, ContentKind
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingEvent
from omega_eval.movielens import load_movielens

MOVIES = [
    "movieId,title,genres",
    "1,Some Film (1999),Comedy|Drama",
    '7,"Long Night, The (2003) ",(no genres listed)',
    "31,Nameless Series,Sci-Fi",
    "90,Desert (1977) Again (2006–2007),Western",
]
RATINGS = [
    "userId,movieId,rating,timestamp",
    "2,7,5.0,1100000000",
    "1,1,4.0,964982703",
    "1,31,3.5,964982700",
    "611,1,5.0,964982703",
    "610,90,0.5,964982703",
]
TAGS = [
    "userId,movieId,tag,timestamp",
    "2,1,slow,1445714994",
    "3,1, Funny ,1445714994",
    "3,1,boring  end,1445714994",
    "2,1,funny,1445714994",
    "611,1,dropped,1445714994",
    "2,7,,1445714994",
]


def write(folder: Path, **changes: list[str]) -> Path:
    files = {"movies": MOVIES, "ratings": RATINGS, "tags": TAGS} | changes
    for name, lines in files.items():
        (folder / f"{name}.csv").write_text("\r\n".join([*lines, ""]), encoding="utf-8")
    return folder


def failure(folder: Path) -> OmegaError:
    with pytest.raises(OmegaError) as caught:
        load_movielens(folder)
    assert caught.value.code is ErrorCode.INVALID_FIELD
    return caught.value


def test_titles_carry_year_genres_and_most_frequent_tags(tmp_path: Path) -> None:
    contents, _ = load_movielens(write(tmp_path))
    assert contents == [
        Content(
            "ml:1",
            "Some Film",
            ContentKind.MOVIE,
            ("Comedy", "Drama"),
            1999,
            description="Tags: funny, boring end, slow",
        ),
        Content("ml:7", "Long Night, The", ContentKind.MOVIE, (), 2003),
        Content("ml:31", "Nameless Series", ContentKind.MOVIE, ("Sci-Fi",)),
        Content("ml:90", "Desert (1977) Again (2006–2007)", ContentKind.MOVIE, ("Western",)),
    ]


def test_a_description_names_at_most_twelve_tags(tmp_path: Path) -> None:
    tags = [TAGS[0], "1,1,zoo,1", "2,1,zoo,1", *(f"1,1,tag{i:02d},1" for i in range(20))]
    contents, _ = load_movielens(write(tmp_path, tags=tags))
    assert contents[0].description == "Tags: zoo, " + ", ".join(f"tag{i:02d}" for i in range(11))


def test_ratings_become_events_in_the_order_of_time(tmp_path: Path) -> None:
    _, households = load_movielens(write(tmp_path))
    assert [household.household_id for household in households] == ["ml-1", "ml-2", "ml-610"]
    assert not any(household.synthetic for household in households)
    late, early = datetime(2000, 7, 30, 18, 45, 3, tzinfo=UTC), 964982700
    assert households[0].events == (
        ViewingEvent("ml-1-31", "ml:31", 0.7, 0.7, datetime.fromtimestamp(early, UTC)),
        ViewingEvent("ml-1-1", "ml:1", 0.8, 0.8, late),
    )


@pytest.mark.parametrize(("stars", "success"), [("3.5", False), ("4.0", True), ("5", True)])
def test_four_stars_succeed_and_less_does_not(tmp_path: Path, stars: str, *, success: bool) -> None:
    _, households = load_movielens(write(tmp_path, ratings=[RATINGS[0], f"1,1,{stars},964982703"]))
    assert households[0].events[0].success is success


def test_ratings_of_one_second_are_shuffled_the_same_way_each_time(tmp_path: Path) -> None:
    movies = [MOVIES[0], *(f"{i},Film (1999),Drama" for i in range(1, 31))]
    ratings = [RATINGS[0], *(f"1,{i},4,964982703" for i in range(1, 31))]
    folder = write(tmp_path, movies=movies, ratings=ratings, tags=TAGS[:1])
    first, second = (load_movielens(folder)[1][0].events for _ in range(2))
    in_file = [f"ml:{i}" for i in range(1, 31)]
    seen = [event.content_id for event in first]
    assert first == second
    assert seen != in_file
    assert sorted(seen) == sorted(in_file)


@pytest.mark.parametrize("name", ["movies", "ratings", "tags"])
def test_a_missing_file_names_the_setting_and_the_file(tmp_path: Path, name: str) -> None:
    (write(tmp_path) / f"{name}.csv").unlink()
    error = failure(tmp_path)
    assert error.field == "OMEGA_DATA"
    assert f"{name}.csv" in error.public_text


def test_a_file_that_is_not_text_names_the_setting_and_the_file(tmp_path: Path) -> None:
    (write(tmp_path) / "movies.csv").write_bytes(b"\xff\xfe" * 8)
    assert "movies.csv" in failure(tmp_path).public_text


@pytest.mark.parametrize(
    ("name", "row", "field"),
    [
        ("movies", "x,Film (1999),Drama", "movies.csv:6.movieId"),
        ("movies", "1,Film (1999),Drama", "movies.csv:6.movieId"),
        ("movies", "2,Film (1999)", "movies.csv:6"),
        ("movies", "2,,Drama", "movies.csv:6.title"),
        ("movies", "2,Film (1066),Drama", "movies.csv:6.year"),
        ("movies", "2,Film (1999),Drama||War", "movies.csv:6.genres[1]"),
        ("ratings", "1,7,4.0", "ratings.csv:7"),
        ("ratings", "-1,7,4.0,964982703", "ratings.csv:7.userId"),
        ("ratings", "1,8,4.0,964982703", "ratings.csv:7.movieId"),
        ("ratings", "1,1,4.0,964982799", "ratings.csv:7"),
        ("ratings", "1,7,good,964982703", "ratings.csv:7.rating"),
        ("ratings", "1,7,nan,964982703", "ratings.csv:7.rating"),
        ("ratings", "1,7,5.5,964982703", "ratings.csv:7.rating"),
        ("ratings", "1,7,0,964982703", "ratings.csv:7.rating"),
        ("ratings", "1,7,4.0,yesterday", "ratings.csv:7.timestamp"),
        ("ratings", "1,7,4.0,964982703000", "ratings.csv:7.timestamp"),
        ("ratings", "1,7,4.0," + "9" * 5000, "ratings.csv:7.timestamp"),
        ("tags", "x,1,dull,1445714994", "tags.csv:8.userId"),
        ("tags", "1,1", "tags.csv:8"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, name: str, row: str, field: str) -> None:
    lines = {"movies": MOVIES, "ratings": RATINGS, "tags": TAGS}[name]
    assert failure(write(tmp_path, **{name: [*lines, row]})).field == field


def test_a_wrong_header_is_named(tmp_path: Path) -> None:
    assert failure(write(tmp_path, tags=["tag,movieId"])).field == "tags.csv:1"
    assert failure(write(tmp_path, tags=[])).field == "tags.csv:1"
