"""One's own viewings as CSV: read back as written, and every fault named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.content import Content, ContentKind
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingContext, ViewingEvent
from omega_eval.datasets import load_dataset
from omega_eval.household import Household
from omega_eval.viewings_csv import load_viewings
from omega_eval.viewings_write import write_viewings

VIEWINGS = [
    "household,title,started_at,watch_percentage,time_slot,region,audience,profile",
    "h-2,film:a,2025-03-01T20:15:00+01:00,0.9,evening,north,couple,",
    "h-1,film:b,2025-03-03T14:00:00Z,0.25,,,,child-1",
    'h-2,film:b,2025-02-01 23:30:00+00:00,1,late_night,north,"",',
]
TITLES = [
    "title,name,kind,genres,year,country,description,minimum_age",
    'film:a,"A, the film",movie,Drama|Comedy,1999,France,"Two lines ""quoted""",16',
    "film:b,B,series,,,,,",
]


def write(folder: Path, viewings: list[str] = VIEWINGS, titles: list[str] = TITLES) -> Path:
    for name, lines in (("viewings.csv", viewings), ("titles.csv", titles)):
        (folder / name).write_text("\n".join([*lines, ""]), encoding="utf-8")
    return folder


def failure(folder: Path) -> OmegaError:
    with pytest.raises(OmegaError) as caught:
        load_viewings(folder)
    assert caught.value.code is ErrorCode.INVALID_FIELD
    return caught.value


def test_rows_become_titles_and_households(tmp_path: Path) -> None:
    contents, households, regions = load_viewings(write(tmp_path))
    assert contents == [
        Content(
            "film:a",
            "A, the film",
            ContentKind.MOVIE,
            ("Drama", "Comedy"),
            1999,
            "France",
            'Two lines "quoted"',
            minimum_age=16,
        ),
        Content("film:b", "B", ContentKind.SERIES),
    ]
    assert regions == {"h-2": "north", "h-1": ""}
    assert [household.household_id for household in households] == ["h-2", "h-1"]
    late, early = (
        datetime(2025, 2, 1, 23, 30, tzinfo=UTC),
        datetime(2025, 3, 1, 19, 15, tzinfo=UTC),
    )
    saturday = 2
    assert households[0].events == (
        ViewingEvent("viewing-4", "film:b", 1.0, 1.0, late, context=ViewingContext(4, saturday)),
        ViewingEvent(
            "viewing-2", "film:a", 0.9, 0.9, early, context=ViewingContext(3, saturday, 2)
        ),
    )
    (only,) = households[1].events
    assert (only.profile_id, only.context) == ("child-1", ViewingContext(0, 1))


def test_columns_stand_in_any_order_and_the_optional_may_be_missing(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        ["watch_percentage,started_at,title,household", "0.8,2025-03-01T20:15:00Z,x,h"],
        ["name,title", "X,x"],
    )
    contents, (household,), regions = load_viewings(folder)
    assert contents == [Content("x", "X", ContentKind.MOVIE)]
    assert regions == {"h": ""}
    assert household.events[0].success


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (",film:a,2025-03-01T20:15:00Z,0.9,,,,", "viewings.csv:5.household"),
        ("a b,film:a,2025-03-01T20:15:00Z,0.9,,,,", "viewings.csv:5.household"),
        ("h,film:c,2025-03-01T20:15:00Z,0.9,,,,", "viewings.csv:5.title"),
        ("h,film:a,yesterday,0.9,,,,", "viewings.csv:5.started_at"),
        ("h,film:a,2025-03-01T20:15:00,0.9,,,,", "viewings.csv:5.started_at"),
        ("h,film:a,1900-03-01T20:15:00Z,0.9,,,,", "viewings.csv:5.started_at"),
        ("h,film:a,2025-03-01T20:15:00Z,most,,,,", "viewings.csv:5.watch_percentage"),
        ("h,film:a,2025-03-01T20:15:00Z,90,,,,", "viewings.csv:5.watch_percentage"),
        ("h,film:a,2025-03-01T20:15:00Z,nan,,,,", "viewings.csv:5.watch_percentage"),
        ("h,film:a,2025-03-01T20:15:00Z,0.9,night,,,", "viewings.csv:5.time_slot"),
        (f"h,film:a,2025-03-01T20:15:00Z,0.9,,{'x' * 65},,", "viewings.csv:5.region"),
        ("h-2,film:a,2025-03-01T20:15:00Z,0.9,,south,,", "viewings.csv:5.region"),
        ("h,film:a,2025-03-01T20:15:00Z,0.9,,,crowd,", "viewings.csv:5.audience"),
        ("h,film:a,2025-03-01T20:15:00Z,0.9,,,,a b", "viewings.csv:5.profile"),
        ("h,film:a,2025-03-01T20:15:00Z,0.9", "viewings.csv:5"),
    ],
)
def test_a_bad_viewing_is_named(tmp_path: Path, row: str, field: str) -> None:
    assert failure(write(tmp_path, viewings=[*VIEWINGS, row])).field == field


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("film:a,Again,,,,,,", "titles.csv:4.title"),
        ("film c,C,,,,,,", "titles.csv:4.title"),
        ("film:c,,,,,,,", "titles.csv:4.name"),
        ("film:c,C,show,,,,,", "titles.csv:4.kind"),
        ("film:c,C,,Drama||War,,,,", "titles.csv:4.genres[1]"),
        ("film:c,C,,,soon,,,", "titles.csv:4.year"),
        ("film:c,C,,,1066,,,", "titles.csv:4.year"),
        ("film:c,C,,,,,,99", "titles.csv:4.minimum_age"),
        (f"film:c,C,,,,{'x' * 65},,", "titles.csv:4.country"),
        ("film:c,C", "titles.csv:4"),
    ],
)
def test_a_bad_title_is_named(tmp_path: Path, row: str, field: str) -> None:
    assert failure(write(tmp_path, titles=[*TITLES, row])).field == field


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("household,title,started_at", "viewings.csv:1"),
        ("household,title,started_at,watch_percentage,title", "viewings.csv:1"),
        ("household,title,started_at,watch_percentage,mood", "viewings.csv:1.mood"),
    ],
)
def test_a_wrong_header_is_named(tmp_path: Path, header: str, field: str) -> None:
    assert failure(write(tmp_path, viewings=[header])).field == field


