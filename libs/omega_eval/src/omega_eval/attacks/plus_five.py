"""The +5 test: an attacker knows five likes of a target and names one more.

Beside it stand the same attacker when nobody reports anything, so that it has only what households
outside the fleet like, and when it has the published model as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omega_core.vectors import FloatArray
from omega_eval.attacks.evidence import Evidence, IntArray
from omega_eval.attacks.histories import FOLDS, Histories, Known, outside
from omega_eval.attacks.logit import fit
from omega_eval.attacks.outcome import Rate
from omega_learn import Factors

KNOWN_LIKES = 5
"""Likes that the attacker knows."""
DRAWS = 3
"""Sets of known likes a household."""
_POOL = 200
_FAINT = 1e-3


@dataclass(frozen=True)
class PlusFive:
    """How often the guess is liked."""

    popularity: Rate
    """The most popular title among other households."""
    nobody: Rate
    """Knows other households' histories; nobody reports."""
    published: Rate
    """The same with the published factors."""
    reports: Rate
    """The same with the target's reports, read by the joint attacker; or with what is open of a
    fleet's reports that have no device."""


Reading = Callable[[Known, IntArray, FloatArray], FloatArray]
"""What reports say of each title in trials: (t, n), 0 to 1, of what is known of other households,
the targets (t,) and their known likes (t, n)."""


@dataclass(frozen=True, eq=False)
class _Trials:
    users: IntArray
    """(t,)"""
    given: FloatArray
    """(t, n) 1 for the known likes."""


def plus_five(
    histories: Histories,
    published: Factors,
    evidence: Evidence,
    posterior: FloatArray,
    seed: int = 0,
) -> PlusFive:
    """The test over all households with at least six likes.

    Args:
        histories: the truth.
        published: what the fleet gave out, learnt from its reports.
        evidence: the fleet's reports.
        posterior: (N, c) what an attacker made of them without the five likes.
        seed: of the draws.

    Raises:
        ValueError: no household has six likes.
    """
    told = np.zeros_like(histories.liked)
    told[evidence.owner_users] = evidence.stakes(posterior, histories.titles)
    return plus_five_by(histories, published, lambda _known, users, _given: told[users], seed)


def plus_five_by(
    histories: Histories, published: Factors, reading: Reading, seed: int = 0
) -> PlusFive:
    """The same for any kind of report.

    Args:
        histories: the truth.
        published: what the fleet gave out, learnt from its reports.
        reading: what an attacker makes of the reports.
        seed: of the draws.

    Raises:
        ValueError: no household has six likes.
    """
    hits: dict[str, list[NDArray[np.float64]]] = {}
    users: list[IntArray] = []
    for fold in range(FOLDS):
        target = _trials(histories, histories.folds == fold, seed)
        if not len(target.users):
            continue
        practice = _trials(histories, histories.folds == (fold + 1) % FOLDS, seed)
        sides = (
            (practice, outside(histories, fold, (fold + 1) % FOLDS)),
            (target, outside(histories, fold)),
        )
        for name, guesses in _guesses(sides, published, reading).items():
            right = histories.liked[target.users, guesses] > 0
            hits.setdefault(name, []).append(right.astype(np.float64))
        users.append(target.users)
    if not users:
        raise ValueError("the +5 test needs a household with six likes")
    who = np.concatenate(users)
    rates = {name: Rate.of(np.concatenate(parts), who) for name, parts in hits.items()}
    return PlusFive(**rates)


def _trials(histories: Histories, chosen: NDArray[np.bool_], seed: int) -> _Trials:
    users, given = [], []
    for user in np.flatnonzero(chosen).tolist():
        likes = np.flatnonzero(histories.liked[user])
        if len(likes) <= KNOWN_LIKES:
            continue
        rng = np.random.default_rng([seed, user])
        for _ in range(DRAWS):
            row = np.zeros(histories.titles, np.float32)
            row[rng.choice(likes, KNOWN_LIKES, replace=False)] = 1
            users.append(user)
            given.append(row)
    empty = np.zeros((0, histories.titles), np.float32)
    return _Trials(np.array(users, np.int64), np.array(given) if given else empty)


def _guesses(
    sides: tuple[tuple[_Trials, Known], tuple[_Trials, Known]],
    published: Factors,
    reading: Reading,
) -> Mapping[str, IntArray]:
    """For each attacker its guess in each of the target's trials, (t,)."""
    columns = {"nobody": 3, "published": 5, "reports": 7}
    (practice, practised), (target, known) = sides
    pool, clues, banned = _clues(practice, practised, published, reading)
    liked = (practised.histories.liked[practice.users[:, None], pool] > 0) & ~banned
    rng = np.random.default_rng(len(practice.users))
    lucky = liked.any(axis=1)
    chosen = np.where(liked, rng.random(liked.shape), -1).argmax(axis=1)
    places, asked, banned = _clues(target, known, published, reading)
    popular = np.where(target.given > 0, -1, known.likes).argmax(axis=1)
    found = {"popularity": popular.astype(np.int64)}
    for name, width in columns.items():
        weights = fit(clues[lucky, :, :width].astype(np.float64), chosen[lucky])
        best = np.where(banned, -np.inf, asked[:, :, :width] @ weights).argmax(axis=1)
        found[name] = np.take_along_axis(places, best[:, None], 1)[:, 0].astype(np.int64)
    return found


def _clues(
    trials: _Trials, known: Known, published: Factors, reading: Reading
) -> tuple[IntArray, FloatArray, NDArray[np.bool_]]:
    """Titles to choose from (t, p), what speaks for each (t, p, 7), and which are known (t, p).

    In order: popularity; EASE from outsiders, on two scales; the published prior; the score of the
    published factors; what the target's reports say of the title, on two scales.
    """
    given = trials.given
    expected = np.maximum(known.expected(given), 0)
    columns = np.zeros((given.shape[1], published.factors.shape[1]), np.float32)
    columns[published.titles] = published.factors * published.steps
    gains = np.zeros(given.shape[1], np.float32)
    gains[published.titles] = published.gains
    prior = np.full(given.shape[1], 1e-7, np.float32)
    prior[published.titles] += published.prior
    scored = np.maximum(((given @ columns) @ columns.T) * gains, 0)
    reported = reading(known, trials.users, given)
    both = _peaks(expected) + np.square(reported) + _peaks(scored) * 0.5 + known.popularity
    both[given > 0] = -1
    most = min(_POOL, given.shape[1])
    pool = np.argpartition(-both, most - 1, axis=1)[:, :most].astype(np.int64)
    # A known like is no guess, even where fewer titles than the pool are left.
    banned = np.take_along_axis(given, pool, 1) > 0
    parts = (
        np.log(known.popularity)[pool],
        np.log(_peaks(np.take_along_axis(expected, pool, 1)) + _FAINT),
        _peaks(np.take_along_axis(expected, pool, 1)),
        np.log(prior)[pool],
        np.log(_peaks(np.take_along_axis(scored, pool, 1)) + _FAINT),
        np.take_along_axis(reported, pool, 1),
        np.log(np.take_along_axis(reported, pool, 1) + _FAINT),
    )
    clues = np.stack(parts, axis=-1).astype(np.float32)
    return pool, clues, banned


def _peaks(rows: FloatArray) -> FloatArray:
    """Rows as a share of their largest entry."""
    return np.asarray(rows / np.maximum(rows.max(axis=1, keepdims=True), 1e-12), np.float32)
