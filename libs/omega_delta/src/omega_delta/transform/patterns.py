"""A step between two coded states as symbols of the stream."""

from __future__ import annotations

import numpy as np

from omega_core.errors import invalid
from omega_delta.transform import layout
from omega_delta.transform.codebook import Codebook, Int64Array
from omega_delta.transform.quantise import costs, nearest_anchors, reconstruct
from omega_delta.transform.rans import Reader, Writer
from omega_delta.transform.state import CodedState
from omega_delta.transform.vectors import read_vector, write_vectors

Figures = tuple[int, int, int]
"""Classes of rate, floor and weight, or their tables."""
_MOST_ID = 2**32 - 1
_FIRST: Figures = (layout.FIRST_RATE, layout.FIRST_FLOOR, layout.FIRST_WEIGHT)
_NEW: Figures = (layout.RATE, layout.FLOOR, layout.WEIGHT)
_CHANGE: Figures = (layout.RATE_CHANGE, layout.FLOOR_CHANGE, layout.WEIGHT_CHANGE)
_BOUNDS = (
    ("rates", 0, layout.RATES),
    ("floors", 1, layout.MOST_FLOOR),
    ("weights", 0, layout.MOST_WEIGHT),
)


def write_patterns(
    writer: Writer, book: Codebook, state: CodedState, base: CodedState | None
) -> int:
    """Writes what differs between `base` and `state`, by ascending ids; returns how many do."""
    held, wanted = _rows(base), _rows(state)
    figures, old_figures = _figures(state), _figures(base)
    levels = state.coefficients.astype(np.int64)
    changes = levels.copy()
    if base is not None:
        both = sorted(held.keys() & wanted.keys())
        changes[[wanted[n] for n in both]] -= base.coefficients[[held[n] for n in both]]
    near = nearest_anchors(book, levels, state.step)
    beyond = levels - book.anchor_levels(state.step)[near]
    whole = write_vectors(book, beyond, layout.PATTERN, state.step)
    change = write_vectors(book, changes, layout.UPDATE, state.step)
    whole_bits = costs(book, beyond, layout.PATTERN, state.step)[1].tolist()
    change_bits = costs(book, changes, layout.UPDATE, state.step)[1].tolist()
    moved = [any(row) for row in changes.tolist()]
    before, last, written = -1, _FIRST, 0
    for number in sorted(held.keys() | wanted.keys()):
        old = old_figures[held[number]] if number in held else None
        row = wanted.get(number, -1)
        if row >= 0 and old == figures[row] and not moved[row]:
            continue
        writer.number(book.number_tables[layout.GAP], number - before - 1)
        before, written = number, written + 1
        if row < 0:
            writer.symbol(book.operation_tables, layout.REMOVED)
        elif old is not None and change_bits[row] < whole_bits[row]:
            writer.symbol(book.operation_tables, layout.CHANGED)
            _write_figures(writer, book, _CHANGE, figures[row], old)
            writer.append(change[row])
        else:
            if old is not None:
                writer.symbol(book.operation_tables, layout.REPLACED)
            _write_figures(writer, book, _NEW, figures[row], last)
            last = figures[row]
            writer.bits(int(near[row]), book.anchor_bits)
            writer.append(whole[row])
    return written


def read_patterns(
    reader: Reader,
    book: Codebook,
    base: CodedState | None,
    version: int,
    step: int,
    count: int,
) -> CodedState:
    """The state that `count` differences from `base` lead to.

    Raises:
        OmegaError: INVALID_FIELD that names what is out of bounds.
    """
    held = _rows(base)
    old_figures = _figures(base)
    found: dict[int, tuple[Figures, Int64Array]] = {}
    if base is not None:
        old = base.coefficients.astype(np.int64)
        found = {number: (old_figures[row], old[row]) for number, row in held.items()}
    touched: list[Int64Array] = []
    anchors = book.anchor_levels(step)
    most = layout.MOST_COEFFICIENT // int(book.steps[step])
    before, last = -1, _FIRST
    for _ in range(count):
        number = before + 1 + reader.number(book.number_tables[layout.GAP])
        if not 1 <= number <= _MOST_ID:
            raise invalid("patterns", f"ids between 1 and {_MOST_ID:,}, ascending")
        before = number
        known = found.pop(number, None)
        operation = layout.REPLACED if known is None else reader.symbol(book.operation_tables)
        if known is not None and operation == layout.CHANGED:
            figures = _read_figures(reader, book, _CHANGE, known[0])
            levels = known[1] + read_vector(reader, book, layout.UPDATE, step)
        elif operation == layout.REPLACED:
            figures = last = _read_figures(reader, book, _NEW, last)
            anchor = anchors[reader.bits(book.anchor_bits)]
            levels = anchor + read_vector(reader, book, layout.PATTERN, step)
        else:
            continue
        if (np.abs(levels) > most).any():
            raise invalid("patterns", f"coefficients within {most:,} steps of 0")
        found[number] = (figures, levels)
        touched.append(levels)
    rows = np.array(touched, np.int64).reshape(-1, book.size)
    if reconstruct(book, rows * int(book.steps[step])) is None:
        raise invalid("patterns", "vectors within their bounds")
    if len(found) > layout.MAX_PATTERNS:
        raise invalid("patterns", f"at most {layout.MAX_PATTERNS:,} after the step")
    return _state(book, version, step, found)


def _state(
    book: Codebook,
    version: int,
    step: int,
    found: dict[int, tuple[Figures, Int64Array]],
) -> CodedState:
    ids = sorted(found)
    figures = np.array([found[i][0] for i in ids], np.uint8).reshape(-1, 3)
    rows = np.array([found[i][1] for i in ids], np.int32).reshape(-1, book.size)
    rates, floors, weights = figures.T.copy()
    return CodedState(
        version, book.id, step, np.array(ids, np.uint32), rates, floors, weights, rows
    )


def _rows(state: CodedState | None) -> dict[int, int]:
    return {} if state is None else {n: row for row, n in enumerate(state.ids.tolist())}


def _figures(state: CodedState | None) -> list[Figures]:
    if state is None:
        return []
    columns = (state.rates.tolist(), state.floors.tolist(), state.weights.tolist())
    return list(zip(*columns, strict=True))


def _write_figures(
    writer: Writer, book: Codebook, tables: Figures, figures: Figures, near: Figures
) -> None:
    for table, value, other in zip(tables, figures, near, strict=True):
        writer.signed(book.number_tables[table], value - other)


def _read_figures(reader: Reader, book: Codebook, tables: Figures, near: Figures) -> Figures:
    found = []
    for table, other, (name, least, most) in zip(tables, near, _BOUNDS, strict=True):
        value = other + reader.signed(book.number_tables[table])
        if not least <= value <= most:
            raise invalid("patterns", f"{name} of classes from {least} to {most}")
        found.append(value)
    return found[0], found[1], found[2]
