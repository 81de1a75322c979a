"""Cold titles, a split in time, parts left out, and an emulated fleet."""

from __future__ import annotations

import numpy as np
import pytest

from omega_core.errors import OmegaError
from omega_eval.ablation import FULL, newcomer, study_ablation
from omega_eval.baselines import EASE_LAMBDA, best_unseen, ease_scores
from omega_eval.cold import BLEND, cold_titles, hidden, study_cold, without_map
from omega_eval.emulated import emulate, frontier
from omega_eval.evaluate import rank_histories
from omega_eval.federation import federate
from omega_eval.global_time import global_time
from omega_eval.household import Household
from omega_eval.metrics import ratio, score
from omega_eval.policies import Shard, named
from omega_eval.quality import Study
from omega_eval.reports import televisions
from omega_eval.split import split
from omega_eval.time_split import GlobalSplit, global_split
from omega_eval.world import World, build_world


@pytest.fixture(scope="module")
def study(small_world: World) -> Study:
    return Study(small_world)


def test_cold_titles_are_hidden_from_all_training(
    shard: Shard, group_households: list[Household]
) -> None:
    cold = cold_titles(120, 0.3, seed=1)
    assert cold.sum() == 36
    households = split(group_households)
    row_of = dict(shard.catalogue.row_of)
    for before, after in zip(households, hidden(households, row_of, cold), strict=True):
        assert not any(cold[row_of[event.content_id]] for event in after.train)
        assert all(cold[row_of[title]] for title in after.held_out)
        assert {e.content_id for e in before.train} - {e.content_id for e in after.train} == {
            e.content_id for e in before.train if cold[row_of[e.content_id]]
        }


def test_cold_lists_hold_cold_titles_and_the_fleet_knows_none_of_them(
    shard: Shard, group_households: list[Household]
) -> None:
    households = split(group_households)
    found = study_cold(shard, households)
    assert found.rows[0].name == BLEND
    assert found.titles == 24
    assert found.rows[0].vs_blend.value == 1
    cold = cold_titles(120)
    world = build_world(
        shard.pack, shard.catalogue, hidden(households, dict(shard.catalogue.row_of), cold)
    )
    assert found.households == sum(bool(len(rows)) for rows in world.wanted)
    model = federate(named("sketches-3"), televisions(world), shard).model
    assert model.has_factor[~cold].any()
    lists = rank_histories(shard.catalogue, model, world.scored, candidates=cold)
    shown = np.concatenate(lists)
    assert len(shown)
    assert cold[shown].all()
    bare = without_map(model)
    assert not bare.score_factors[~model.has_factor].any()
    assert np.array_equal(
        bare.score_factors[model.has_factor], model.score_factors[model.has_factor]
    )
    assert bare.log_prior[~bare.has_factor].max() == bare.log_prior[bare.has_factor].min()


def test_nothing_to_find_among_cold_titles_is_said(
    shard: Shard, group_households: list[Household]
) -> None:
    short = [Household("synthetic-1", group_households[0].events[:3], synthetic=True)]
    with pytest.raises(OmegaError, match="hidden title to find"):
        study_cold(shard, split(short))


def test_the_server_knows_nothing_after_the_instant(group_households: list[Household]) -> None:
    cut = global_split(group_households, 0.5)
    events = [event for each in group_households for event in each.events]
    before = sum(event.occurred_at < cut.instant for event in events)
    assert before == pytest.approx(0.5 * len(events), abs=1)
    for household, past, now in zip(group_households, cut.before, cut.after, strict=True):
        assert all(event.occurred_at < cut.instant for event in past.train)
        assert len(past.train) == sum(e.occurred_at < cut.instant for e in household.events)
        assert past.held_out == ()
        at = {event.content_id: event.occurred_at for event in household.events}
        assert all(at[title] >= cut.instant for title in now.held_out)
        (usual,) = split([household])
        assert now.train == usual.train
        later = all(at[title] >= cut.instant for title in usual.held_out)
        assert now.held_out == (usual.held_out if later else ())
    assert 0 < sum(bool(each.held_out) for each in cut.after) < len(cut.after)


