from __future__ import annotations

import math

import pytest

from omega_core.config import load
from omega_core.errors import OmegaError
from omega_privacy import SketchPolicy


def test_the_named_policies() -> None:
    assert SketchPolicy.default() == SketchPolicy(
        sigma=5.0, consent=True, min_success_rate=0.7, min_samples=3
    )
    assert SketchPolicy.strict().sigma == 6.0
    assert SketchPolicy.strict().consent
    assert not SketchPolicy.off().consent


@pytest.mark.parametrize(
    ("title", "taste", "samples", "expected"),
    [
        (0.7, 0.7, 3, True),
        (1.0, 1.0, 100, True),
        (0.69, 1.0, 100, False),
        (1.0, 0.69, 100, False),
        (1.0, 1.0, 2, False),
    ],
)
def test_titles_qualify_from_their_bounds_on(
    title: float, taste: float, samples: int, expected: bool
) -> None:
    assert SketchPolicy.default().qualifies(title, taste, samples) is expected
    assert not SketchPolicy.off().qualifies(title, taste, samples)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sigma", 0.49),
        ("sigma", 64.1),
        ("sigma", math.nan),
        ("min_success_rate", -0.1),
        ("min_success_rate", 1.1),
        ("min_samples", 0),
    ],
)
def test_settings_out_of_bounds_are_named(field: str, value: float) -> None:
    with pytest.raises(OmegaError, match=f"{field} must be between") as caught:
        SketchPolicy(**{field: value})  # type: ignore[arg-type]  # one field of several types
    assert caught.value.field == field


def test_a_policy_is_read_from_the_environment() -> None:
    found = load(SketchPolicy, "X_", {"X_SIGMA": "6", "X_CONSENT": "false"})
    assert found == SketchPolicy(sigma=6.0, consent=False)
