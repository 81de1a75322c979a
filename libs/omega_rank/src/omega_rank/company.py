"""One list for several people: their relevances as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray
from omega_rank.kinds import Term
from omega_rank.relevance import Relevance


@dataclass(frozen=True, eq=False)
class Company:
    """Relevance for everybody, and whose taste carries which title."""

    relevance: Relevance
    """In mean standard scores: its weight is 1."""
    each: Sequence[Relevance]
    """Of each member, at least one."""
    shares: FloatArray
    """(p, n) how much of each member's relevance is in that of a title; they add up to 1."""

    def speaks(self, term: Term, row: int) -> int:
        """The member whose `term` adds most to the title at `row`."""
        added = [
            float(share) * float(found.terms[term][row]) / found.weight
            if term in found.terms
            else -np.inf
            for share, found in zip(self.shares[:, row], self.each, strict=True)
        ]
        return int(np.argmax(added))


def together(each: Sequence[Relevance], misery: float) -> Company:
    """(1 - misery) x mean of the members' mean standard scores + misery x the lowest of them.

    Average and least misery (Masthoff 2011, Group recommender systems: the strategies that people
    use and rate best). A title's terms are the members' by the same shares, so that they still add
    up to its relevance.

    Args:
        each: the members' relevances over n titles, at least one.
        misery: 0 to 1.
    """
    if len(each) == 1:
        return Company(each[0], each, np.ones((1, len(each[0].total)), np.float32))
    means = np.stack([found.total / np.float32(found.weight) for found in each])
    shares = np.full(means.shape, (1 - misery) / len(each), np.float32)
    shares[means.argmin(axis=0), np.arange(means.shape[1])] += np.float32(misery)
    terms: dict[Term, FloatArray] = {}
    for share, found in zip(shares, each, strict=True):
        scale = share / np.float32(found.weight)
        for term, values in found.terms.items():
            added = scale * values
            terms[term] = terms[term] + added if term in terms else added
    total = sum(terms.values(), np.zeros(means.shape[1], np.float32))
    return Company(Relevance(terms, total, 1.0), each, shares)


def seen_by_any(seen: Sequence[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """(n,) titles that at least one of the members has seen."""
    return np.asarray(np.logical_or.reduce(seen), np.bool_)
