"""MovieLens (ml-latest-small) as a catalogue and households: one user = one TV.

The files are GroupLens's and no part of this project: Harper & Konstan 2015, The MovieLens
Datasets, ACM TiiS 5(4).
"""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from omega_core.content import Content, ContentKind, check_content
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_core.viewing import ViewingEvent
from omega_eval.household import Household

MOVIES, RATINGS, TAGS = "movies.csv", "ratings.csv", "tags.csv"
USERS = 610
"""Users of the published set; some copies carry more, appended later, which are dropped."""
MAX_TAGS = 12
"""Most tags in a description."""
BEST = 5.0
"""The highest rating; shares are rating / BEST, so 4 stars succeed and 3.5 do not."""
TIE_SEED = 7
"""Seed of the shuffle that orders ratings given in the same second."""

_TITLE = re.compile(r"(?P<title>.*\S)\s*\((?P<year>\d{4})\)\Z")
_NO_GENRES = "(no genres listed)"
_DIGITS = 12
_LAST_SECOND = 4_102_444_800  # 2100-01-01


@dataclass(frozen=True)
class _Rating:
    user: int
    movie: int
    share: float
    second: int


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
    for at, row in _rows(path, MOVIES, ("movieId", "title", "genres")):
        movie = _integer(f"{at}.movieId", row[0])
        if movie in contents:
            raise invalid(f"{at}.movieId", "unique in the file")
        contents[movie] = _content(at, movie, row[1], row[2], tags[movie])
    return list(contents.values()), _households(_ratings(path, contents))


def _content(at: str, movie: int, full: str, genres: str, tags: Counter[str]) -> Content:
    full = full.strip()
    match = _TITLE.match(full)
    top = sorted(tags, key=lambda tag: (-tags[tag], tag))[:MAX_TAGS]
    content = Content(
        content_id=f"ml:{movie}",
        title=match["title"] if match else full,
        kind=ContentKind.MOVIE,
        genres=() if genres == _NO_GENRES else tuple(genres.split("|")),
        year=int(match["year"]) if match else 0,
        description="Tags: " + ", ".join(top) if top else "",
    )
    return check_content(content, at)


def _tags(path: Path) -> defaultdict[int, Counter[str]]:
    tags: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for at, row in _rows(path, TAGS, ("userId", "movieId", "tag", "timestamp")):
        user, movie = _integer(f"{at}.userId", row[0]), _integer(f"{at}.movieId", row[1])
        tag = " ".join(row[2].lower().split())
        if user <= USERS and tag:
            tags[movie][tag] += 1
    return tags


def _ratings(path: Path, contents: dict[int, Content]) -> list[_Rating]:
    ratings: list[_Rating] = []
    seen: set[tuple[int, int]] = set()
    for at, row in _rows(path, RATINGS, ("userId", "movieId", "rating", "timestamp")):
        user, movie = _integer(f"{at}.userId", row[0]), _integer(f"{at}.movieId", row[1])
        if user > USERS:
            continue
        if movie not in contents:
            raise invalid(f"{at}.movieId", f"one of {MOVIES}")
        if (user, movie) in seen:
            raise invalid(at, "the only rating of this movie by this user")
        seen.add((user, movie))
        second = _integer(f"{at}.timestamp", row[3])
        if second > _LAST_SECOND:
            raise invalid(f"{at}.timestamp", "seconds since 1970 before the year 2100")
        ratings.append(_Rating(user, movie, _stars(f"{at}.rating", row[2]) / BEST, second))
    return ratings


def _households(ratings: Sequence[_Rating]) -> list[Household]:
    shuffled = np.random.default_rng(TIE_SEED).permutation(len(ratings))
    ordered = sorted((ratings[i] for i in shuffled), key=lambda r: (r.user, r.second))
    events: defaultdict[int, list[ViewingEvent]] = defaultdict(list)
    for rating in ordered:
        events[rating.user].append(
            ViewingEvent(
                event_id=f"ml-{rating.user}-{rating.movie}",
                content_id=f"ml:{rating.movie}",
                watch_percentage=rating.share,
                engagement_score=rating.share,
                occurred_at=datetime.fromtimestamp(rating.second, UTC),
            )
        )
    return [Household(f"ml-{user}", tuple(seen), synthetic=False) for user, seen in events.items()]


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


def _integer(field: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= _DIGITS):
        raise invalid(field, f"an integer of at most {_DIGITS} digits")
    return int(value)


def _stars(field: str, value: str) -> float:
    try:
        stars = float(value)
    except ValueError:
        raise invalid(field, "a number") from None
    if not 0 < stars <= BEST:
        raise invalid(field, f"above 0 and at most {BEST:g}")
    return stars
