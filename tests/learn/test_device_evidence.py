"""From pushes to device rows: what counts, how often, and in which order."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import OmegaError
from omega_learn import DeviceRows, DeviceSketches, Posterior, Sample, device_rows, gather
from omega_learn.rows import UNIT

A, B, C = (bytes([n]) * 48 for n in (1, 2, 3))


def test_a_repeated_sketch_counts_once_and_its_last_class_holds() -> None:
    fleet = gather([DeviceSketches("x", A + B + A, bytes([0, 4, 31]))], 200)
    assert len(fleet) == 1
    assert fleet.packed == A + B
    assert bytes(fleet.classes) == bytes([31, 4])
    assert fleet.success_rates.tolist() == [0.9375, 0.1875]
    assert fleet.sample_counts.tolist() == [10.0, 1.0]


def test_only_the_last_sketches_of_a_device_count() -> None:
    fleet = gather([DeviceSketches("x", A + B + C, bytes(3))], 2)
    assert fleet.packed == C + B


def test_a_sketch_is_as_old_as_its_first_arrival_and_stands_where_its_device_does() -> None:
    pieces = [
        DeviceSketches("x", A + B + A, bytes(3), None, "north", ((1, 90.0), (1, 7.0), (1, 5.0))),
        DeviceSketches("x", C + C, bytes(2), None, "south", ((1, -2.0),)),
        DeviceSketches("y", B, bytes(1)),
    ]
    fleet = gather(pieces, 200)
    assert fleet.packed == C + A + B + B
    assert fleet.ages.tolist() == [np.inf, 90.0, 7.0, np.inf]
    assert fleet.regions == ("south", "")
    assert gather([replace(pieces[1], classes=bytes(1), sketches=C)], 200).ages.tolist() == [0.0]


def test_two_devices_with_the_same_sketch_count_twice() -> None:
    fleet = gather([DeviceSketches("x", A, bytes(1)), DeviceSketches("y", A, bytes(1))], 200)
    assert fleet.starts.tolist() == [0, 1, 2]


def test_a_device_without_sketches_is_no_device() -> None:
    fleet = gather([DeviceSketches("x", b"", b""), DeviceSketches("y", A, bytes(1))], 200)
    assert len(fleet) == 1


def test_a_sketch_keeps_the_noise_scale_of_its_piece() -> None:
    pieces = [
        DeviceSketches("x", A, bytes(1), 6.0),
        DeviceSketches("x", B, bytes(1)),
        DeviceSketches("y", C, bytes(1), 2.5),
    ]
    fleet = gather(pieces, 200, sigma=5.0)
    assert (fleet.packed, fleet.sigmas.tolist()) == (B + A + C, [5.0, 6.0, 2.5])
    sample = Sample.drawn(fleet, 2, 0)
    assert sample.sketches[:].shape == sample.sketches.shape == (2, 384)
    assert set(sample.sigmas.tolist()) < {5.0, 6.0, 2.5}


@given(st.permutations(["u", "v", "w", "x", "y"]))
def test_the_order_of_devices_does_not_matter(keys: list[str]) -> None:
    pushed = [
        DeviceSketches(key, bytes([ord(key) + n]) * 48, bytes([n])) for n in (0, 1) for key in keys
    ]
    fleet = gather(pushed, 200)
    wanted = b"".join(bytes([ord(key) + n]) * 48 for key in "uvwxy" for n in (1, 0))
    assert fleet.packed == wanted


@pytest.mark.parametrize(
    ("field", "pushed"),
    [
        ("sketches", DeviceSketches("x", A[1:], bytes(1))),
        ("sketches", DeviceSketches("x", A + b"?", bytes(1))),
        ("classes", DeviceSketches("x", A, b"")),
        ("classes", DeviceSketches("x", A, bytes(2))),
        ("classes", DeviceSketches("x", b"", bytes(1))),
        ("classes", DeviceSketches("x", A, bytes([32]))),
        ("sigma", DeviceSketches("x", A, bytes(1), 0.0)),
        ("sigma", DeviceSketches("x", A, bytes(1), float("nan"))),
    ],
)
def test_wrong_lengths_are_named(field: str, pushed: DeviceSketches) -> None:
    with pytest.raises(OmegaError) as caught:
        gather([pushed], 200)
    assert caught.value.field == field


@settings(deadline=None, max_examples=60)
@given(
    counts=st.lists(st.integers(0, 5), max_size=6),
    top=st.integers(1, 4),
    seed=st.integers(0, 10_000),
)
def test_rows_are_capped_sums(counts: list[int], top: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    n = sum(counts)
    posterior = Posterior(
        np.array([random.permutation(6)[:top] for _ in range(n)], np.int32).reshape(n, top),
        random.random((n, top)).astype(np.float32),
    )
    rates = random.random(n).astype(np.float32)
    samples = random.integers(1, 11, n).astype(np.float32)
    rows = device_rows(posterior, np.array(counts, np.int64), rates, samples)

    assert len(rows) == len(counts)
    first = 0
    for device, count in enumerate(counts):
        mass: dict[int, float] = defaultdict(float)
        won: dict[int, float] = defaultdict(float)
        tried: dict[int, float] = defaultdict(float)
        for s in range(first, first + count):
            for title, weight in zip(posterior.titles[s], posterior.weights[s], strict=True):
                mass[title] += float(weight)
                tried[title] += float(weight) * float(samples[s])
                won[title] += float(weight) * float(samples[s]) * float(rates[s])
        first += count
        row = rows.part(device, device + 1)
        stakes = dict(zip(row.titles.tolist(), row.stakes.tolist(), strict=True))
        assert row.titles.tolist() == sorted(stakes)
        for at, title in enumerate(row.titles.tolist()):
            stake = min(1.0, mass[title])
            assert row.stakes[at] == pytest.approx(stake * UNIT, abs=1)
            assert row.quality[at] == pytest.approx(stake * won[title] / mass[title] * UNIT, abs=12)
            assert row.samples[at] == pytest.approx(
                stake * tried[title] / mass[title] * UNIT, abs=12
            )
        assert all(mass[title] * UNIT < 1 for title in set(mass) - set(stakes))


@given(cut=st.integers(0, 4))
def test_rows_can_be_cut_and_joined(cut: int) -> None:
    posterior = Posterior(np.arange(8, dtype=np.int32).reshape(4, 2), np.ones((4, 2), np.float32))
    ones = np.ones(4, np.float32)
    rows = device_rows(posterior, np.ones(4, np.int64), ones, ones)
    again = DeviceRows.join([rows.part(0, cut), rows.part(cut, 4)])
    np.testing.assert_array_equal(again.starts, rows.starts)
    np.testing.assert_array_equal(again.titles, rows.titles)
    np.testing.assert_array_equal(again.owners(), [0, 0, 1, 1, 2, 2, 3, 3])
