"""Levels of vectors as symbols of the stream."""

from __future__ import annotations

import numpy as np

from omega_delta.transform import layout
from omega_delta.transform.codebook import Codebook, Int64Array
from omega_delta.transform.quantise import costs
from omega_delta.transform.rans import Reader, Writer


def write_vectors(book: Codebook, levels: Int64Array, kind: int, step: int) -> list[Writer]:
    """The symbols of each row of levels (n, K): the gain class, then a level a coefficient."""
    gains, _ = costs(book, levels, kind, step)
    indices = np.clip(levels, -layout.SPAN, layout.SPAN) + layout.SPAN
    far = np.any(np.abs(levels) >= layout.SPAN, axis=1)
    written = []
    for row, gain in enumerate(gains.tolist()):
        writer = Writer()
        writer.symbol(book.gain_tables[kind], gain)
        tables = book.tables_of(kind, gain, step)
        if far[row]:
            _write_far(writer, book, levels[row], tables)
        else:
            chosen = indices[row]
            writer.symbols(book.level_starts[tables, chosen], book.level_table[tables, chosen])
        written.append(writer)
    return written


def read_vector(reader: Reader, book: Codebook, kind: int, step: int) -> list[int]:
    """The levels of the next vector, K of them."""
    gain = reader.symbol(book.gain_tables[kind])
    tables = book.tables_of(kind, gain, step).tolist()
    known = book.level_tables
    return reader.levels([known[t] for t in tables], layout.SPAN, book.number_tables[layout.ESCAPE])


def _write_far(writer: Writer, book: Codebook, levels: Int64Array, tables: Int64Array) -> None:
    """As write_vectors, where a level is followed by more."""
    escape = book.number_tables[layout.ESCAPE]
    for level, table in zip(levels.tolist(), tables.tolist(), strict=True):
        within = max(-layout.SPAN, min(level, layout.SPAN))
        writer.symbol(book.level_tables[table], within + layout.SPAN)
        if abs(within) == layout.SPAN:
            writer.number(escape, abs(level) - layout.SPAN)
