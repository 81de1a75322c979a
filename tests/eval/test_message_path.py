"""What a study's TVs send is what a TV sends, and what it learns is what those messages teach."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest

from omega.sync.v1 import sync_service_pb2 as pb
from omega_agentdb import SkillLearner
from omega_core.limits import MAX_SYNC_REQUEST, SKETCH_BYTES
from omega_core.taste import TasteViewing
from omega_eval.federation import federate, sent
from omega_eval.messages import Delivery, device_sketches, pushes
from omega_eval.policies import Shard, Sketches, named
from omega_eval.reports import (
    NoiseStore,
    Television,
    everything,
    pattern_samples,
    televisions,
)
from omega_eval.world import World
from omega_learn import DeviceSketches, LearnConfig, RoundInput, run
from omega_persistence.skills import Skills
from omega_privacy import SketchPolicy, class_byte, make_sketch
from omega_rank import CollectiveModel
from omega_testing.taste_tables import database_of_titles, titles


def test_messages_are_small_and_hold_every_sketch_once_in_another_order() -> None:
    sketches = [bytes([i]) * SKETCH_BYTES for i in range(45)]
    classes = bytes(i % 32 for i in range(45))
    sent_messages = pushes(sketches, classes, "encoder-1", 500, np.random.default_rng(3))
    parsed = [pb.SyncRequest.FromString(body) for body in sent_messages]
    assert max(len(body) for body in sent_messages) <= MAX_SYNC_REQUEST
    assert len(parsed) == 3
    assert len({UUID(request.request_id) for request in parsed}) == 3
    found = [
        (request.sketches[i * SKETCH_BYTES : (i + 1) * SKETCH_BYTES], request.classes[i])
        for request in parsed
        for i in range(len(request.classes))
    ]
    assert found != list(zip(sketches, classes, strict=True))
    assert sorted(found) == sorted(zip(sketches, classes, strict=True))


def test_sketches_of_another_encoder_are_not_learnt_from() -> None:
    bodies = [
        pushes([bytes(SKETCH_BYTES)], b"\x01", version, 450, np.random.default_rng(0))[0]
        for version in ("encoder-1", "encoder-2")
    ]
    (only,) = device_sketches([Delivery("tv", body) for body in bodies], "encoder-2")
    assert only == DeviceSketches("tv", bytes(SKETCH_BYTES), b"\x01", 4.5)


def test_the_model_is_what_the_same_sketches_teach_without_any_message(
    small_world: World, shard: Shard
) -> None:
    fleet = televisions(small_world)
    policy = Sketches(3.0)
    got = federate(policy, fleet, shard)
    direct = [
        DeviceSketches(
            tv.device_key,
            b"".join(
                make_sketch(
                    shard.catalogue.embeddings[row],
                    policy.noise.of(tv.number, row),
                    SketchPolicy(sigma=3.0),
                )
                for row in tv.rows.tolist()
            ),
            tv.classes,
        )
        for tv in fleet
    ]
    learnt = run(
        RoundInput(shard.pack.embeddings, shard.pack.centring_mean, direct), LearnConfig(sigma=3.0)
    )
    for part in ("factors", "steps", "gains", "prior"):
        assert np.array_equal(getattr(got.factors, part), getattr(learnt.factors, part)), part
    assert got.factors.ordinals.tolist() == learnt.factors.titles.tolist()
    assert got.patterns.success_rates.tolist() == pytest.approx(
        [pattern.success_rate for pattern in learnt.patterns], abs=1e-3
    )
    built = CollectiveModel.build(shard.catalogue, got.factors)
    assert np.array_equal(got.model.score_factors, built.score_factors)
    assert got.figures.devices == len(fleet)
    assert got.longest_push <= MAX_SYNC_REQUEST
    assert got.push_bytes > sum(len(tv.rows) for tv in fleet) * (SKETCH_BYTES + 1)


def test_noise_is_drawn_once_for_a_tv_and_a_title() -> None:
    store = NoiseStore(5)
    assert np.array_equal(store.of(1, 2), NoiseStore(5).of(1, 2))
    others = [NoiseStore(6).of(1, 2), store.of(2, 1), store.of(1, 3)]
    assert not any(np.array_equal(store.of(1, 2), other) for other in others)
    assert abs(float(store.of(1, 2).std()) - 1) < 0.15
    assert store.of(1, 2).dtype == np.float32


def test_a_tv_that_changes_its_noise_scale_keeps_its_noise(shard: Shard) -> None:
    (tv,) = everything(np.ones((1, len(shard.catalogue)), np.float32))
    near, far = (
        device_sketches(sent(Sketches(sigma), [tv], shard), "encoder-1") for sigma in (20.0, 40.0)
    )
    bits = [
        np.unpackbits(np.frombuffer(b"".join(each.sketches for each in found), np.uint8))
        for found in (near, far)
    ]
    # Under so much noise sketches are the noise's signs, so two draws would agree in half of them.
    assert (bits[0] == bits[1]).mean() > 0.95


def test_what_a_tv_reports_is_what_was_liked_in_a_taste_it_knows(
    small_world: World, shard: Shard
) -> None:
    fleet = televisions(small_world)
    assert [tv.device_key for tv in fleet] == [h.household_id for h in small_world.households]
    for tv, history, household in zip(
        fleet, small_world.histories, small_world.households, strict=True
    ):
        samples = pattern_samples(shard.catalogue, household.train)
        liked = np.flatnonzero(history.liked).tolist()
        assert tv.rows.tolist() == [row for row in liked if samples[row] >= 3]
        assert set(tv.classes) <= {class_byte(7, 0)}
    strict = televisions(small_world, SketchPolicy(min_samples=1_000))
    assert all(not len(tv.rows) for tv in strict)


def test_samples_of_a_taste_are_those_that_the_agent_database_counts(
    small_world: World, shard: Shard
) -> None:
    household = small_world.households[0]
    viewings = [
        TasteViewing(
            seq,
            shard.catalogue.row_of[event.content_id] + 1,
            event.occurred_at,
            success=event.success,
            reward=event.reward,
        )
        for seq, event in enumerate(household.train, 1)
    ]
    with database_of_titles(len(shard.catalogue)) as database:
        learner = SkillLearner(Skills(database), titles(shard.catalogue.embeddings))
        while not learner.learn(viewings).finished:
            pass
        counts = {skill.skill_id: skill.sample_count for skill in learner.store.skills("")}
        stored = {
            member.content_rowid - 1: counts[member.skill_id]
            for member in learner.store.members("")
        }
    assert pattern_samples(shard.catalogue, household.train) == stored


def test_receive_only_sends_nothing(shard: Shard) -> None:
    tv = Television("tv", 0, np.arange(5), bytes(5))
    assert sent(named("receive-only"), [tv], shard) == []
