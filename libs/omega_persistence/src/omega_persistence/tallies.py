"""Decayed counts and their facets as columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from omega_core.taste import Tally
from omega_persistence.times import from_micros, to_micros

COLUMNS = "viewings, successes, sample_count, contexts, updated_at"
"""Columns of a tally, in the order of `values` and `tally`."""


def values(tally: Tally) -> tuple[float, float, int, str, int]:
    """A tally as COLUMNS."""
    return (
        tally.viewings,
        tally.successes,
        tally.sample_count,
        json.dumps(dict(tally.contexts), ensure_ascii=False, sort_keys=True),
        to_micros(tally.at),
    )


def tally(row: tuple[Any, ...]) -> Tally:
    """The inverse of `values`.

    Raises:
        ValueError: no such row was ever written.
    """
    viewings, successes, sample_count, contexts, updated_at = row
    return Tally(
        at=from_micros(updated_at),
        viewings=viewings,
        successes=successes,
        sample_count=sample_count,
        contexts=parse_contexts(contexts),
    )


def parse_contexts(text: str) -> Mapping[str, float]:
    """Facet -> decayed viewings.

    Raises:
        ValueError: damaged.
    """
    contexts = json.loads(text)
    if not isinstance(contexts, dict) or not all(
        isinstance(count, float) for count in contexts.values()
    ):
        raise ValueError("contexts are not an object of numbers")
    return contexts
