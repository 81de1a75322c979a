"""The counted shortcut held to the real cryptography, on some households."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from omega_eval.threshold.opening import Opening
from omega_eval.threshold.orders import ORDERS
from omega_eval.threshold.real import through_everything
from omega_eval.threshold.reporting import Budget, Likes, told


@dataclass(frozen=True)
class Proof:
    """Some households through the real cryptography, beside counting."""

    households: int
    """That reported anything."""
    reports: int
    """That went through."""
    open: int
    """Pairs and titles that the cryptography opened."""
    counted: int
    """The same by counting."""
    equal: bool
    """Whether both have the same pairs with the same counts, and as many reports in the last epoch
    are sealed."""
    report_bytes: float
    """Moved a report, in all."""


def prove(
    likes: Likes,
    threshold: int,
    order: str,
    households: int,
    days: int,
    advance: Callable[[int, int], None] = lambda _done, _of: None,
) -> Proof:
    """Some households' reports through the real cryptography, beside counting.

    Args:
        likes: of the fleet.
        threshold: reports that open a pair.
        order: of ORDERS.
        households: the first so many that like anything.
        days: of reporting.
        advance: told how many reports went, of how many.
    """
    liking = [i for i, rows in enumerate(likes.rows) if len(rows)][:households]
    some = likes.of_households(liking)
    reports = told(some, threshold, days, ORDERS[order], Budget())
    opening = Opening.of(reports, threshold)
    done = 0

    def went(more: int) -> None:
        nonlocal done
        done += more
        advance(done, len(reports.days))

    with tempfile.TemporaryDirectory() as folder:
        real = through_everything(some, reports, threshold, Path(folder), went)
    last = opening.epochs == reports.epochs.max(initial=0)
    sealed = int(opening.counts[last & ~opening.open].sum())
    counted = opening.by_key(some)
    return Proof(
        households=len(liking),
        reports=real.reports,
        open=len(real.counts),
        counted=len(counted),
        equal=dict(real.counts) == counted and real.sealed == sealed,
        report_bytes=real.bytes_moved / max(real.reports, 1),
    )
