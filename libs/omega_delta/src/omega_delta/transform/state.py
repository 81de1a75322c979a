"""Coded states: the patterns of a version as points of a lattice."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_core import validate
from omega_core.errors import invalid
from omega_delta import checks
from omega_delta.state import GlobalPattern
from omega_delta.transform import classes, layout
from omega_delta.transform.codebook import Codebook, Int64Array
from omega_delta.transform.quantise import reconstruct

_FIGURES = struct.Struct("<IBBB")


@dataclass(frozen=True, eq=False)
class CodedState:
    """Patterns of a version, every coefficient a multiple of one step.

    The difference of any two states of one step is made of integers, so a TV can be led from any
    version to any other without loss.
    """

    version: int
    """Version of the collective state, from 1."""
    codebook_id: int
    """Codebook of the coefficients."""
    step: int
    """Index of the quantiser step, 0 to 79."""
    ids: NDArray[np.uint32]
    """Pattern ids, ascending, from 1, (n,), n at most 4,096."""
    rates: NDArray[np.uint8]
    """Classes of success rates, (n,), 0 to 128."""
    floors: NDArray[np.uint8]
    """Classes of numbers of devices, (n,), 1 to 31."""
    weights: NDArray[np.uint8]
    """Classes of weights, (n,), 0 to 137."""
    coefficients: NDArray[np.int32]
    """Coefficients in steps, (n, K)."""

    def crc32(self, before: int) -> int:
        """CRC-32 that goes on from `before` over the patterns by ascending ids.

        Of each its id as uint32, rate, floor and weight as uint8, and coefficients as int32,
        little-endian.
        """
        figures = zip(*(column.tolist() for column in self._columns()), strict=True)
        rows = self.coefficients.astype("<i4")
        for numbers, row in zip(figures, rows, strict=True):
            before = zlib.crc32(row.tobytes(), zlib.crc32(_FIGURES.pack(*numbers), before))
        return before

    def _columns(self) -> tuple[NDArray[np.uint32], *tuple[NDArray[np.uint8], ...]]:
        return self.ids, self.rates, self.floors, self.weights


def check_state(book: Codebook, state: CodedState) -> None:
    """Refuses a state that breaks a bound.

    Raises:
        OmegaError: INVALID_FIELD that names the field.
    """
    checks.version("state.version", state.version)
    if state.codebook_id != book.id:
        raise invalid("state.codebook_id", "that of the codebook")
    validate.integer("state.step", state.step, 0, layout.STEPS - 1)
    validate.count("state.ids", state.ids, layout.MAX_PATTERNS)
    checks.ascending("state.ids[{}]", state.ids)
    if len(state.ids) and not state.ids[0]:
        raise invalid("state.ids[0]", "at least 1")
    count = len(state.ids)
    for name, column, least, most in (
        ("rates", state.rates, 0, layout.RATES),
        ("floors", state.floors, 1, layout.MOST_FLOOR),
        ("weights", state.weights, 0, layout.MOST_WEIGHT),
    ):
        checks.shape(f"state.{name}", column, (count,))
        if count and not least <= int(column.min()) <= int(column.max()) <= most:
            raise invalid(f"state.{name}", f"classes from {least} to {most}")
    checks.shape("state.coefficients", state.coefficients, (count, book.size))


def points(book: Codebook, state: CodedState) -> Int64Array:
    """Coefficients of a state in units of 2^-20, (n, K)."""
    return state.coefficients.astype(np.int64) * int(book.steps[state.step])


def patterns_of(state: CodedState, codebook: Codebook) -> tuple[GlobalPattern, ...]:
    """The patterns that a state stands for, by ascending ids; the same bits on every machine.

    Raises:
        OmegaError: INVALID_FIELD that names the field when the state breaks a bound.
    """
    check_state(codebook, state)
    vectors = reconstruct(codebook, points(codebook, state))
    if vectors is None:
        raise invalid("state.coefficients", "those of vectors within their bounds")
    rows = zip(
        state.ids.tolist(),
        state.rates.tolist(),
        state.floors.tolist(),
        state.weights.tolist(),
        vectors,
        strict=True,
    )
    return tuple(
        GlobalPattern(
            pattern_id=number,
            embedding=vector,
            success_rate=classes.rate_of(rate),
            device_count_floor=classes.floor_of(floor),
            weight=classes.weight_of(weight),
        )
        for number, rate, floor, weight, vector in rows
    )