@pytest.mark.parametrize("name", ["viewings.csv", "titles.csv"])
def test_a_file_that_is_missing_or_no_text_is_named(tmp_path: Path, name: str) -> None:
    (write(tmp_path) / name).write_bytes(b"\xff\xfe" * 8)
    assert failure(tmp_path).field == name
    (tmp_path / name).unlink()
    assert failure(tmp_path).field == name


events = st.builds(
    ViewingEvent,
    event_id=st.just(""),
    content_id=st.sampled_from(["a", "b"]),
    watch_percentage=st.floats(0, 1),
    engagement_score=st.just(0.0),
    occurred_at=st.integers(40_000_000, 4_000_000_000).map(
        lambda s: datetime.fromtimestamp(s, UTC)
    ),
    context=st.builds(ViewingContext, time_of_day=st.integers(0, 4), audience=st.integers(0, 4)),
    profile_id=st.sampled_from(["", "adult-1"]),
)


@settings(max_examples=40, deadline=None)
@given(
    viewings=st.lists(events, min_size=1, max_size=8), description=st.text("ab,\"'é \n", max_size=9)
)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, viewings: list[ViewingEvent], description: str
) -> None:
    folder = tmp_path_factory.mktemp("viewings")
    description = description.replace("\n", "")
    titles = [
        Content("a", "A", ContentKind.SERIES, ("Drama", "War"), 2001, "UK", description),
        Content("b", "B", ContentKind.LIVE, minimum_age=0),
    ]
    ordered = sorted(viewings, key=lambda event: event.occurred_at)
    household = Household("synthetic-1", tuple(ordered), synthetic=True)
    write_viewings(folder, titles, [household], {"synthetic-1": "east"})
    contents, (read,), regions = load_viewings(folder)
    assert contents == titles
    assert regions == {"synthetic-1": "east"}
    assert read.synthetic
    expected = []
    for number, event in enumerate(ordered, 2):
        weekend = 2 if event.occurred_at.weekday() >= 5 else 1
        expected.append(
            replace(
                event,
                event_id=f"viewing-{number}",
                engagement_score=event.watch_percentage,
                context=replace(event.context, day_type=weekend),
            )
        )
    assert list(read.events) == expected


def test_viewings_come_by_time_whatever_the_order_of_rows(tmp_path: Path) -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    rows = [f"h,film:a,{(start + timedelta(days=d)).isoformat()},0.9" for d in (3, 1, 2, 1)]
    folder = write(tmp_path, [VIEWINGS[0].rpartition(",time_slot")[0], *rows])
    _, (household,), _ = load_viewings(folder)
    assert [event.event_id for event in household.events] == [
        "viewing-3",
        "viewing-5",
        "viewing-4",
        "viewing-2",
    ]


def test_a_folder_is_told_by_its_files(tmp_path: Path) -> None:
    viewings = load_dataset(write(tmp_path))
    assert viewings.name == f"viewings ({tmp_path.name})"
    assert not viewings.synthetic
    assert viewings.regions["h-2"] == "north"
    folders = {
        "MovieLens": {
            "movies.csv": "movieId,title,genres\n1,F (1999),Drama\n",
            "ratings.csv": "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n",
            "tags.csv": "userId,movieId,tag,timestamp\n",
        },
        "MovieLens ::": {"movies.dat": "1::F (1999)::Drama\n", "ratings.dat": "1::1::4::9\n"},
        "MovieLens tabs": {
            "u.genre": "unknown|0\nDrama|1\n",
            "u.item": "1|F (1999)|||x|0|1\n",
            "u.data": "1\t1\t4\t9\n",
        },
    }
    for number, (name, files) in enumerate(folders.items()):
        folder = tmp_path / f"set{number}"
        folder.mkdir()
        for file, text in files.items():
            (folder / file).write_text(text, "utf-8")
        found = load_dataset(folder)
        assert found.name == f"{name} (set{number})"
        assert found.contents == (Content("ml:1", "F", ContentKind.MOVIE, ("Drama",), 1999),)
        assert len(found.households) == 1


def test_a_folder_without_data_says_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(OmegaError, match=r"readable folder with viewings\.csv, movies\.csv"):
        load_dataset(tmp_path)
    with pytest.raises(OmegaError, match="at least one viewing"):
        load_dataset(write(tmp_path, viewings=VIEWINGS[:1]))
