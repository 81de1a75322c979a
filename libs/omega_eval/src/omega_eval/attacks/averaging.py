"""Averaging: what repeated reports of the same titles add, and what drawing noise anew would add.

The attacker is given which reports speak of the same title. That is realistic: two sketches of one
title and noise share nearly all bits, and a title reported at each sync recurs in each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from omega_core.vectors import FloatArray
from omega_eval.attacks.alternating import alternating
from omega_eval.attacks.evidence import IntArray
from omega_eval.attacks.histories import Histories
from omega_eval.attacks.likelihood import (
    Channel,
    evidence,
    sketch_channel,
    twin_channel,
    twin_report,
)
from omega_eval.attacks.outcome import Outcome
from omega_eval.attacks.reidentify import outcome

REDRAWS = (2, 4, 16)
"""How often noise is drawn anew in the comparison."""
REPEATS = 10
"""How often memoised sketches are sent again."""

Sketches = Callable[[IntArray, IntArray, int], FloatArray]
"""Bits (N, 384) of +-1 that the TVs of households (N,) send for titles (N,) at a draw of noise, 0
the first."""


@dataclass(frozen=True)
class Averaging:
    """Success of the joint attacker by how reports are repeated."""

    rows: tuple[tuple[str, Outcome], ...]
    """By name, the single report first."""

    def __getitem__(self, name: str) -> Outcome:
        return dict(self.rows)[name]


ONCE = "each title once"
REPEATED = f"memoised noise, sent {REPEATS} times"
LOST = "noise lost and drawn anew, same identity"
TWINS = "a second encoder, same noise"
APART = "a second encoder, noise drawn anew"


def averaging(
    histories: Histories,
    users: IntArray,
    truth: IntArray,
    sigma: float,
    first: Sketches,
    second: tuple[FloatArray, Sketches],
) -> Averaging:
    """Measures each way to repeat.

    Args:
        histories: the truth.
        users: (N,) household of each report.
        truth: (N,) title behind each.
        sigma: noise scale.
        first: gives the sketches under the histories' embeddings.
        second: (n, 384) centred unit rows of another encoder, and the sketches under it, made with
            the noise of the first ones at equal draws.
    """

    def draws(count: int) -> list[FloatArray]:
        return [first(users, truth, number) for number in range(count)]

    def attack(channels: Sequence[tuple[Channel, FloatArray]]) -> Outcome:
        found = evidence(histories, users, truth, channels)
        return outcome(found, alternating(found, histories), histories)

    other, under_other = second
    single = sketch_channel(histories.embeddings, sigma)
    bits = first(users, truth, 0)
    again = [first(users, truth, 0) for _ in range(REPEATS)]
    rows = [
        (ONCE, attack([(single, bits)])),
        (REPEATED, attack(_distinct(histories, sigma, again))),
    ]
    for count in REDRAWS:
        redrawn = _distinct(histories, sigma, draws(count))
        rows.append((LOST if count == REDRAWS[0] else _name(count), attack(redrawn)))
    twins = twin_report(bits, under_other(users, truth, 0))
    rows.append((TWINS, attack([(twin_channel(histories.embeddings, other, sigma), twins)])))
    fresh = under_other(users, truth, 1)
    rows.append((APART, attack([(single, bits), (sketch_channel(other, sigma), fresh)])))
    return Averaging(tuple(rows))


def _name(count: int) -> str:
    return f"noise drawn anew, {count} times"


def _distinct(
    histories: Histories, sigma: float, sent: Sequence[FloatArray]
) -> list[tuple[Channel, FloatArray]]:
    """What an attacker has from repeated sketches of each title: a repeated one tells nothing new.

    Sketches of one title are equal in all of the repeats or, noise drawn anew, in none.
    """
    fresh = [sent[0]]
    fresh += [bits for bits in sent[1:] if not any(np.array_equal(bits, old) for old in fresh)]
    channel = sketch_channel(histories.embeddings, sigma, len(fresh))
    return [(channel, np.sum(fresh, axis=0, dtype=np.float32))]


def paired(first: FloatArray, second: FloatArray, owners: IntArray) -> float:
    """Share of sketches whose twin under another encoder is found by counting equal bits.

    Args:
        first: (N, 384) of +-1 under one encoder.
        second: (N, 384) under another; row i is of the same title.
        owners: (N,) device of each.
    """
    right = 0
    for owner in np.unique(owners):
        rows = np.flatnonzero(owners == owner)
        right += int(
            (np.argmax(first[rows] @ second[rows].T, axis=1) == np.arange(len(rows))).sum()
        )
    return right / len(owners)
