"""Re-identification: what noise hides, what it does not, and that no attacker peeks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from omega_core.vectors import FloatArray
from omega_eval.attacks.alternating import alternating
from omega_eval.attacks.evidence import Evidence
from omega_eval.attacks.histories import Histories
from omega_eval.attacks.learned import learned
from omega_eval.attacks.reidentify import alone, guess_nothing, outcome, reidentify
from omega_testing.attacked import Town

Attacker = Callable[[Evidence, Histories], FloatArray]
both = pytest.mark.parametrize("attacker", [alternating, learned])


def test_without_noise_every_title_is_named(town: Town) -> None:
    found = reidentify(town.evidence(0.5), town.histories)
    assert found.reported.strict.value == found.alone.strict.value == 1
    assert found.reported.liked.value == 1
    assert found.nothing.strict.value < 0.1


@both
def test_under_huge_noise_it_is_no_better_than_knowing_nothing(
    town: Town, attacker: Attacker
) -> None:
    evidence = town.evidence(200.0)
    found = outcome(evidence, attacker(evidence, town.histories), town.histories)
    nothing = guess_nothing(evidence, town.histories)
    assert found.strict.low <= nothing.strict.value + 0.01
    assert found.strict.value < 0.06


def test_reports_of_one_tv_tell_more_together(town: Town) -> None:
    evidence = town.evidence(6.0)
    apart = outcome(evidence, alone(evidence, town.histories), town.histories)
    joint = outcome(evidence, alternating(evidence, town.histories), town.histories)
    assert joint.strict.value > apart.strict.value + 0.02
    assert joint.strict.value <= joint.strict_at_3.value <= joint.strict_at_10.value
    assert joint.liked.value >= joint.strict.value


def test_knowing_nothing_it_names_as_many_different_titles_as_there_are_reports() -> None:
    liked = np.zeros((10, 6), np.float32)
    liked[:, 0] = 1
    liked[:5, 1] = 1
    histories = Histories(liked, np.eye(6, 384, dtype=np.float32))
    users, truth = (part.astype(np.int64) for part in np.nonzero(liked))
    sets = np.tile(np.arange(6, dtype=np.int32), (15, 1))
    evidence = Evidence(users, users, truth, sets, np.zeros((15, 6), np.float32))
    nothing = guess_nothing(evidence, histories)
    assert nothing.strict.value == 10 / 15
    assert nothing.liked.value == 1
    thrice = evidence.take(np.repeat(np.arange(15), 3))
    assert guess_nothing(thrice, histories).liked.value == pytest.approx(15 / 45)


def test_training_helps_where_the_plain_attacker_trusts_taste_too_little(town: Town) -> None:
    evidence = town.evidence(8.0)
    plain = outcome(evidence, alternating(evidence, town.histories, share=0.3), town.histories)
    trained = outcome(evidence, learned(evidence, town.histories), town.histories)
    assert trained.strict.value > plain.strict.value


@both
def test_nothing_of_a_targets_history_reaches_the_attacker(town: Town, attacker: Attacker) -> None:
    evidence = town.evidence(6.0).with_fields({"parity": town.truth % 2})
    before = attacker(evidence, town.histories)
    targets = town.histories.folds == 2
    rng = np.random.default_rng(9)
    liked = town.histories.liked.copy()
    liked[targets] = rng.permuted(liked[targets], axis=1)
    truth = np.where(targets[evidence.users], rng.integers(0, liked.shape[1]), evidence.truth)
    lied = attacker(replace(evidence, truth=truth), replace(town.histories, liked=liked))
    theirs = targets[evidence.users]
    np.testing.assert_array_equal(before[theirs], lied[theirs])
    assert not np.array_equal(before[~theirs], lied[~theirs])


@both
def test_sets_of_candidates_are_attacked_by_the_same_code(town: Town, attacker: Attacker) -> None:
    rng = np.random.default_rng(3)
    n, titles = len(town.users), town.histories.titles
    decoys = np.array(
        [rng.choice(np.delete(np.arange(titles), t), 5, replace=False) for t in town.truth]
    )
    sets = rng.permuted(np.column_stack([decoys, town.truth]), axis=1).astype(np.int32)
    evidence = Evidence(town.users, town.users, town.truth, sets, np.zeros((n, 6), np.float32))
    found = outcome(evidence, attacker(evidence, town.histories), town.histories)
    assert found.strict.low > 1 / 6 + 0.2
    assert found.strict_at_10.value == 1
