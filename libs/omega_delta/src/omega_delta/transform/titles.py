"""Trends and new titles as symbols of the stream."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta

import numpy as np
from numpy.typing import NDArray

from omega_core import validate
from omega_core.errors import invalid
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray
from omega_delta import checks
from omega_delta.state import Trend, Trends
from omega_delta.transform import classes, layout
from omega_delta.transform.codebook import Codebook, Int64Array
from omega_delta.transform.quantise import reconstruct
from omega_delta.transform.rans import Reader, Writer
from omega_delta.transform.vectors import read_vector, write_vectors

_SECONDS = 36
_SCORE = 6
_MOST_ORDINAL = 2**32 - 1


@dataclass(frozen=True, eq=False)
class NewTitles:
    """Vectors of titles that are new in a catalogue."""

    catalogue_version: int
    """Catalogue whose ordinals they use, from 1."""
    ordinals: NDArray[np.uint32]
    """Positions in its index, ascending, (m,), m at most 1,024."""
    embeddings: FloatArray
    """Unit vectors, float32 (m, 384), not centred."""


def check_titles(titles: NewTitles) -> None:
    """Refuses titles that break a bound.

    Raises:
        OmegaError: INVALID_FIELD that names the field.
    """
    checks.version("titles.catalogue_version", titles.catalogue_version)
    validate.count("titles.ordinals", titles.ordinals, layout.MAX_TITLES)
    checks.ascending("titles.ordinals[{}]", titles.ordinals)
    checks.shape("titles.embeddings", titles.embeddings, (len(titles.ordinals), DIMENSION))
    checks.unit_rows("titles.embeddings[{}]", titles.embeddings)


def write_trends(writer: Writer, book: Codebook, trends: Trends) -> None:
    """Writes the second at which they held, then each by ascending ordinals."""
    seconds = (trends.at.astimezone(UTC) - validate.EARLIEST) // timedelta(seconds=1)
    writer.bits(seconds, _SECONDS)
    before = -1
    for trend in sorted(trends.titles, key=lambda t: t.ordinal):
        writer.number(book.number_tables[layout.TREND_GAP], trend.ordinal - before - 1)
        writer.bits(classes.score_class(trend.score) - 1, _SCORE)
        writer.bits(int(trend.regional), 1)
        before = trend.ordinal


def read_trends(
    reader: Reader, book: Codebook, count: int, catalogue_version: int
) -> Trends | None:
    """The next `count` trends.

    Raises:
        OmegaError: INVALID_FIELD that names what is out of bounds.
    """
    if not count:
        return None
    at = validate.EARLIEST + timedelta(seconds=reader.bits(_SECONDS))
    found = []
    before = -1
    for _ in range(count):
        before = _next(reader, book, layout.TREND_GAP, before, "trends")
        score = classes.score_of(reader.bits(_SCORE) + 1)
        found.append(Trend(before, score, bool(reader.bits(1))))
    return Trends(catalogue_version, at, tuple(found))


def write_titles(
    writer: Writer, book: Codebook, ordinals: NDArray[np.uint32], levels: Int64Array, step: int
) -> None:
    """Writes titles (m,) with their levels (m, K)."""
    vectors = write_vectors(book, levels, layout.TITLE, step)
    before = -1
    for ordinal, vector in zip(ordinals.tolist(), vectors, strict=True):
        writer.number(book.number_tables[layout.TITLE_GAP], ordinal - before - 1)
        writer.append(vector)
        before = ordinal


def read_titles(
    reader: Reader, book: Codebook, count: int, step: int, catalogue_version: int
) -> NewTitles | None:
    """The next `count` titles.

    Raises:
        OmegaError: INVALID_FIELD that names what is out of bounds.
    """
    if not count:
        return None
    ordinals, levels = [], []
    before = -1
    for _ in range(count):
        before = _next(reader, book, layout.TITLE_GAP, before, "contents")
        ordinals.append(before)
        levels.append(read_vector(reader, book, layout.TITLE, step))
    rows = np.array(levels, np.int64) * int(book.steps[step]) + book.start_of(layout.TITLE)
    vectors = reconstruct(book, rows)
    if vectors is None:
        raise invalid("contents", "vectors within their bounds")
    return NewTitles(catalogue_version, np.array(ordinals, np.uint32), vectors)


def _next(reader: Reader, book: Codebook, table: int, before: int, name: str) -> int:
    ordinal = before + 1 + reader.number(book.number_tables[table])
    if ordinal > _MOST_ORDINAL:
        raise invalid(name, f"ordinals of at most {_MOST_ORDINAL:,}")
    return ordinal
