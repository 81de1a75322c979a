"""Liars: what they reach against a careless fleet, and against this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from omega_core.content import Content, ContentKind
from omega_eval.attacks.learning import learn, model_of
from omega_eval.attacks.niche import companions
from omega_eval.attacks.poisoning import (
    FLOOD,
    PUSHED,
    SIZES,
    Poisoning,
    finite,
    poisoning,
    push_titles,
    titles_to_push,
    wreckers,
)
from omega_eval.metrics import RowArray
from omega_learn import DeviceSketches, LearnConfig, RoundResult, Statistics, fit_factors
from omega_learn.rows import UNIT
from omega_rank import Catalogue, CollectiveModel
from omega_testing.attacked import Town

CONFIG = LearnConfig(sigma=2.0, lam=20.0, rank=32)


@pytest.fixture(scope="module")
def catalogue(town: Town) -> Catalogue:
    rows = town.histories.embeddings
    contents = [Content(f"t{i}", f"Title {i}", ContentKind.MOVIE) for i in range(len(rows))]
    return Catalogue.build(contents, rows, np.zeros(384, np.float32), range(len(rows)))


def honest(town: Town) -> list[DeviceSketches]:
    packed = np.packbits(town.bits(2.0) > 0, axis=1)
    return [
        DeviceSketches(f"tv-{user}", packed[town.users == user].tobytes(), bytes([31]) * 14)
        for user in range(len(town.histories.liked))
    ]


def careless(devices: Sequence[DeviceSketches]) -> list[DeviceSketches]:
    """As a fleet sees them that lets a liar be as many TVs as it sends sketches, up to 50."""
    found = []
    for each in devices:
        copies = min(len(each.classes), 50) if each.device_key.startswith("liar") else 1
        found += [replace(each, device_key=f"{each.device_key}-{i}") for i in range(copies)]
    return found


def attacked(town: Town, catalogue: Catalogue, *, careful: bool) -> Poisoning:
    liked = town.histories.liked
    likes = liked.sum(axis=0).astype(np.int64)

    def aggregate(devices: Sequence[DeviceSketches]) -> RoundResult:
        sent = devices if careful else careless(devices)
        return learn(catalogue.embeddings, catalogue.centring_mean, sent, CONFIG)

    def lists(result: RoundResult) -> list[RowArray]:
        model = model_of(catalogue, result)
        return [_list(model, row) for row in liked]

    clean = aggregate(honest(town))
    popular = np.argsort(-likes, kind="stable").astype(np.int64)
    return poisoning(
        town.histories.embeddings,
        honest(town),
        popular,
        titles_to_push(clean.factors.titles.astype(np.int64), likes),
        liars=1 if careful else 4,
        aggregate=aggregate,
        lists=lists,
        wanted=[popular[:30][row[popular[:30]] == 0] for row in liked],
        liked=liked,
        lam=CONFIG.lam,
        most=CONFIG.max_device_sketches,
        mass=int(CONFIG.device_clip),
    )


def _list(model: CollectiveModel, liked: np.ndarray[tuple[int], np.dtype[np.float32]]) -> RowArray:
    rows = np.flatnonzero(liked)
    scores = model.scores(rows.astype(np.int64), np.ones(len(rows), np.float32))
    return np.argsort(np.where(liked > 0, np.inf, -scores), kind="stable")[:20]


def test_liars_win_where_nothing_bounds_a_device(town: Town, catalogue: Catalogue) -> None:
    found = attacked(town, catalogue, careful=False)
    rises = {push.name: push.rise.value for push in found.pushes}
    # Far above the bound that this fleet is held to, below.
    assert min(rises.values()) > 0.25


def test_this_fleet_bounds_them(town: Town, catalogue: Catalogue) -> None:
    found = attacked(town, catalogue, careful=True)
    assert (found.liars, found.honest) == (1, 80)
    assert {push.name for push in found.pushes} >= {"head", "middle"}
    for push in found.pushes:
        assert push.rise.value < 0.1
        assert push.after - push.before == pytest.approx(push.rise.value)
    assert {wreck.name for wreck in found.wrecks} == {
        *(f"{PUSHED} in {size}, {kind}" for size in SIZES for kind in ("popular", "a niche")),
        "random",
        "flood",
        "opposite",
    }
    for wreck in found.wrecks:
        assert wreck.finite
        assert wreck.ndcg.value > 0.9


def test_a_niche_carries_a_title_further_than_what_most_like(town: Town) -> None:
    """Held to EASE itself, refitted with the liars' rows: how many first tens the title enters."""
    liked, liars, lam = town.histories.liked.astype(np.float64), 3, 20.0
    users, titles = liked.shape
    rows = np.arange(titles)
    ones = np.ones(titles, np.int64)
    statistics = Statistics(
        rows.astype(np.int32), ones, ones, ones, users, liked.T @ liked * UNIT**2
    )
    factors = fit_factors(statistics, np.ones(titles, np.float32), lam=lam, rank=titles)
    popular = np.argsort(-liked.sum(axis=0), kind="stable")[:10]
    near = companions(factors, town.histories.liked, liars, 10, lam, taken=popular[:1])
    assert len(set(near.tolist())) == 10
    assert popular[0] not in near

    def entered(others: np.ndarray[tuple[int], np.dtype[np.int64]]) -> int:
        lies = np.zeros((liars, titles + 1))
        lies[:, [*others, titles]] = 1
        x = np.vstack([np.pad(liked, ((0, 0), (0, 1))), lies])
        inverse = np.linalg.inv(x.T @ x + lam * np.eye(titles + 1))
        weights = -inverse / inverse.diagonal()
        np.fill_diagonal(weights, 0)
        scores = np.where(x > 0, -np.inf, x @ weights)[:users]
        return int((np.argsort(-scores, axis=1)[:, :10] == titles).any(axis=1).sum())

    assert entered(near) > entered(popular.astype(np.int64))


def test_liars_send_what_they_claim(town: Town) -> None:
    rows = town.histories.embeddings
    (one, other) = push_titles(rows, np.array([7, 1, 2, 3]), 2)
    assert one.sketches == other.sketches
    assert one.sketches[:48] == np.packbits(rows[7] >= 0).tobytes()
    assert one.classes == bytes([31] * 4)
    bad = wreckers(rows, np.arange(10), 1, most=6)
    (flood,) = bad["flood"]
    assert len(flood.classes) == FLOOD
    near = np.unpackbits(np.frombuffer(flood.sketches[:48], np.uint8))
    assert 0.9 < (near == (rows[0] >= 0)).mean() < 1
    (opposite,) = bad["opposite"]
    assert len(opposite.classes) == 6


def test_what_is_not_finite_is_seen(town: Town, catalogue: Catalogue) -> None:
    result = learn(catalogue.embeddings, catalogue.centring_mean, honest(town), CONFIG)
    assert finite(result)
    gains = result.factors.gains.copy()
    gains[0] = np.nan
    assert not finite(replace(result, factors=replace(result.factors, gains=gains)))


def test_targets_are_of_three_kinds() -> None:
    likes = np.array([9, 5, 0, 1, 0])
    found = titles_to_push(np.array([0, 1, 2, 3]), likes)
    assert found == {"head": 0, "middle": 3, "unsupported": 4}
