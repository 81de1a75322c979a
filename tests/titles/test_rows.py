"""Bad rows are named by line and field, and nothing without a bound is held."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from omega_core.content import Availability, Content, ContentKind, Provider
from omega_core.errors import OmegaError
from omega_titles import BadRow, Form, form_of, read_titles, read_titles_file, rows

HEADER = "content_id,title,kind,genres,year,description,providers,minimum_age\n"
WHOLE = HEADER + (
    'm1,"One, two",movie,Drama|Sci-Fi,1999,"He said ""no""",flatrate/net:1/Net/TV|buy/b/B,12\n'
    "\n"
    "s1,Some,series,,,,,\n"
)


def csv(text: str) -> tuple[tuple[Content, ...], tuple[BadRow, ...]]:
    read = read_titles(io.BytesIO(text.encode()), Form.CSV)
    assert read.bad_rows == len(read.bad)
    return read.contents, read.bad


def test_csv_has_a_title_a_line() -> None:
    contents, bad = csv(WHOLE)
    assert bad == ()
    assert contents == (
        Content(
            "m1",
            "One, two",
            ContentKind.MOVIE,
            ("Drama", "Sci-Fi"),
            1999,
            description='He said "no"',
            providers=(
                Provider("net:1", "Net/TV", Availability.FLATRATE),
                Provider("b", "B", Availability.BUY),
            ),
            minimum_age=12,
        ),
        Content("s1", "Some", ContentKind.SERIES),
    )
    assert csv(WHOLE.replace("\n", "\r\n")) == (contents, ())


@pytest.mark.parametrize(
    ("row", "field", "bound"),
    [
        ("a b,A,movie,,,,,", "content_id", "1 to 128 characters"),
        ("a,,movie,,,,,", "title", "1 to 300 characters"),
        ("a,A,film,,,,,", "kind", "one of movie, series, live"),
        ("a,A,movie,x||y,,,,", "genres[1]", "1 to 64 characters"),
        ("a,A,movie,x\\y,,,,", "genres", "parts joined by |"),
        ("a,A,movie,,soon,,,", "year", "an integer of at most 4 digits"),
        ("a,A,movie,,1700,,,", "year", "0 or between 1870 and 2200"),
        ("a,A,movie,,,,net,", "providers[0]", "availability/provider_id/name"),
        ("a,A,movie,,,,own/net/Net,", "providers[0].availability", "one of flatrate"),
        ("a,A,movie,,,,,99", "minimum_age", "between 0 and 21"),
        ("a,A,movie", "", "8 cells, as the header has"),
        ('a,"A,movie,,,,,', "", "cells of CSV on one line"),
        ("s1,Again,movie,,,,,", "content_id", "unique in the file; it stands on line 4"),
    ],
)
def test_a_bad_row_is_named_by_line_and_field(row: str, field: str, bound: str) -> None:
    contents, (bad,) = csv(f"{WHOLE}{row}\nlast,Last,live,,,,,\n")
    assert [each.content_id for each in contents] == ["m1", "s1", "last"]
    assert (bad.line, bad.field) == (5, field)
    assert bad.bound.startswith(bound)
    assert str(bad).startswith(f"line 5: {field or 'it'} must be ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a header that has content_id, title, kind"),
        ("content_id,title\na,A\n", "a header that has content_id, title, kind once each"),
        ("content_id,title,kind,title\n", "once each"),
        ("content_id,title,kind,rating\n", "not 'rating'"),
        ('"content_id,title,kind\n', "once each"),
    ],
)
def test_a_file_of_another_form_is_refused_whole(text: str, said: str) -> None:
    with pytest.raises(OmegaError, match=said):
        csv(text)


def test_a_line_is_held_to_its_bound_and_the_next_one_is_read() -> None:
    long = b"x" * (3 * rows.MAX_LINE)
    good = b'{"content_id": "a", "title": "A", "kind": "live"}'
    data = b"\n".join([good, long, b"[" * 100_000, b'"\xff"', good.replace(b'"a"', b'"b"')])
    read = read_titles(io.BytesIO(data), Form.JSONL)
    assert [content.content_id for content in read.contents] == ["a", "b"]
    assert read.bad == (
        BadRow(2, "", "a line of at most 262,144 bytes"),
        BadRow(3, "", "a JSON object"),
        BadRow(4, "", "UTF-8"),
    )


def test_of_very_many_bad_rows_the_first_are_kept_and_all_counted() -> None:
    read = read_titles(io.BytesIO(b"{}\n" * 1_500), Form.JSONL)
    assert (len(read.bad), read.bad_rows) == (rows.MAX_BAD, 1_500)


def test_a_file_has_so_many_titles_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_TITLES", 1)
    contents, (bad,) = csv(WHOLE)
    assert len(contents) == 1
    assert str(bad) == "line 4: it must be one of at most 1 titles"


def test_the_name_tells_the_form(tmp_path: Path) -> None:
    for name, form in {
        "a.csv": Form.CSV,
        "A.JSON": Form.JSONL,
        "a.ndjson": Form.JSONL,
        "a.xml": Form.XMLTV,
        "movies.csv": Form.MOVIELENS,
    }.items():
        assert form_of(tmp_path / name) is form
    assert form_of(tmp_path) is Form.MOVIELENS
    with pytest.raises(OmegaError, match="--format must be stated for a name that ends in none of"):
        form_of(tmp_path / "a.txt")


def test_a_folder_of_movielens_is_described_by_its_tags(tmp_path: Path) -> None:
    with pytest.raises(OmegaError, match="file must be a readable file"):
        read_titles_file(tmp_path)
    (tmp_path / "movies.csv").write_text(
        'movieId,title,genres\n1,"Film, A (1999)",Drama|War\nx,B,Drama\n2,C,(no genres listed)\n'
    )
    without = read_titles_file(tmp_path)
    assert without.bad == (BadRow(3, "movieId", "an integer of at most 12 digits"),)
    assert without.contents == (
        Content("ml:1", "Film, A", ContentKind.MOVIE, ("Drama", "War"), 1999),
        Content("ml:2", "C", ContentKind.MOVIE),
    )
    (tmp_path / "tags.csv").write_text(
        "userId,movieId,tag,timestamp\n1,1,Slow,1\n2,1,sad,1\n3,1, slow,1\n4,one,bad,1\n"
    )
    with_tags = read_titles_file(tmp_path / "movies.csv")
    assert with_tags.contents[0].description == "Tags: slow, sad"
    assert [row.field for row in with_tags.bad] == ["movieId", "tags.csv.movieId"]
    (tmp_path / "movies.csv").write_text("id,title\n")
    with pytest.raises(OmegaError, match="which begins with movieId,title,genres"):
        read_titles_file(tmp_path)
