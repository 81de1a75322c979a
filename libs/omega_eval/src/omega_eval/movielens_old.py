"""The older forms of MovieLens: `::` between cells (ml-1m, ml-10m), tabs and bars (ml-100k).

The files are GroupLens's and no part of this project; see omega_eval.movielens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from omega_core.content import Content
from omega_core.errors import invalid
from omega_eval.household import Household
from omega_eval.ratings import RatingReader, households_of
from omega_titles.movielens import NO_GENRES, film, integer

MOVIES_DAT, RATINGS_DAT = "movies.dat", "ratings.dat"
DATA, ITEM, GENRE = "u.data", "u.item", "u.genre"
_FLAGS_FROM = 5
_UNKNOWN = "unknown"


def load_double_colon(path: Path) -> tuple[list[Content], list[Household]]:
    """movies.dat (id::title::genres) and ratings.dat (user::movie::rating::second).

    Titles and households are as in omega_eval.movielens.load_movielens; there are no tags.

    Raises:
        OmegaError: INVALID_FIELD that names the file, and the line and field of a bad row.
    """
    contents: dict[int, Content] = {}
    for at, row in _rows(path, MOVIES_DAT, "::", 3):
        genres = [] if row[2] in {"", NO_GENRES} else row[2].split("|")
        _add(contents, at, row, genres)
    reader = RatingReader(contents, MOVIES_DAT)
    ratings = [reader.read(at, row) for at, row in _rows(path, RATINGS_DAT, "::", 4)]
    return list(contents.values()), households_of(ratings)


def load_tabs(path: Path) -> tuple[list[Content], list[Household]]:
    """u.item and u.genre (bars, Latin-1) and u.data (user, item, rating, second; tabs).

    u.genre has a line "name|number" a genre; a line of u.item ends with a 0 or 1 a genre, in the
    order of these numbers. The genre "unknown" is none.

    Raises:
        OmegaError: INVALID_FIELD that names the file, and the line and field of a bad row.
    """
    genres: list[str] = []
    for at, row in _rows(path, GENRE, "|", 2):
        if integer(f"{at}.number", row[1]) != len(genres):
            raise invalid(f"{at}.number", f"{len(genres)}, counted from 0")
        genres.append(row[0])
    contents: dict[int, Content] = {}
    for at, row in _rows(path, ITEM, "|", _FLAGS_FROM + len(genres)):
        flags = row[_FLAGS_FROM:]
        if not set(flags) <= {"0", "1"}:
            raise invalid(f"{at}.genres", "0 or 1 for each genre")
        held = [g for g, flag in zip(genres, flags, strict=True) if flag == "1" and g != _UNKNOWN]
        _add(contents, at, row, held)
    reader = RatingReader(contents, ITEM)
    ratings = [reader.read(at, row) for at, row in _rows(path, DATA, "\t", 4)]
    return list(contents.values()), households_of(ratings)


def _text(data: bytes) -> str:
    """UTF-8 as in ml-10m, else Latin-1 as in the others."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _add(contents: dict[int, Content], at: str, row: list[str], genres: Sequence[str]) -> None:
    movie = integer(f"{at}.movieId", row[0])
    if movie in contents:
        raise invalid(f"{at}.movieId", "unique in the file")
    contents[movie] = film(at, movie, row[1], genres)


def _rows(path: Path, name: str, separator: str, cells: int) -> Iterator[tuple[str, list[str]]]:
    """Each line that is not empty, with the name errors give it, such as "u.data:2"."""
    try:
        data = (path / name).read_bytes()
    except OSError as error:
        raise invalid(name, f"a readable file in {path.name}") from error
    # Not splitlines: a title may hold separators of other kinds.
    for number, line in enumerate(_text(data).split("\n"), 1):
        row = line.removesuffix("\r").split(separator)
        if row == [""]:
            continue
        at = f"{name}:{number}"
        if len(row) != cells:
            raise invalid(at, f"{cells} cells between {separator!r}")
        yield at, row
