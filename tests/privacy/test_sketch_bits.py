from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_core.errors import ErrorCode, OmegaError
from omega_core.limits import DIMENSION, SKETCH_BYTES
from omega_core.vectors import FloatArray, unit
from omega_privacy import SketchPolicy, draw_noise, make_sketch, unpack_sketches

POLICY = SketchPolicy(sigma=0.5)


def _axis(index: int, value: float) -> FloatArray:
    vector = np.zeros(DIMENSION, np.float32)
    vector[index] = value
    return vector


def test_bits_stand_most_significant_first_and_zero_counts_as_positive() -> None:
    noise = _axis(200, 1e-6)
    everything = np.ones(DIMENSION, np.float32)
    assert make_sketch(_axis(0, 1.0), noise, POLICY) == b"\xff" * SKETCH_BYTES
    assert make_sketch(_axis(0, -1.0), noise, POLICY) == b"\x7f" + b"\xff" * 47
    assert make_sketch(_axis(15, -1.0), noise, POLICY) == b"\xff\xfe" + b"\xff" * 46
    assert make_sketch(-unit(everything), noise, POLICY) == b"\x00" * SKETCH_BYTES


def test_the_noise_weighs_sigma_over_the_root_of_the_width() -> None:
    # With sigma 2 a component of e loses to unit noise below 2 / sqrt(384) = 0.10206.
    noise = -np.ones(DIMENSION, np.float32)
    for component, bit in ((0.1020, 0), (0.1021, 1)):
        vector = _axis(0, component)
        vector[1] = math.sqrt(1 - component**2)
        first = make_sketch(vector, noise, SketchPolicy(sigma=2.0))[0] >> 7
        assert first == bit


@given(st.integers(0, 5).flatmap(lambda n: st.binary(min_size=48 * n, max_size=48 * n)))
@settings(deadline=None)
def test_unpacking_loses_no_bit(data: bytes) -> None:
    signs = unpack_sketches(data)
    assert signs.shape == (len(data) // 48, DIMENSION)
    assert signs.dtype == np.float32
    assert np.packbits(signs > 0).tobytes() == data
    assert (np.abs(signs) == 1).all()


@pytest.mark.parametrize("length", [1, 47, 49, 95])
def test_a_broken_length_names_the_field(length: int) -> None:
    with pytest.raises(OmegaError, match="pushes sketches must be a multiple of 48"):
        unpack_sketches(bytes(length), "pushes sketches")


@pytest.mark.parametrize(
    ("centred", "noise", "field"),
    [
        (np.ones(383, np.float32), draw_noise(), "centred"),
        (np.full(DIMENSION, np.nan, np.float32), draw_noise(), "centred"),
        (np.zeros(DIMENSION, np.float32), draw_noise(), "centred"),
        (_axis(3, 1.01), draw_noise(), "centred"),
        (_axis(3, 1.0), np.ones(385, np.float32), "noise"),
        (_axis(3, 1.0), np.full(DIMENSION, np.inf, np.float32), "noise"),
        (_axis(3, 1.0), np.zeros(DIMENSION, np.float32), "noise"),
    ],
)
def test_bad_vectors_are_refused(centred: FloatArray, noise: FloatArray, field: str) -> None:
    with pytest.raises(OmegaError) as caught:
        make_sketch(centred, noise, POLICY)
    assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_FIELD, field)


def test_without_consent_no_sketch_is_made() -> None:
    with pytest.raises(OmegaError, match="consent"):
        make_sketch(_axis(0, 1.0), draw_noise(), SketchPolicy.off())
    with pytest.raises(OmegaError, match="one that sends"):
        make_sketch(_axis(0, 1.0), draw_noise(), SketchPolicy.receive_only())
