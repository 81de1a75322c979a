"""Trends: held to their definition, found where they were planted, and nowhere else."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import OmegaError
from omega_learn import (
    EVERYWHERE,
    DeviceSketches,
    Kept,
    LearnConfig,
    Posterior,
    Recent,
    RiseCounter,
    Rises,
    RoundInput,
    TrendConfig,
    device_rows,
    large_regions,
    merge_rises,
    rising,
    run,
)
from omega_learn.rises import FINE
from omega_learn.trends import surprise
from omega_testing.tastes import LIKED, taste_world

WORLD = taste_world(groups=4, each=15)
SIGMA = 3.0
CONFIG = LearnConfig(sigma=SIGMA, lam=5, rank=16)
TITLES = 12
WINDOWS = (2.0, 12.0, 72.0)


class Block:
    """Decoded sketches of some devices, made up."""

    def __init__(self, seed: int, devices: int) -> None:
        rng = np.random.default_rng(seed)
        self.sizes = rng.integers(1, 5, devices)
        n = int(self.sizes.sum())
        self.regions = [("", "north", "south", "tiny")[i] for i in rng.integers(0, 4, devices)]
        self.ages = rng.choice([0.5, 1.0, 5.0, 30.0, 100.0, 900.0], n)
        titles = np.array([rng.permutation(TITLES)[:4] for _ in range(n)], np.int32)
        weights = rng.dirichlet([0.3] * 4, n).astype(np.float32)
        self.posterior = Posterior(titles, weights)

    def kept(self, start: int, stop: int) -> Kept:
        """What is kept of devices start to stop - 1."""
        firsts = np.concatenate([[0], np.cumsum(self.sizes)])
        part = slice(firsts[start], firsts[stop])
        sizes = self.sizes[start:stop]
        posterior = Posterior(self.posterior.titles[part], self.posterior.weights[part])
        rows = device_rows(posterior, sizes, *np.ones((2, len(posterior.titles)), np.float32))
        starts = np.concatenate([[0], np.cumsum(sizes)])
        recent = Recent(starts, self.ages[part], posterior.titles, posterior.weights)
        return Kept(("",) * len(sizes), tuple(self.regions[start:stop]), sizes, rows, recent)

    def counted(self, cuts: Sequence[int] = (), **changed: Any) -> Rises:
        """Counts the devices in blocks that begin at `cuts`."""
        how: dict[str, Any] = {
            "windows": WINDOWS,
            "longest": 1_000.0,
            "decay": 0.95,
            "clip": 2.0,
            **changed,
        }
        regions = large_regions(
            Counter(self.regions), min_devices=1, max_regions=int(how.pop("max_regions", 8))
        )
        counter = RiseCounter(regions, TITLES, **how)
        for start, stop in pairwise([0, *cuts, len(self.sizes)]):
            counter.add(self.kept(start, stop))
        return counter.sums


def by_definition(block: Block, hours: float, region: str, clip: float) -> dict[str, np.ndarray]:
    """Sums of one region in plain Python: what arrived within so many hours."""
    stakes, decayed = np.zeros(TITLES), np.zeros(TITLES)
    devices, active, at = np.zeros(TITLES), 0, 0
    for size, place in zip(block.sizes, block.regions, strict=True):
        every: defaultdict[int, float] = defaultdict(float)
        mass: defaultdict[int, float] = defaultdict(float)
        fading: defaultdict[int, float] = defaultdict(float)
        came = False
        for s in range(at, at + int(size)):
            age = float(block.ages[s])
            came = came or age < hours
            for title, weight in zip(
                block.posterior.titles[s].tolist(), block.posterior.weights[s].tolist(), strict=True
            ):
                every[title] += weight
                if age < hours:
                    mass[title] += weight
                    fading[title] += weight * 0.95**age
        at += int(size)
        if region not in {"", place}:
            continue
        total = sum(min(1.0, m) for m in every.values())
        share = clip / max(clip, total)
        active += came
        for title, m in mass.items():
            stakes[title] += min(1.0, m) * share
            decayed[title] += min(1.0, m) * share * (fading[title] / m if m else 0.0)
            devices[title] += round(1_024 * min(1.0, m)) >= round(0.2 * 1_024)
    return {"stakes": stakes, "decayed": decayed, "devices": devices, "active": np.array(active)}


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), clip=st.sampled_from([1.0, 2.0, 50.0]))
def test_the_sums_are_their_definition(seed: int, clip: float) -> None:
    block = Block(seed, 12)
    found = block.counted(clip=clip)
    for place, region in enumerate(found.regions):
        every = by_definition(block, math.inf, region, clip)["stakes"]
        np.testing.assert_allclose(found.every[place] / FINE, every, atol=0.01)
        before = every - by_definition(block, WINDOWS[-1], region, clip)["stakes"]
        np.testing.assert_allclose(found.before[place] / FINE, before, atol=0.02)
        for w, hours in enumerate(WINDOWS):
            expected = by_definition(block, hours, region, clip)
            for name in ("stakes", "decayed"):
                sums = getattr(found, name)[w, place] / FINE
                np.testing.assert_allclose(sums, expected[name], atol=0.01)
            np.testing.assert_array_equal(found.devices[w, place], expected["devices"])
            assert found.active[w, place] == expected["active"]


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), cuts=st.sets(st.integers(1, 11), max_size=3))
def test_blocks_and_shards_add_up_in_any_order(seed: int, cuts: set[int]) -> None:
    block = Block(seed, 12)
    whole = block.counted()
    assert_same(block.counted(sorted(cuts)), whole)
    firsts = np.concatenate([[0], np.cumsum(block.sizes)])
    bounds = [0, *sorted(cuts), 12]
    shards = []
    for start, stop in pairwise(bounds):
        shard, rows = Block(0, 1), slice(firsts[start], firsts[stop])
        shard.sizes, shard.regions = block.sizes[start:stop], block.regions[start:stop]
        shard.ages = block.ages[rows]
        shard.posterior = Posterior(block.posterior.titles[rows], block.posterior.weights[rows])
        shards.append(shard.counted())
    for order in (shards, shards[::-1]):
        merged = order[0]
        for shard_sums in order[1:]:
            merged = merge_rises(merged, shard_sums)
        assert_same(merged, whole)
    if len(shards) > 2:
        a, b, c = shards[:3]
        assert_same(merge_rises(merge_rises(a, b), c), merge_rises(a, merge_rises(b, c)))


def assert_same(a: Rises, b: Rises) -> None:
    for part in fields(Rises):
        np.testing.assert_array_equal(getattr(a, part.name), getattr(b, part.name))


def test_sums_of_other_windows_do_not_merge() -> None:
    with pytest.raises(ValueError, match="windows"):
        merge_rises(Block(1, 3).counted(), Block(1, 3).counted(windows=(72.0,)))


@settings(deadline=None, max_examples=30)
@given(
    titles=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=6),
    rest=st.tuples(st.integers(1, 400), st.integers(1, 4_000)),
)
def test_the_surprise_bounds_the_exact_tail(
    titles: list[tuple[int, int]], rest: tuple[int, int]
) -> None:
    """The oracle is the conditional binomial tail, summed term by term."""
    late, early = (np.array(each, np.float64) for each in zip(*titles, strict=True))
    total, long_run = late.sum() + rest[0], early.sum() + rest[1]
    found = surprise(late, early, np.full(len(late), total), np.full(len(late), long_run))
    theta = total / (total + long_run)
    for (x, y), value in zip(titles, found, strict=True):
        n = x + y
        tail = sum(math.comb(n, k) * theta**k * (1 - theta) ** (n - k) for k in range(x, n + 1))
        assert math.exp(-value) >= tail * (1 - 1e-9)
        if x <= n * theta:
            assert value == 0


def sketches(titles: Sequence[int], seed: int) -> tuple[bytes, bytes]:
    return WORLD.sketches(list(titles), SIGMA, seed), bytes([LIKED]) * len(titles)


def household(
    number: int, region: str, lately: Sequence[int] = (), age: float = 0.5
) -> DeviceSketches:
    """Likes 8 titles of the group number % 3 for long, and these since `age` hours."""
    first = 15 * (number % 3)
    liked = first + np.random.default_rng(number).permutation(15)[:8]
    old = sketches(liked.tolist(), number)
    new = sketches(lately, 5_000 + number) if lately else (b"", b"")
    return DeviceSketches(
        f"tv-{number:03}",
        old[0] + new[0],
        old[1] + new[1],
        region=region,
        arrivals=((8, 500.0), (len(lately), age)),
    )


def usual(number: int) -> list[int]:
    """What the household would have watched anyway: something of its group."""
    drawn = np.random.default_rng(9_000 + number).permutation(15)[:2]
    return [15 * (number % 3) + int(title) for title in drawn]


PLANTED = 50
"""Of the fourth group, which nobody liked before."""
REGIONS = ("north", "south", "west")


def region_of(number: int) -> str:
    """Each region has households of each taste."""
    return REGIONS[number // 3 % 3]


def fleet(trending: Sequence[int] = (), age: float = 0.5) -> list[DeviceSketches]:
    """60 households in three regions; those named have succeeded with PLANTED too."""
    return [
        household(n, region_of(n), [*usual(n), *([PLANTED] if n in trending else [])], age)
        for n in range(60)
    ]


def north(devices: Sequence[DeviceSketches]) -> list[int]:
    return [n for n, device in enumerate(devices) if device.region == "north"]


def found_in(
    devices: Sequence[DeviceSketches], hours_since_first: float | None = 400.0
) -> dict[str, dict[int, float]]:
    inputs = RoundInput(WORLD.embeddings, WORLD.mean, devices, hours_since_first=hours_since_first)
    trends = run(inputs, CONFIG).trends
    return {region: {t.title: t.score for t in each} for region, each in trends.items()}


def test_a_planted_trend_rises_in_its_region_and_nowhere_else() -> None:
    planted = north(fleet())[:9]
    found = found_in(fleet(planted))
    assert set(found) == {"north"}
    assert set(found["north"]) == {PLANTED}
    assert 0.5 < found["north"][PLANTED] < 1


def test_what_rises_in_several_regions_rises_everywhere() -> None:
    found = found_in(fleet(range(0, 60, 2)))
    assert PLANTED in found[EVERYWHERE]
    assert found.keys() >= {EVERYWHERE, "north"}


def test_it_is_the_same_whatever_the_order_and_however_often() -> None:
    devices = fleet(north(fleet())[:9])
    found = found_in(devices)
    assert found_in(devices[::-1]) == found
    assert found_in(devices) == found


def test_an_hour_leaves_0_95_of_a_score_however_it_is_cut() -> None:
    planted = north(fleet())[:9]
    at_once = found_in(fleet(planted, 1.0))["north"][PLANTED]
    half, whole = (found_in(fleet(planted, 1.0 + later))["north"][PLANTED] for later in (0.4, 0.8))
    assert half / at_once == pytest.approx(0.95**0.4, rel=1e-4)
    assert whole / half == pytest.approx(0.95**0.4, rel=1e-4)
    assert whole / at_once == pytest.approx(0.95**0.8, rel=1e-4)


def test_a_trend_is_over_when_it_has_faded() -> None:
    planted = north(fleet())[:9]
    scores = [
        found_in(fleet(planted, age)).get("north", {}).get(PLANTED, 0.0) for age in (1, 30, 60, 73)
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[2] > 0
    assert scores[3] == 0


def test_what_a_fleet_watches_anyway_is_no_trend() -> None:
    """Popular titles gain viewers all the time; that is what their share lets expect."""
    alarms = 0
    for shift in range(12):
        devices = [household(n, region_of(n), usual(n + 3_000 * shift)) for n in range(60)]
        alarms += len(found_in(devices))
    assert alarms <= 1


def test_noise_is_no_trend() -> None:
    rng = np.random.default_rng(3)
    devices = [
        replace(
            device,
            sketches=device.sketches[: 8 * 48] + rng.bytes(10 * 48),
            classes=device.classes[:8] + bytes([LIKED]) * 10,
            arrivals=((8, 500.0), (10, 0.5)),
        )
        for device in fleet()
    ]
    assert found_in(devices) == {}


def test_two_devices_are_no_trend_however_often_they_say_it() -> None:
    planted = north(fleet())[:2]
    devices = fleet(planted)
    for n in planted:
        new = sketches([PLANTED] * 40, 77 + n)
        devices[n] = replace(
            devices[n],
            sketches=devices[n].sketches + new[0],
            classes=devices[n].classes + new[1],
            arrivals=(*devices[n].arrivals, (40, 0.5)),
        )
    assert found_in(devices) == {}
    assert "north" in found_in(fleet(north(fleet())[:8]))


@pytest.mark.parametrize(
    ("behind", "liar_share", "rises"),
    [(5, 0.01, False), (6, 0.01, True), (5, 0.0, True), (40, 0.1, False), (60, 0.1, True)],
)
def test_as_many_devices_as_may_lie_make_no_trend(
    behind: int, liar_share: float, rises: bool
) -> None:
    """In a quiet hour nothing arrives but what they say; 500 TVs stand in the region."""
    late = np.array([behind, 0], np.int64)
    sums = Rises(
        regions=("",),
        every=np.array([[behind, 4_000]]) * FINE,
        stakes=late[None, None] * FINE,
        decayed=late[None, None] * FINE,
        devices=late[None, None],
        active=np.array([[behind]]),
        members=np.array([500]),
    )
    found = rising(sums, TrendConfig(windows=(72.0,), liar_share=liar_share))
    assert bool(found) == rises


def test_a_region_of_two_devices_has_no_trends_of_its_own() -> None:
    planted = north(fleet())[:9]
    devices = [
        replace(device, region="tiny") if n in planted[:2] else device
        for n, device in enumerate(fleet(planted))
    ]
    assert set(found_in(devices)) == {"north"}


def test_without_a_round_before_there_is_nothing_to_rise_from() -> None:
    devices = fleet(north(fleet())[:9])
    assert found_in(devices, None) == {}
    assert found_in(devices, 0.25) == {}
    assert PLANTED in found_in(devices, 0.75)["north"]


def test_a_repeated_sketch_is_as_old_as_its_first_arrival() -> None:
    planted = north(fleet())[:9]
    devices = [
        replace(
            device,
            sketches=device.sketches * 2,
            classes=device.classes * 2,
            arrivals=((len(device.classes), 300.0), (len(device.classes), 0.5)),
        )
        for device in fleet(planted)
    ]
    assert found_in(devices) == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("decay", 1.0),
        ("windows[0]", (0.0,)),
        ("windows", (2.0, 1.0)),
        ("windows", ()),
        ("false_alarms", 0.0),
        ("min_devices", 2),
        ("device_clip", 0.5),
        ("half_share", 0.0),
        ("least_score", -0.1),
        ("max_regions", -1),
    ],
)
def test_settings_have_bounds(field: str, value: object) -> None:
    with pytest.raises(OmegaError) as caught:
        TrendConfig(**{field.partition("[")[0]: value})  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.field == field


def test_only_so_many_regions_are_told_apart() -> None:
    block = Block(5, 40)
    counts = {name: block.regions.count(name) for name in ("north", "south", "tiny")}
    largest = sorted(counts, key=lambda name: (-counts[name], name))[:2]
    assert block.counted(max_regions=2).regions == ("", *sorted(largest))
    assert rising(block.counted(max_regions=0), TrendConfig()).keys() <= {EVERYWHERE}
