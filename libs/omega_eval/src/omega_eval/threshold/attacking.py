"""What an attacker makes of opened pairs: the attacks of sketches, for reports without a device."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from omega_core.vectors import FloatArray
from omega_eval.attacks.evidence import Evidence, IntArray
from omega_eval.attacks.histories import Histories, Known
from omega_eval.attacks.outcome import Outcome
from omega_eval.attacks.plus_five import PlusFive, plus_five_by
from omega_eval.attacks.reidentify import guess_nothing
from omega_eval.threshold.opening import Opening
from omega_eval.threshold.reporting import Likes, Told
from omega_eval.world import World
from omega_learn import Factors

_HALF = 0.5


def histories_of(world: World) -> Histories:
    """The truth that attackers are held to."""
    return Histories(world.data.liked, world.catalogue.embeddings)


def without_information(likes: Likes, histories: Histories) -> Outcome:
    """An attacker on single reports: no report has a device, so it can only guess what is popular.

    It looks at each title that a household reports alone, and is not told which household it is.
    """
    users = np.repeat(np.arange(len(likes.rows)), [len(rows) for rows in likes.rows])
    nothing = np.zeros((len(users), 1))
    evidence = Evidence(
        users=users.astype(np.int64),
        owners=np.unique(users, return_inverse=True)[1].reshape(-1).astype(np.int64),
        truth=np.concatenate(likes.rows).astype(np.int64),
        candidates=nothing.astype(np.int32),
        log_likelihoods=nothing.astype(np.float32),
    )
    return guess_nothing(evidence, histories)


def plus_five_of_pairs(
    histories: Histories, published: Factors, told: Told, opening: Opening
) -> PlusFive:
    """The +5 test where the attacker sees every opened count.

    It knows the histories of households outside the target's fold, so it also knows what they
    reported and when, and takes that off. What is left was reported by the target or by
    other households that it does not know. Of those who report a known like, it takes the share
    that report it with another title, as the geometric mean over the known likes.

    Args:
        histories: the truth.
        published: what the fleet gave out.
        told: all reports.
        opening: of the same reports.
    """
    left = _Left(histories, told, opening)

    def reading(known: Known, _users: IntArray, given: FloatArray) -> FloatArray:
        titles, chances = left.of(known.households.tobytes())
        found = np.zeros_like(given)
        likes = given[:, titles]
        found[:, titles] = np.exp(likes @ np.log(chances) / np.maximum(given.sum(1), 1)[:, None])
        return found

    return plus_five_by(histories, published, reading)


class _Left:
    """Opened counts without what known households reported."""

    def __init__(self, histories: Histories, told: Told, opening: Opening) -> None:
        self._told, self._opening, self._n = told, opening, histories.titles
        self.of = lru_cache(maxsize=2)(self._of)

    def _of(self, households: bytes) -> tuple[IntArray, FloatArray]:
        """Titles that are open (k,), and what those who report row i report of column j (k, k)."""
        unknown = ~np.frombuffer(households, np.bool_)[self._told.households]
        codes, counts = self._opening.by_pair(unknown)
        first, second = np.divmod(codes, self._n)
        titles = np.unique(np.concatenate([first, second]))
        matrix = np.zeros((len(titles), len(titles)))
        one, other = np.searchsorted(titles, first), np.searchsorted(titles, second)
        matrix[one, other] = counts
        matrix[other, one] = counts
        alone = np.maximum(np.diag(matrix), matrix.max(axis=1, initial=0))
        shares = (matrix + _HALF) / (alone[:, None] + 1)
        return titles, np.minimum(shares, 1).astype(np.float32)
