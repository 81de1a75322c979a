"""The pages that the tests of this folder hold to the code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from omega_testing.documents import Row, table_rows

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="session")
def table() -> Callable[..., list[Row]]:
    """Rows of a page's tables that have a certain column."""

    def read(page: str, column: str) -> list[Row]:
        rows = table_rows((DOCS / page).read_text("utf-8"))
        found = [row for row in rows if column in row.cells]
        assert found, f"{page} has no table with a column {column!r}"
        return found

    return read
