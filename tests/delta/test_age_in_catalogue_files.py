from __future__ import annotations

import json
from pathlib import Path

import pytest

from omega_core.catalogue_file import read_catalogue
from omega_core.errors import OmegaError


def _file(folder: Path, **keys: object) -> Path:
    path = folder / "titles.jsonl"
    path.write_text(json.dumps({"content_id": "c", "title": "T", "kind": "movie", **keys}), "utf-8")
    return path


def test_a_file_states_the_age_that_a_title_is_rated_for(tmp_path: Path) -> None:
    (unrated,) = read_catalogue(_file(tmp_path))
    (for_all,) = read_catalogue(_file(tmp_path, minimum_age=0))
    (adult,) = read_catalogue(_file(tmp_path, minimum_age=18))
    assert (unrated.minimum_age, for_all.minimum_age, adult.minimum_age) == (None, 0, 18)


@pytest.mark.parametrize("age", [22, -1, "18", 1.5, True, None])
def test_an_age_out_of_bounds_is_refused_by_line_and_key(tmp_path: Path, age: object) -> None:
    with pytest.raises(OmegaError) as refused:
        read_catalogue(_file(tmp_path, minimum_age=age))
    assert refused.value.field == "titles.jsonl:1.minimum_age"
