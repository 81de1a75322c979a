"""Titles of MovieLens: movies.csv, and tags.csv beside it.

The files are GroupLens's and no part of this project: Harper & Konstan 2015, The MovieLens
Datasets, ACM TiiS 5(4).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from omega_core.content import Content, ContentKind, check_content
from omega_core.errors import invalid
from omega_titles.cells import cells
from omega_titles.rows import Collector, Line, TitleFile, lines

MOVIES, TAGS = "movies.csv", "tags.csv"
"""Names of the two files."""
MOVIE_COLUMNS = ("movieId", "title", "genres")
"""Header of movies.csv."""
TAG_COLUMNS = ("userId", "movieId", "tag", "timestamp")
"""Header of tags.csv."""
MAX_TAGS = 12
"""Most tags in a description."""
NO_GENRES = "(no genres listed)"
"""What stands in place of genres where there are none."""

_TITLE = re.compile(r"(?P<title>.*\S)\s*\((?P<year>\d{4})\)\Z")
_DIGITS = 12


def read(stream: BinaryIO) -> TitleFile:
    """The titles of movies.csv.

    Raises:
        OmegaError: INVALID_FIELD `file` when its header is another one.
        OSError: it cannot be read.
    """
    found = Collector()
    _movies(stream, found, {})
    return found.file()


def read_folder(folder: Path) -> TitleFile:
    """The titles of movies.csv, described by the tags of tags.csv where there is one.

    A title is "ml:<movieId>"; its description lists its most frequent tags.

    Raises:
        OmegaError: INVALID_FIELD `file` when a header is another one.
        OSError: a file cannot be read.
    """
    found = Collector()
    tags: Mapping[int, Counter[str]] = {}
    if (folder / TAGS).is_file():
        with (folder / TAGS).open("rb") as stream:
            tags = _tags(stream, found)
    with (folder / MOVIES).open("rb") as stream:
        _movies(stream, found, tags)
    return found.file()


def film(at: str, movie: int, full: str, genres: Sequence[str], description: str = "") -> Content:
    """A film "ml:<movie>"; `full` ends with its year in brackets, if that is known.

    Raises:
        OmegaError: INVALID_FIELD that names `at` and the field.
    """
    full = full.strip()
    match = _TITLE.match(full)
    content = Content(
        content_id=f"ml:{movie}",
        title=match["title"] if match else full,
        kind=ContentKind.MOVIE,
        genres=tuple(genres),
        year=int(match["year"]) if match else 0,
        description=description,
    )
    return check_content(content, at)


def genres_of(cell: str) -> list[str]:
    """The genres of a cell of movies.csv."""
    return [] if cell == NO_GENRES else cell.split("|")


def tag_of(cell: str) -> str:
    """A tag in the form in which equal ones are counted as one; may be empty."""
    return " ".join(cell.lower().split())


def describe(tags: Counter[str]) -> str:
    """What a film's tags say of it: the most frequent ones, then by name; empty without any."""
    top = sorted(tags, key=lambda tag: (-tags[tag], tag))[:MAX_TAGS]
    return "Tags: " + ", ".join(top) if top else ""


def integer(field: str, value: str) -> int:
    """A number of at most 12 digits.

    Raises:
        OmegaError: INVALID_FIELD that names `field`.
    """
    if not (value.isascii() and value.isdigit() and len(value) <= _DIGITS):
        raise invalid(field, f"an integer of at most {_DIGITS} digits")
    return int(value)


def _movies(stream: BinaryIO, found: Collector, tags: Mapping[int, Counter[str]]) -> None:
    for line in _below_header(stream, MOVIES, MOVIE_COLUMNS):
        with found.row(line.number):
            row = _row(line, MOVIE_COLUMNS)
            movie = integer(f"{line.name}.movieId", row[0])
            text = describe(tags.get(movie, Counter()))
            found.add(line.number, film(line.name, movie, row[1], genres_of(row[2]), text))


def _tags(stream: BinaryIO, found: Collector) -> Mapping[int, Counter[str]]:
    tags: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for line in _below_header(stream, TAGS, TAG_COLUMNS):
        with found.row(line.number):
            row = _row(line, TAG_COLUMNS, f".{TAGS}")
            movie = integer(f"{line.name}.{TAGS}.movieId", row[1])
            if tag := tag_of(row[2]):
                tags[movie][tag] += 1
    return tags


def _below_header(stream: BinaryIO, name: str, header: Sequence[str]) -> Iterator[Line]:
    below = lines(stream)
    first = next(below, None)
    if first is None or first.data.decode("utf-8", "replace").split(",") != list(header):
        raise invalid("file", f"{name} of MovieLens, which begins with {','.join(header)}")
    yield from (line for line in below if line.data or not line.whole)


def _row(line: Line, header: Sequence[str], of: str = "") -> list[str]:
    row = cells(line.name + of, line.text())
    if len(row) != len(header):
        raise invalid(line.name + of, f"{len(header)} cells")
    return row
