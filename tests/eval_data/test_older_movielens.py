"""The older forms of MovieLens give what the newer one gives; whatever is wrong is named."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omega_core.content import Content, ContentKind
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingEvent
from omega_eval.movielens_old import load_double_colon, load_tabs

DAT = {
    "movies.dat": ["1::Some Film (1999)::Comedy|Drama", "7::Amélie (2001)::(no genres listed)"],
    "ratings.dat": ["2::7::5::1100000000", "1::1::4::964982703", "1::7::3.5::964982700"],
}
TABS = {
    "u.genre": ["unknown|0", "Comedy|1", "Drama|2", ""],
    "u.item": [
        "1|Some Film (1999)|01-Jan-1999||http://x|0|1|1",
        "7|Amélie (2001)|||http://x|1|0|0",
    ],
    "u.data": ["2\t7\t5\t1100000000", "1\t1\t4\t964982703", "1\t7\t3.5\t964982700"],
}
FILMS = [
    Content("ml:1", "Some Film", ContentKind.MOVIE, ("Comedy", "Drama"), 1999),
    Content("ml:7", "Amélie", ContentKind.MOVIE, (), 2001),
]


def write(folder: Path, files: Mapping[str, list[str]], encoding: str = "latin-1") -> Path:
    for name, lines in files.items():
        (folder / name).write_bytes("\n".join([*lines, ""]).encode(encoding))
    return folder


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_double_colons(tmp_path: Path, encoding: str) -> None:
    contents, households = load_double_colon(write(tmp_path, DAT, encoding))
    assert contents == FILMS
    assert [household.household_id for household in households] == ["ml-1", "ml-2"]
    assert households[0].events == (
        ViewingEvent("ml-1-7", "ml:7", 0.7, 0.7, datetime.fromtimestamp(964982700, UTC)),
        ViewingEvent("ml-1-1", "ml:1", 0.8, 0.8, datetime.fromtimestamp(964982703, UTC)),
    )


def test_tabs_and_bars(tmp_path: Path) -> None:
    other = tmp_path / "dat"
    other.mkdir()
    contents, households = load_tabs(write(tmp_path, TABS))
    assert contents == FILMS
    assert households == load_double_colon(write(other, DAT))[1]


def test_lines_may_end_as_on_other_systems(tmp_path: Path) -> None:
    for name, lines in DAT.items():
        (tmp_path / name).write_bytes("\r\n".join(lines).encode("latin-1"))
    assert load_double_colon(tmp_path)[0] == FILMS


@pytest.mark.parametrize(
    ("name", "row", "field"),
    [
        ("movies.dat", "x::Film (1999)::Drama", "movies.dat:3.movieId"),
        ("movies.dat", "7::Film (1999)::Drama", "movies.dat:3.movieId"),
        ("movies.dat", "8::Film (1999)", "movies.dat:3"),
        ("movies.dat", "8::::Drama", "movies.dat:3.title"),
        ("movies.dat", "8::Film (1066)::Drama", "movies.dat:3.year"),
        ("ratings.dat", "1::1::4::964982703::", "ratings.dat:4"),
        ("ratings.dat", "-1::1::4::964982703", "ratings.dat:4.userId"),
        ("ratings.dat", "2::8::4::964982703", "ratings.dat:4.movieId"),
        ("ratings.dat", "1::1::4::964982703", "ratings.dat:4"),
        ("ratings.dat", "2::1::6::964982703", "ratings.dat:4.rating"),
        ("ratings.dat", "2::1::4::soon", "ratings.dat:4.timestamp"),
    ],
)
def test_a_bad_row_between_colons_is_named(tmp_path: Path, name: str, row: str, field: str) -> None:
    with pytest.raises(OmegaError) as caught:
        load_double_colon(write(tmp_path, DAT | {name: [*DAT[name], row]}))
    assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_FIELD, field)


@pytest.mark.parametrize(
    ("name", "lines", "field"),
    [
        ("u.genre", ["unknown|0", "Comedy|2", "Drama|1"], "u.genre:2.number"),
        ("u.genre", ["unknown"], "u.genre:1"),
        ("u.genre", ["unknown|0", "Comedy|1"], "u.item:1"),
        ("u.item", ["1|Film (1999)|||http://x|0|1|2"], "u.item:1.genres"),
        ("u.item", [*TABS["u.item"], TABS["u.item"][0]], "u.item:3.movieId"),
        ("u.data", ["1 1 4 964982703"], "u.data:1"),
        ("u.data", ["1\t9\t4\t964982703"], "u.data:1.movieId"),
    ],
)
def test_a_bad_row_between_tabs_is_named(
    tmp_path: Path, name: str, lines: list[str], field: str
) -> None:
    with pytest.raises(OmegaError) as caught:
        load_tabs(write(tmp_path, TABS | {name: lines}))
    assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_FIELD, field)


@pytest.mark.parametrize("name", ["movies.dat", "ratings.dat"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    (write(tmp_path, DAT) / name).unlink()
    with pytest.raises(OmegaError) as caught:
        load_double_colon(tmp_path)
    assert caught.value.field == name
