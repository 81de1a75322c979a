"""Titles that are written are read again, and bytes of any kind are refused as documented."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core import limits
from omega_core.content import Availability, Content, ContentKind, Provider
from omega_core.errors import OmegaError
from omega_titles import Form, read_titles, write_csv, write_json_lines

IDS = st.text("ABCxyz019._:-", min_size=1, max_size=limits.MAX_SHORT_ID)


def texts(longest: int, shortest: int = 0) -> st.SearchStrategy[str]:
    anything = st.characters(exclude_categories=("Cc", "Cs"))
    return st.text(anything, min_size=shortest, max_size=longest) | st.text(
        '|\\/",; \u2028\ufeff', min_size=shortest, max_size=longest
    )


PROVIDERS = st.builds(Provider, IDS, texts(20, 1), st.sampled_from(Availability))
CONTENTS = st.builds(
    Content,
    content_id=IDS,
    title=texts(40, 1),
    kind=st.sampled_from(ContentKind),
    genres=st.lists(texts(12, 1), max_size=4).map(tuple),
    year=st.just(0) | st.integers(1870, 2200),
    country=texts(10),
    description=texts(60),
    providers=st.lists(PROVIDERS, max_size=3).map(tuple),
    minimum_age=st.none() | st.integers(0, limits.MAX_AGE),
)
CATALOGUES = st.lists(CONTENTS, max_size=5, unique_by=lambda each: each.content_id)
Writer = Callable[[TextIO, Sequence[Content]], None]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "with a mark"])
@pytest.mark.parametrize(("form", "write"), [(Form.CSV, write_csv), (Form.JSONL, write_json_lines)])
@given(contents=CATALOGUES)
def test_what_is_written_is_read(
    form: Form, write: Writer, mark: bytes, contents: list[Content]
) -> None:
    made = io.StringIO()
    write(made, contents)
    read = read_titles(io.BytesIO(mark + made.getvalue().encode()), form)
    assert (list(read.contents), read.bad) == (contents, ())


@pytest.mark.parametrize("form", Form)
@given(
    data=st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.sampled_from(
        [b"content_id,title,kind\n", b"movieId,title,genres\n", b"<tv><programme>", b'{"title":']
    ).flatmap(
        lambda head: st.text(' <>/&"\\|,\n\rab1', max_size=60).map(lambda t: head + t.encode())
    )
)
def test_any_bytes_are_titles_or_bad_rows_or_refused(form: Form, data: bytes) -> None:
    refused = None
    try:
        read = read_titles(io.BytesIO(data), form)
    except OmegaError as error:
        refused = (error.code.value, error.field)
    else:
        assert read.bad_rows == len(read.bad)
        assert all(row.line >= 1 and row.bound for row in read.bad)
    assert refused in {None, ("INVALID_FIELD", "file")}
