"""A data set of one's own: viewings and titles as two CSV files, as docs/evaluation.md says.

viewings.csv has a row a viewing, titles.csv a row a title. Both are UTF-8 with a header; columns
stand in any order, those that are optional may be missing or empty.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from omega_core import limits, validate
from omega_core.content import Content, ContentKind, check_content
from omega_core.errors import invalid
from omega_core.viewing import ViewingContext, ViewingEvent
from omega_eval.household import Household

VIEWINGS, TITLES = "viewings.csv", "titles.csv"
"""Names of the two files."""
SLOTS = {"morning": 1, "afternoon": 2, "evening": 3, "late_night": 4}
"""What may stand as a time slot, and its value in omega_core.viewing.ViewingContext."""
AUDIENCES = {"solo": 1, "couple": 2, "family": 3, "friends": 4}
"""The same of an audience."""
KINDS = {kind.name.lower(): kind for kind in ContentKind}
"""The same of a kind of title."""
SYNTHETIC = "synthetic-"
"""What the ids of generated households begin with."""

_VIEWING = ("household", "title", "started_at", "watch_percentage")
_VIEWING_TOO = ("time_slot", "region", "audience", "profile")
_TITLE = ("title", "name")
_TITLE_TOO = ("kind", "genres", "year", "country", "description", "minimum_age")
_WEEKDAY, _WEEKEND, _SATURDAY = 1, 2, 5
_YEARS = (1970, 2099)
_DIGITS = 4


def load_viewings(path: Path) -> tuple[list[Content], list[Household], dict[str, str]]:
    """Titles in the order of titles.csv, households by their first row, and their regions.

    The day type is that of started_at in its own offset; engagement counts as the share watched.
    Households whose id begins with "synthetic-" are said to be made up.

    Args:
        path: the folder with viewings.csv and titles.csv.

    Returns:
        Titles, households with their viewings by time (equal ones in the order of the file), and
        the region of each household id, empty where none is stated.

    Raises:
        OmegaError: INVALID_FIELD that names file, line, field and bound.
    """
    contents = _titles(path)
    events: defaultdict[str, list[ViewingEvent]] = defaultdict(list)
    regions: dict[str, str] = {}
    for at, row in _rows(path, VIEWINGS, _VIEWING, _VIEWING_TOO):
        household = validate.identifier(f"{at}.household", row["household"], limits.MAX_SHORT_ID)
        region = validate.text(f"{at}.region", row["region"], limits.MAX_SHORT_ID)
        if regions.setdefault(household, region) != region:
            raise invalid(f"{at}.region", "the same in all rows of a household")
        events[household].append(_viewing(at, row, contents))
    households = [
        Household(
            household, tuple(sorted(seen, key=_ended)), synthetic=household.startswith(SYNTHETIC)
        )
        for household, seen in events.items()
    ]
    return list(contents.values()), households, regions


def _ended(event: ViewingEvent) -> datetime:
    return event.occurred_at


def _viewing(at: str, row: Mapping[str, str], contents: Mapping[str, Content]) -> ViewingEvent:
    if row["title"] not in contents:
        raise invalid(f"{at}.title", f"one of {TITLES}")
    started = _instant(f"{at}.started_at", row["started_at"])
    share = _share(f"{at}.watch_percentage", row["watch_percentage"])
    return ViewingEvent(
        event_id=f"viewing-{at.rpartition(':')[2]}",
        content_id=row["title"],
        watch_percentage=share,
        engagement_score=share,
        occurred_at=started.astimezone(UTC),
        context=ViewingContext(
            time_of_day=_choice(f"{at}.time_slot", row["time_slot"], SLOTS),
            day_type=_WEEKEND if started.weekday() >= _SATURDAY else _WEEKDAY,
            audience=_choice(f"{at}.audience", row["audience"], AUDIENCES),
        ),
        profile_id=validate.identifier(
            f"{at}.profile", row["profile"], limits.MAX_SHORT_ID, optional=True
        ),
    )


def _titles(path: Path) -> dict[str, Content]:
    contents: dict[str, Content] = {}
    for at, row in _rows(path, TITLES, _TITLE, _TITLE_TOO):
        if row["title"] in contents:
            raise invalid(f"{at}.title", "unique in the file")
        kind = row["kind"] or "movie"
        if kind not in KINDS:
            raise invalid(f"{at}.kind", "one of " + ", ".join(KINDS))
        age = row["minimum_age"]
        content = Content(
            content_id=validate.identifier(f"{at}.title", row["title"], limits.MAX_ID),
            title=validate.text(f"{at}.name", row["name"], limits.MAX_TITLE, 1),
            kind=KINDS[kind],
            genres=tuple(row["genres"].split("|")) if row["genres"] else (),
            year=_integer(f"{at}.year", row["year"]) if row["year"] else 0,
            country=row["country"],
            description=row["description"],
            minimum_age=_integer(f"{at}.minimum_age", age) if age else None,
        )
        contents[row["title"]] = check_content(content, at)
    return contents


def _rows(
    path: Path, name: str, needed: Sequence[str], optional: Sequence[str]
) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row by column, with the name errors give it, such as "viewings.csv:2"."""
    try:
        with (path / name).open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            _check_header(f"{name}:1", header, needed, optional)
            empty = dict.fromkeys(optional, "")
            for row in reader:
                at = f"{name}:{reader.line_num}"
                if len(row) != len(header):
                    raise invalid(at, f"{len(header)} columns")
                yield at, empty | dict(zip(header, row, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise invalid(name, f"a readable UTF-8 file of CSV in {path.name}") from error


def _check_header(
    at: str, header: Sequence[str], needed: Sequence[str], optional: Sequence[str]
) -> None:
    if missing := [column for column in needed if column not in header]:
        raise invalid(at, f"a header with {', '.join(missing)}")
    if len(set(header)) < len(header):
        raise invalid(at, "a header that names each column once")
    if unknown := [column for column in header if column not in {*needed, *optional}]:
        raise invalid(f"{at}.{unknown[0]}", f"one of {', '.join((*needed, *optional))}")


def _instant(field: str, value: str) -> datetime:
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise invalid(field, "an instant of ISO 8601, such as 2026-01-31T20:15:00+01:00") from None
    if instant.tzinfo is None:
        raise invalid(field, "an instant with its offset from UTC")
    if not _YEARS[0] <= instant.year <= _YEARS[1]:
        raise invalid(field, f"between {_YEARS[0]} and {_YEARS[1]}")
    return instant


def _share(field: str, value: str) -> float:
    try:
        share = float(value)
    except ValueError:
        raise invalid(field, "a number") from None
    return validate.number(field, share, 0, 1)


def _integer(field: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= _DIGITS):
        raise invalid(field, f"an integer of at most {_DIGITS} digits")
    return int(value)


def _choice(field: str, value: str, known: Mapping[str, int]) -> int:
    if value and value not in known:
        raise invalid(field, "empty or one of " + ", ".join(known))
    return known[value] if value else 0
