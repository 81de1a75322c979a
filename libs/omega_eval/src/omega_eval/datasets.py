"""Data sets in any form that this library reads, told apart by the files in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from omega_core.content import Content
from omega_core.errors import invalid
from omega_eval import movielens, movielens_old, viewings_csv
from omega_eval.household import Household
from omega_titles.movielens import MOVIES


@dataclass(frozen=True, eq=False)
class DataSet:
    """Titles, and households that watched them."""

    name: str
    """For a person: its form and the folder's name."""
    contents: tuple[Content, ...]
    """The catalogue, distinct ids."""
    households: tuple[Household, ...]
    """Distinct ids, at least one."""
    regions: Mapping[str, str]
    """Region of each household id; empty where none is known."""

    @property
    def synthetic(self) -> bool:
        """Whether any household is made up; whatever shows figures says so."""
        return any(household.synthetic for household in self.households)


def load_dataset(path: Path) -> DataSet:
    """Reads a folder of viewings.csv, movies.csv, movies.dat or u.data; the first that is there.

    Raises:
        OmegaError: INVALID_FIELD that names the folder when it holds none of them or no viewing,
            else the file, line, field and bound.
    """
    regions: Mapping[str, str] = {}
    if (path / viewings_csv.VIEWINGS).is_file():
        form = "viewings"
        contents, households, regions = viewings_csv.load_viewings(path)
    elif (path / MOVIES).is_file():
        form = "MovieLens"
        contents, households = movielens.load_movielens(path)
    elif (path / movielens_old.MOVIES_DAT).is_file():
        form = "MovieLens ::"
        contents, households = movielens_old.load_double_colon(path)
    elif (path / movielens_old.DATA).is_file():
        form = "MovieLens tabs"
        contents, households = movielens_old.load_tabs(path)
    else:
        known = (
            viewings_csv.VIEWINGS,
            MOVIES,
            movielens_old.MOVIES_DAT,
            movielens_old.DATA,
        )
        raise invalid(f"data {path.name}", f"a readable folder with {', '.join(known)}")
    if not households:
        raise invalid(f"data {path.name}", "a data set with at least one viewing")
    return DataSet(f"{form} ({path.resolve().name})", tuple(contents), tuple(households), regions)