def test_what_came_after_teaches_no_model(shard: Shard, group_households: list[Household]) -> None:
    cut = global_split(group_households, 0.5)
    found = global_time(cut, shard, ("sketches-3",))
    assert [row.name for row in found.rows] == ["popularity", "EASE", "local only", "sketches-3"]
    scored = [i for i, each in enumerate(cut.after) if each.held_out]
    assert found.households == len(scored)
    assert found.known == sum(bool(cut.before[i].train) for i in scored)
    # Other titles after the instant: the same models.
    changed = GlobalSplit(cut.instant, cut.before, tuple(reversed(cut.after)))
    other = global_time(changed, shard, ("sketches-3",))
    ours, theirs = found.rows[3].federated, other.rows[3].federated
    assert ours is not None
    assert theirs is not None
    assert np.array_equal(ours.factors.factors, theirs.factors.factors)
    assert ours.figures.devices == sum(bool(each.train) for each in cut.before)


def test_a_newcomer_has_its_first_likes_and_what_came_before_them(
    group_households: list[Household],
) -> None:
    (cut,) = split(group_households[:1])
    assert newcomer(cut, 0).train == ()
    three = newcomer(cut, 3)
    assert sum(event.success for event in three.train) == 3
    assert three.train[-1].success
    assert three.train == cut.train[: len(three.train)]
    assert three.held_out == cut.held_out
    assert newcomer(cut, 1_000).train == cut.train


def test_parts_left_out_are_beside_everything(study: Study) -> None:
    found = study_ablation(study, "sketches-3", few=(1,))
    rows = {(row.likes, row.name): row for row in found.rows}
    assert {likes for likes, _ in rows} == {None, 1}
    assert all(rows[likes, FULL].change.value == 1 for likes in (None, 1))
    without = rows[None, "without collaborative"]
    assert without.scores.ndcg.tolist() != rows[None, FULL].scores.ndcg.tolist()
    assert without.vs_ease == ratio(without.scores.ndcg, study.ease.ndcg)
    # Where factors are held patterns say nothing, so leaving them out changes nothing.
    assert rows[None, "without global patterns"].change.value == 1
    alone = rank_histories(study.world.catalogue, None, study.world.scored)
    expected = study.score(alone).ndcg
    assert rows[None, "nothing of the fleet"].scores.ndcg.tolist() == expected.tolist()
    got = federate(named("sketches-3"), study.fleet, study.shard)
    assert (found.patterns, found.patterns_bytes) == (
        len(got.patterns.vectors),
        got.patterns_bytes,
    )


def test_an_emulated_device_has_most_of_a_households_likes_and_some_of_its_likes(
    small_world: World,
) -> None:
    liked = small_world.data.liked
    fleet = emulate(liked, 120)
    assert np.array_equal(fleet, emulate(liked, 120))
    assert np.array_equal(fleet[:50], emulate(liked, 50))
    scores = ease_scores(liked, liked)
    scores /= np.linalg.norm(scores, axis=1, keepdims=True)
    alike = scores @ scores.T
    np.fill_diagonal(alike, -1)
    shares = []
    for device, likes in enumerate(fleet):
        source = device % len(liked)
        own = liked[source] > 0
        assert likes.sum() == own.sum()
        shares.append(likes[own].sum() / own.sum())
        nearest = np.argsort(-alike[source])[:5]
        assert (liked[nearest].sum(axis=0)[(likes > 0) & ~own] > 0).all()
    assert min(shares) >= 0.45
    assert max(shares) <= 0.85
    assert np.std(shares) > 0.05
    assert len({likes.tobytes() for likes in fleet}) == 120


def test_a_household_without_likes_emulates_nobody() -> None:
    liked = np.zeros((3, 10), np.float32)
    liked[1, :4] = 1
    fleet = emulate(liked, 4)
    # Nobody else likes anything: what is not kept cannot be replaced.
    assert (fleet.sum(axis=1) <= 4).all()
    assert (fleet.sum(axis=1) >= 2).all()
    assert not emulate(np.zeros((2, 5), np.float32), 3).any()


def test_the_frontier_is_beside_ease_on_the_true_emulated_matrix(
    small_world: World, shard: Shard
) -> None:
    found = frontier(small_world, shard, 135, (8.0,))
    assert [row.name for row in found.rows] == ["EASE", "sketches-8"]
    liked = emulate(small_world.data.liked, 135)
    assert (found.devices, found.likes) == (135, int(liked.sum()))
    assert found.rows[1].sketches == found.likes
    # Three devices a household: the Gram matrix is thrice as large, and so is its ridge.
    scores = ease_scores(liked, small_world.data.liked, 3 * EASE_LAMBDA)
    lists = best_unseen(scores, small_world.data.seen)
    direct = score(lists, small_world.wanted, len(small_world))
    assert found.rows[0].scores.ndcg.tolist() == direct.ndcg.tolist()
    assert found.rows[1].vs_ease == ratio(found.rows[1].scores.ndcg, direct.ndcg)
