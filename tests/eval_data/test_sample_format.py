"""Reading a catalogue file: what is written comes back, what is wrong is named."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from omega_core.content import Content, ContentKind
from omega_core.errors import ErrorCode, OmegaError
from omega_eval.sample import load_sample

GOOD = {
    "content_id": "movie:a-1999",
    "title": "A",
    "kind": "movie",
    "genres": ["Drama", "War"],
    "year": 1999,
    "country": "France",
    "description": "About a letter.",
}
# Any character may stand in a title but control characters and lone surrogates.
_TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=12)
# Text tools break lines at these two, JSON does not.
_SEPARATORS = Content("a", "Line\u2028paragraph\u2029", ContentKind.MOVIE)
_CONTENTS = st.lists(
    st.builds(
        Content,
        content_id=st.from_regex(r"[A-Za-z0-9._:-]{1,12}", fullmatch=True),
        title=_TEXT,
        kind=st.sampled_from([ContentKind.MOVIE, ContentKind.SERIES]),
        genres=st.lists(_TEXT, max_size=4).map(tuple),
        year=st.just(0) | st.integers(1870, 2200),
        country=_TEXT | st.just(""),
        description=_TEXT | st.just(""),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda content: content.content_id,
)


def write(folder: Path, *lines: str) -> Path:
    path = folder / "titles.jsonl"
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def changed(**values: object) -> str:
    return json.dumps({**GOOD, **values})


@settings(deadline=None, max_examples=60)
@given(_CONTENTS)
@example([_SEPARATORS])
def test_what_is_written_comes_back(contents: list[Content]) -> None:
    lines = [
        json.dumps(
            {
                "content_id": content.content_id,
                "title": content.title,
                "kind": content.kind.name.lower(),
                "genres": content.genres,
                "year": content.year,
                "country": content.country,
                "description": content.description,
            },
            ensure_ascii=False,
        )
        for content in contents
    ]
    with tempfile.TemporaryDirectory() as folder:
        assert load_sample(write(Path(folder), *lines)) == contents


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("", "titles.jsonl:2"),
        ("{", "titles.jsonl:2"),
        ("[]", "titles.jsonl:2"),
        (json.dumps({k: v for k, v in GOOD.items() if k != "title"}), "titles.jsonl:2.title"),
        (changed(rating=5), "titles.jsonl:2.rating"),
        (changed(content_id="movie:b", title=None), "titles.jsonl:2.title"),
        (changed(content_id="movie:b", title=""), "titles.jsonl:2.title"),
        (changed(content_id="movie:b", title="A\tB"), "titles.jsonl:2.title"),
        (changed(content_id=""), "titles.jsonl:2.content_id"),
        (changed(content_id="a b"), "titles.jsonl:2.content_id"),
        (changed(content_id="a" * 129), "titles.jsonl:2.content_id"),
        (changed(), "titles.jsonl:2.content_id"),
        (changed(content_id="movie:b", kind="film"), "titles.jsonl:2.kind"),
        (changed(content_id="movie:b", year="1999"), "titles.jsonl:2.year"),
        (changed(content_id="movie:b", year=True), "titles.jsonl:2.year"),
        (changed(content_id="movie:b", year=1999.5), "titles.jsonl:2.year"),
        (changed(content_id="movie:b", year=1800), "titles.jsonl:2.year"),
        (changed(content_id="movie:b", genres="Drama"), "titles.jsonl:2.genres"),
        (changed(content_id="movie:b", genres=[1]), "titles.jsonl:2.genres"),
        (changed(content_id="movie:b", genres=["Drama", ""]), "titles.jsonl:2.genres[1]"),
        (changed(content_id="movie:b", country=7), "titles.jsonl:2.country"),
        (changed(content_id="movie:b", description="x" * 2001), "titles.jsonl:2.description"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, field: str) -> None:
    path = write(tmp_path, changed(), line)
    with pytest.raises(OmegaError) as caught:
        load_sample(path)
    assert caught.value.code is ErrorCode.INVALID_FIELD
    assert caught.value.field == field


def test_a_missing_or_binary_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OmegaError) as caught:
        load_sample(tmp_path / "absent.jsonl")
    assert caught.value.field == "absent.jsonl"
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(OmegaError) as caught:
        load_sample(tmp_path / "binary.jsonl")
    assert caught.value.field == "binary.jsonl"
