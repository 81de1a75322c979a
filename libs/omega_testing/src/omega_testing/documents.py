"""Reads the tables of the project's pages, so that tests can hold them to the code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_BAR = re.compile(r"(?<!\\)\|")
_SPAN = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Row:
    """One row of a Markdown table."""

    heading: str
    """The heading that it stands under, without its marks."""
    cells: Mapping[str, str]
    """Text of each cell by its column's name."""

    def code(self, column: str) -> list[str]:
        """What stands in backticks in a cell, in order."""
        return _SPAN.findall(self.cells[column])


def table_rows(page: str) -> list[Row]:
    """Every row of every table of a page, top to bottom.

    Raises:
        ValueError: a row has more or fewer cells than its table has columns.
    """
    found: list[Row] = []
    heading, fenced = "", False
    columns: tuple[str, ...] = ()
    for line in page.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced:
            continue
        elif line.startswith("#"):
            heading, columns = line.lstrip("#").strip(), ()
        elif not line.startswith("|"):
            columns = ()
        elif not columns:
            columns = _cells(line)
        elif not set(line) <= set("|-: "):
            found.append(Row(heading, dict(zip(columns, _cells(line), strict=True))))
    return found


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip().replace("\\|", "|") for cell in _BAR.split(line.strip())[1:-1])
