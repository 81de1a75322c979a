"""Writes the two CSV files that omega_eval.viewings_csv reads."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from omega_core.content import Content
from omega_eval.household import Household
from omega_eval.viewings_csv import AUDIENCES, SLOTS, TITLES, VIEWINGS

_SLOT_OF = {value: name for name, value in SLOTS.items()}
_AUDIENCE_OF = {value: name for name, value in AUDIENCES.items()}


def write_viewings(
    path: Path,
    contents: Iterable[Content],
    households: Iterable[Household],
    regions: Mapping[str, str],
) -> None:
    """Writes viewings.csv and titles.csv into the folder `path`, which is there.

    Read back, they give the same titles, and the same viewings but for their event ids.

    Args:
        path: the folder.
        contents: providers are not written.
        households: their viewings in the order of time; engagement is not written.
        regions: region of each household id.
    """
    _write(
        path / TITLES,
        (
            "title",
            "name",
            "kind",
            "genres",
            "year",
            "country",
            "description",
            "minimum_age",
        ),
        (
            (
                each.content_id,
                each.title,
                each.kind.name.lower(),
                "|".join(each.genres),
                each.year or "",
                each.country,
                each.description,
                "" if each.minimum_age is None else each.minimum_age,
            )
            for each in contents
        ),
    )
    _write(
        path / VIEWINGS,
        (
            "household",
            "title",
            "started_at",
            "watch_percentage",
            "time_slot",
            "region",
            "audience",
            "profile",
        ),
        (
            (
                household.household_id,
                event.content_id,
                event.occurred_at.isoformat(),
                event.watch_percentage,
                _SLOT_OF.get(event.context.time_of_day, ""),
                regions[household.household_id],
                _AUDIENCE_OF.get(event.context.audience, ""),
                event.profile_id,
            )
            for household in households
            for event in household.events
        ),
    )


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
