"""docs/errors.md says of each error what the code says."""

from __future__ import annotations

from collections.abc import Callable

from omega_core.errors import CATALOGUE
from omega_testing.documents import Row


def test_every_code_stands_there_with_its_status_and_text(
    table: Callable[..., list[Row]],
) -> None:
    said = [
        (row.code("code"), row.cells["status"], row.cells["text"])
        for row in table("errors.md", "code")
    ]
    assert said == [([code.value], spec.status, spec.text) for code, spec in CATALOGUE.items()]


def test_every_code_has_something_to_do(table: Callable[..., list[Row]]) -> None:
    assert all(row.cells["what to do"] for row in table("errors.md", "code"))
