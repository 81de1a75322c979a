from __future__ import annotations

import math

import pytest

from omega_core.config import load
from omega_core.errors import OmegaError
from omega_privacy import Sharing, SketchPolicy


def test_the_named_policies() -> None:
    assert SketchPolicy.default() == SketchPolicy(
        sigma=4.5, consent=True, min_success_rate=0.7, min_samples=3
    )
    assert SketchPolicy.strict().sigma == 6.0
    assert SketchPolicy.strict().consent
    assert not SketchPolicy.off().consent
    assert SketchPolicy.receive_only().consent, "what has left stays"
    assert not SketchPolicy.receive_only().sends
    leaves = [SketchPolicy.default(), SketchPolicy.strict()]
    stays = [SketchPolicy.off(), SketchPolicy.receive_only()]
    assert [policy.leaves for policy in (*leaves, *stays)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("sharing", "sigma", "expected"),
    [
        (Sharing.SKETCHES, None, 4.5),
        (Sharing.SKETCHES, 4.0, 4.0),
        (Sharing.STRICT, None, 6.0),
        (Sharing.STRICT, 4.0, 6.0),
        (Sharing.STRICT, 7.25, 7.25),
    ],
)
def test_a_choice_has_its_noise(sharing: Sharing, sigma: float | None, expected: float) -> None:
    policy = SketchPolicy.of(sharing, sigma=sigma)
    assert (policy.sigma, policy.sigma_hundredths) == (expected, round(100 * expected))
    assert policy.leaves


def test_consent_overrules_every_choice() -> None:
    for sharing in Sharing:
        assert not SketchPolicy.of(sharing, consent=False).leaves
    assert not SketchPolicy.of(Sharing.RECEIVE_ONLY).leaves
    assert SketchPolicy.of(Sharing.THRESHOLD) == SketchPolicy.threshold()


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
    assert not SketchPolicy.receive_only().qualifies(title, taste, samples)


def test_pairs_leave_in_the_place_of_sketches_and_with_consent_alone() -> None:
    pairs = SketchPolicy.threshold()
    assert (pairs.leaves, pairs.reports_pairs) == (False, True)
    assert pairs.qualifies(0.7, 0.7, 3)
    assert not pairs.qualifies(0.69, 0.7, 3)
    silent = SketchPolicy.of(Sharing.THRESHOLD, consent=False)
    assert not silent.reports_pairs
    assert not silent.qualifies(1.0, 1.0, 9)
    others = [SketchPolicy.of(each) for each in Sharing if each is not Sharing.THRESHOLD]
    assert not any(policy.reports_pairs for policy in others)


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
