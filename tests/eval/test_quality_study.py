"""Who teaches whom in a study of quality, and over whom it scores."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from omega_core.errors import OmegaError
from omega_eval.baselines import ease
from omega_eval.evaluate import rank_all, rank_histories
from omega_eval.federation import federate
from omega_eval.metrics import ratio, score
from omega_eval.policies import DEFAULT, STANDARD, Sketches, named
from omega_eval.quality import FOLDS, Study, contributing
from omega_eval.reports import Television
from omega_eval.world import World
from omega_rank import RankConfig


@dataclass
class Heard:
    """A study that notes what it is told."""

    said: list[str] = field(default_factory=list)

    def __call__(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture(scope="module")
def study(small_world: World) -> Study:
    return Study(small_world)


def test_lists_of_replayed_histories_are_those_of_a_replay_a_ranking(small_world: World) -> None:
    config = RankConfig(half_life=3, mmr_lambda=0.6)
    again = rank_histories(small_world.catalogue, None, small_world.scored, config)
    once = rank_all(small_world.catalogue, None, small_world.households, config)
    assert [rows.tolist() for rows in again] == [rows.tolist() for rows in once]
    shipped = rank_histories(small_world.catalogue, None, small_world.scored)
    assert shipped[0].tolist() != again[0].tolist()


def test_each_standard_policy_has_the_name_it_is_asked_by() -> None:
    assert [named(name).name for name in STANDARD] == list(STANDARD)
    assert DEFAULT in STANDARD
    assert named("sketches-4.5") == Sketches(4.5)


@pytest.mark.parametrize("name", ["sketch", "sketches", "sketches-", "sketches-0.1", "sketches-x"])
def test_a_policy_that_is_not_known_is_refused(name: str) -> None:
    with pytest.raises(OmegaError, match="policies"):
        named(name)


def test_every_line_is_beside_ease_and_popularity_of_the_same_run(study: Study) -> None:
    rows = {row.name: row for row in study.baselines()}
    assert set(rows) == {
        "popularity",
        "EASE",
        "ItemKNN",
        "user-kNN",
        "implicit ALS",
        "local only",
    }
    assert (rows["EASE"].vs_ease.value, rows["EASE"].vs_ease.low) == (1, 1)
    assert rows["popularity"].vs_popularity.value == 1
    direct = score(ease(study.world.data), study.world.wanted, len(study.world))
    assert rows["EASE"].scores.ndcg.tolist() == direct.ndcg.tolist()
    local = rows["local only"]
    assert local.vs_ease == ratio(local.scores.ndcg, study.ease.ndcg)
    # Likes carry groups that no title is liked for alone.
    assert rows["EASE"].vs_popularity.low > 1


def test_a_policys_line_is_of_lists_from_what_its_messages_taught(study: Study) -> None:
    row = study.policy(named("sketches-3"))
    assert row.federated is not None
    lists = rank_histories(study.world.catalogue, row.federated.model, study.world.scored)
    assert row.scores.ndcg.tolist() == study.score(lists).ndcg.tolist()


def test_a_household_counts_with_its_mean_over_draws_of_the_noise(study: Study) -> None:
    policy = named("sketches-8")
    apart = []
    for draw in range(2):
        model = federate(policy.redrawn(draw), study.fleet, study.shard).model
        lists = rank_histories(study.world.catalogue, model, study.world.scored)
        apart.append(study.score(lists).ndcg)
    assert not np.array_equal(apart[0], apart[1])
    row = Study(study.world, draws=2).policy(policy)
    assert row.scores.ndcg == pytest.approx((apart[0] + apart[1]) / 2)


def test_who_only_receives_is_not_in_the_round_it_pulls(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = study.policy(named("receive-only"))
    assert row.federated is None
    first = 0
    fold = [tv for i, tv in enumerate(study.fleet) if i % FOLDS != first % FOLDS]
    model = federate(named(DEFAULT), fold, study.shard).model
    (own,) = rank_histories(study.world.catalogue, model, [study.world.scored[first]])
    expected = study.score([own, *[np.empty(0, np.int64)] * (len(study.fleet) - 1)]).ndcg[0]
    assert row.scores.ndcg[0] == expected
    # Whatever the household would have reported changes nothing for itself.
    silent = replace_tv(study.fleet[first])
    monkeypatch.setattr(study, "fleet", [silent, *study.fleet[1:]])
    assert study.policy(named("receive-only")).scores.ndcg[0] == expected


def replace_tv(tv: Television) -> Television:
    return replace(tv, rows=tv.rows[:1], classes=tv.classes[:1])


def test_fewer_contributors_lie_within_more() -> None:
    few, many = contributing(100, 0.1, 0), contributing(100, 0.5, 0)
    assert (few.sum(), many.sum()) == (10, 50)
    assert many[few].all()
    assert not np.array_equal(few, contributing(100, 0.1, 1))


def test_contributors_are_not_scored_and_others_are(study: Study) -> None:
    row = study.contributors(0.8)
    received = np.zeros(len(study.fleet), np.bool_)
    for draw in range(3):
        received |= ~contributing(len(study.fleet), 0.8, draw)
    assert row.scores.households.tolist() == [
        i for i in study.ease.households.tolist() if received[i]
    ]
    assert 0 < len(row.scores.households) < len(study.fleet)
    assert row.vs_ease.low <= row.vs_ease.value <= row.vs_ease.high
    assert row.name == "receive-only, 80% contribute"


def test_a_share_out_of_bounds_is_refused(study: Study) -> None:
    with pytest.raises(OmegaError, match="contributors must be between"):
        study.contributors(1.0)


def test_it_says_what_it_does(small_world: World) -> None:
    heard = Heard()
    Study(small_world, heard).policy(named("sketches-8"))
    assert heard.said[0] == "EASE and popularity"
    assert heard.said[-2:] == ["sketches-8: messages and round 1 of 1", "sketches-8: lists"]
