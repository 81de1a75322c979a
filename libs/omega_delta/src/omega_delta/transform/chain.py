"""From published patterns to coded states, in closed loop along the versions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from omega_core import validate
from omega_core.errors import OmegaError, invalid
from omega_core.limits import DIMENSION
from omega_delta import checks
from omega_delta.state import GlobalPattern, check_pattern
from omega_delta.transform import classes, layout
from omega_delta.transform.codebook import Codebook, Int64Array
from omega_delta.transform.news import pack_state
from omega_delta.transform.quantise import (
    project,
    quantise,
    quantise_patterns,
    reconstruct,
)
from omega_delta.transform.search import last
from omega_delta.transform.state import CodedState, points

STATE_BUDGET = 2_288
"""Bytes of a state of which a pull of 5,120 bytes also carries 48 new titles and 10 trends."""
REFRESH = 32
"""Versions in which each pattern is once coded anew from its floats, a part of them in each."""
FINEST, COARSEST = 64, 16
"""Steps of states: beyond them nothing is gained, or patterns are no longer told apart."""
SLACK = 4
"""A state that leaves one part in so many of its budget is coded anew when REFRESH comes round."""
HEADROOM = 64
"""A state that is coded anew leaves one part in so many of its budget to the versions after it."""


def code_state(
    codebook: Codebook,
    version: int,
    patterns: Sequence[GlobalPattern],
    previous: CodedState | None,
    budget: int,
) -> CodedState:
    """The lattice point of a version, of which pack_state makes at most `budget` bytes.

    A pattern that goes on moves by whole steps from where the version before put it, so changes
    cost little and errors never add up; once in REFRESH versions it is coded as if it were new.
    Everything is coded anew, under the finest step that fits, where there is no version before
    under this codebook, and where the budget asks for another step. Patterns that do not fit even
    under the coarsest one are left out, the lightest first.

    Args:
        codebook: of the encoder of the patterns.
        version: greater than that of `previous`.
        patterns: all of the version, at most 4,096, with distinct ids.
        previous: the coded version before; None = none.
        budget: most bytes, at least 64.

    Raises:
        OmegaError: INVALID_FIELD that names the field at fault.
    """
    validate.integer("budget", budget, 64, layout.MAX_PAYLOAD)
    checks.version("version", version)
    _check(patterns)
    if previous is not None and previous.version >= version:
        raise invalid("version", "greater than that of the state before")
    ordered = sorted(patterns, key=lambda p: p.pattern_id)
    targets = _targets(codebook, ordered)
    if previous is not None and previous.codebook_id == codebook.id:
        state = _follow(codebook, version, ordered, targets, previous)
        size = _size(codebook, state)
        wasted = version % REFRESH == 0 and state.step < FINEST and size < budget - budget // SLACK
        if size <= budget and not wasted:
            return state
    return _afresh(codebook, version, ordered, targets, budget)


def _follow(
    book: Codebook,
    version: int,
    patterns: Sequence[GlobalPattern],
    targets: Int64Array,
    previous: CodedState,
) -> CodedState:
    """Each pattern as what is cheaper: whole steps from its last point, or from nothing."""
    step = previous.step
    levels, worth = quantise_patterns(book, targets, step)
    held = {number: row for row, number in enumerate(previous.ids.tolist())}
    rows = [
        row
        for row, p in enumerate(patterns)
        if p.pattern_id in held and (p.pattern_id + version) % REFRESH
    ]
    if rows:
        old = [held[patterns[row].pattern_id] for row in rows]
        change, change_worth = quantise(
            book, targets[rows] - points(book, previous)[old], layout.UPDATE, step
        )
        moved = previous.coefficients[old] + change
        cheaper = (change_worth < worth[rows])[:, np.newaxis]
        levels[rows] = np.where(cheaper, moved, levels[rows])
    return _state(book, version, step, patterns, levels)


def _afresh(
    book: Codebook,
    version: int,
    patterns: Sequence[GlobalPattern],
    targets: Int64Array,
    budget: int,
) -> CodedState:
    kept = np.arange(len(patterns))
    room = budget - budget // HEADROOM
    lightest = np.argsort([p.weight for p in patterns], kind="stable")

    def made(step: int) -> CodedState | None:
        levels = quantise_patterns(book, targets[kept], step)[0]
        state = _state(book, version, step, [patterns[row] for row in kept.tolist()], levels)
        return state if _fits(book, state, room) else None

    left_out = 0
    while (state := last(COARSEST, FINEST, made)) is None:
        left_out += max(1, (len(patterns) - left_out) // 16)
        kept = np.sort(lightest[left_out:])
    return state


def _fits(book: Codebook, state: CodedState, room: int) -> bool:
    return _size(book, state) <= room


def _size(book: Codebook, state: CodedState) -> int:
    """Bytes of pack_state, or more than any budget where it has no room."""
    try:
        return len(pack_state(state, book))
    except OmegaError:
        return layout.MAX_PAYLOAD + 1


def _state(
    book: Codebook,
    version: int,
    step: int,
    patterns: Sequence[GlobalPattern],
    levels: Int64Array,
) -> CodedState:
    figures = np.array(
        [
            (
                classes.rate_class(p.success_rate),
                classes.floor_class(p.device_count_floor),
                classes.weight_class(p.weight),
            )
            for p in patterns
        ],
        np.uint8,
    ).reshape(-1, 3)
    rates, floors, weights = figures.T.copy()
    state = CodedState(
        version=version,
        codebook_id=book.id,
        step=step,
        ids=np.array([p.pattern_id for p in patterns], np.uint32),
        rates=rates,
        floors=floors,
        weights=weights,
        coefficients=levels.astype(np.int32),
    )
    if reconstruct(book, points(book, state)) is None:
        raise invalid("codebook", "one whose bounds hold these patterns")
    return state


def _targets(book: Codebook, patterns: Sequence[GlobalPattern]) -> Int64Array:
    rows = np.array([p.embedding for p in patterns], np.float32).reshape(-1, DIMENSION)
    return project(book, rows)


def _check(patterns: Sequence[GlobalPattern]) -> None:
    validate.count("patterns", patterns, layout.MAX_PATTERNS)
    for i, pattern in enumerate(patterns):
        check_pattern(f"patterns[{i}]", pattern)
    checks.distinct("patterns[{}].pattern_id", [p.pattern_id for p in patterns])
