"""Reads files of titles, whatever their form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from omega_core.catalogue_file import parse_line
from omega_core.errors import OmegaError, invalid
from omega_titles import cells, movielens, xmltv
from omega_titles.rows import Collector, Line, TitleFile, lines


class Form(StrEnum):
    """Forms of files."""

    CSV = "csv"
    """A header and a title a line: docs/catalogue.md lists the columns."""
    JSONL = "jsonl"
    """One JSON object a line."""
    XMLTV = "xmltv"
    """A guide, whose programmes become titles."""
    MOVIELENS = "movielens"
    """movies.csv of MovieLens, with tags.csv beside it if it is there."""


_BY_ENDING = {
    ".csv": Form.CSV,
    ".json": Form.JSONL,
    ".jsonl": Form.JSONL,
    ".ndjson": Form.JSONL,
    ".xml": Form.XMLTV,
    ".xmltv": Form.XMLTV,
}


def form_of(path: Path) -> Form:
    """The form of a file by its name; a folder is MovieLens, as is a file movies.csv.

    Raises:
        OmegaError: INVALID_FIELD --format when the name does not tell.
    """
    if path.is_dir() or path.name == movielens.MOVIES:
        return Form.MOVIELENS
    try:
        return _BY_ENDING[path.suffix.lower()]
    except KeyError:
        endings = ", ".join(_BY_ENDING)
        raise invalid("--format", f"stated for a name that ends in none of {endings}") from None


def read_titles(stream: BinaryIO, form: Form) -> TitleFile:
    """Reads titles from an open file; of MovieLens movies.csv alone.

    No line, piece of XML or number of titles is held that has no bound.

    Raises:
        OmegaError: INVALID_FIELD `file` when it is not of this form at all: its header is wrong, or
            its XML is broken or declares entities.
        OSError: it cannot be read.
    """
    return _READERS[form](stream)


def read_titles_file(path: Path, form: Form | None = None) -> TitleFile:
    """Reads titles from a file, or the folder of MovieLens; `form` by its name when None.

    Raises:
        OmegaError: as read_titles, and INVALID_FIELD `file` when it cannot be read.
    """
    form = form or form_of(path)
    try:
        if form is Form.MOVIELENS:
            return movielens.read_folder(path if path.is_dir() else path.parent)
        with path.open("rb") as stream:
            return read_titles(stream, form)
    except OSError as error:
        raise invalid("file", f"a readable file ({error.strerror})") from error


def _json_lines(stream: BinaryIO) -> TitleFile:
    found = Collector()
    for line in lines(stream):
        with found.row(line.number):
            found.add(line.number, parse_line(line.name, line.text()))
    return found.file()


def _csv(stream: BinaryIO) -> TitleFile:
    found, header = Collector(), list[str]()
    for line in lines(stream):
        if not header:
            header = _header(line)
            continue
        with found.row(line.number):
            text = line.text()
            if text:
                row = cells.cells(line.name, text)
                if len(row) != len(header):
                    raise invalid(line.name, f"{len(header)} cells, as the header has")
                found.add(
                    line.number, cells.content_of(line.name, dict(zip(header, row, strict=True)))
                )
    if not header:
        raise invalid("file", f"CSV with a header that has {', '.join(cells.NEEDED)}")
    return found.file()


def _header(line: Line) -> list[str]:
    try:
        header = cells.cells(line.name, line.text())
    except OmegaError:
        header = []
    if unknown := [column for column in header if column not in cells.COLUMNS]:
        raise invalid("file", f"CSV with columns of {', '.join(cells.COLUMNS)}; not {unknown[0]!r}")
    if not set(cells.NEEDED) <= set(header) or len(set(header)) != len(header):
        raise invalid("file", f"CSV with a header that has {', '.join(cells.NEEDED)} once each")
    return header


_READERS: Mapping[Form, Callable[[BinaryIO], TitleFile]] = MappingProxyType(
    {
        Form.CSV: _csv,
        Form.JSONL: _json_lines,
        Form.XMLTV: xmltv.read,
        Form.MOVIELENS: movielens.read,
    }
)
