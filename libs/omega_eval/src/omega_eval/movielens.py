"""MovieLens (ml-latest-small) as a catalogue and households: one user = one TV.

The files are GroupLens's and no part of this project: Harper & Konstan 2015, The MovieLens
Datasets, ACM TiiS 5(4).
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from omega_core.content import Content
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_eval.household import Household
from omega_eval.ratings import Rating, RatingReader, households_of
from omega_titles.movielens import (
    MOVIE_COLUMNS,
    MOVIES,
    TAG_COLUMNS,
    TAGS,
    describe,
    film,
    genres_of,
    integer,
    tag_of,
)

RATINGS = "ratings.csv"
USERS = 610
"""Users of the published set; some copies carry more, appended later, which are dropped."""


def load_movielens(path: Path) -> tuple[list[Content], list[Household]]:
    """The titles in the order of movies.csv, and the households in the order of user ids.

    A title is "ml:<movieId>" and its description lists its most frequent tags. A household is
    "ml-<userId>"; rating / 5 stands for both the share watched and the engagement, and the
    rating's time for the end of the viewing. MovieLens begins in 1996, so some events lie before
    the earliest instant that a brain accepts.

    Args:
        path: the folder with movies.csv, ratings.csv and tags.csv.

    Raises:
        OmegaError: INVALID_FIELD that names OMEGA_DATA when a file is missing or not readable, or
            the file and line of a bad row.
    """
    tags = _tags(path)
    contents: dict[int, Content] = {}
    for at, row in _rows(path, MOVIES, MOVIE_COLUMNS):
        movie = integer(f"{at}.movieId", row[0])
        if movie in contents:
            raise invalid(f"{at}.movieId", "unique in the file")
        contents[movie] = film(at, movie, row[1], genres_of(row[2]), describe(tags[movie]))
    return list(contents.values()), households_of(_ratings(path, contents))


def _tags(path: Path) -> defaultdict[int, Counter[str]]:
    tags: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for at, row in _rows(path, TAGS, TAG_COLUMNS):
        user, movie = integer(f"{at}.userId", row[0]), integer(f"{at}.movieId", row[1])
        tag = tag_of(row[2])
        if user <= USERS and tag:
            tags[movie][tag] += 1
    return tags


def _ratings(path: Path, contents: dict[int, Content]) -> list[Rating]:
    reader = RatingReader(contents, MOVIES)
    return [
        reader.read(at, row)
        for at, row in _rows(path, RATINGS, ("userId", "movieId", "rating", "timestamp"))
        if integer(f"{at}.userId", row[0]) <= USERS
    ]


def _rows(path: Path, name: str, header: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each row of a file under its header, with the name errors give it, such as "tags.csv:2"."""
    try:
        with (path / name).open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file, strict=True)
            if next(reader, None) != list(header):
                raise invalid(f"{name}:1", ",".join(header))
            for row in reader:
                at = f"{name}:{reader.line_num}"
                if len(row) != len(header):
                    raise invalid(at, f"{len(header)} columns")
                yield at, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OmegaError(
            ErrorCode.INVALID_FIELD,
            field="OMEGA_DATA",
            bound=f"a folder with a readable {name} of MovieLens",
            detail=str(error),
        ) from error
