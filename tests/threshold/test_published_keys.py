"""Keys that TVs are told: the same for every TV, or nothing is reported."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_threshold import EpochKeys, ReportingKeys, Schedule
from omega_threshold.envelope import KeyConfig


def keys_of(epoch: int) -> EpochKeys:
    fill = bytes([epoch])
    return EpochKeys(epoch, KeyConfig(epoch, fill * 32), fill * 32, bytes([epoch + 100]) * 32)


TOLD = ReportingKeys(5, Schedule(28, 48), (keys_of(7), keys_of(8)))


def test_an_epoch_has_its_keys_and_no_other_has() -> None:
    assert TOLD.of(8) == keys_of(8)
    with pytest.raises(OmegaError, match="epoch must be one that is open: 7 to 8"):
        TOLD.of(9)


@pytest.mark.parametrize("epochs", [(7, 8), (8,), (8, 9), (7,)])
def test_parties_agree_where_epochs_turn(epochs: tuple[int, ...]) -> None:
    TOLD.check_same(replace(TOLD, epochs=tuple(map(keys_of, epochs))))


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("threshold", replace(TOLD, threshold=4)),
        ("epoch_days", replace(TOLD, schedule=Schedule(27, 48))),
        ("grace_hours", replace(TOLD, schedule=Schedule(28, 47))),
        ("gateway", replace(TOLD, epochs=(replace(keys_of(8), gateway=KeyConfig(8, b"x" * 32)),))),
        (
            "gateway",
            replace(TOLD, epochs=(replace(keys_of(8), gateway=KeyConfig(9, b"\x08" * 32)),)),
        ),
        ("tokens", replace(TOLD, epochs=(keys_of(7), replace(keys_of(8), tokens=b"x" * 32)))),
        ("randomness", replace(TOLD, epochs=(replace(keys_of(7), randomness=b"x" * 32),))),
        ("epochs", replace(TOLD, epochs=(keys_of(9),))),
    ],
)
def test_what_differs_is_named(field: str, other: ReportingKeys) -> None:
    for one, two in ((TOLD, other), (other, TOLD)):
        with pytest.raises(OmegaError) as refused:
            one.check_same(two)
        assert (refused.value.code, refused.value.field) == (ErrorCode.KEYS_DIFFER, field)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("threshold", {"threshold": 1}),
        ("threshold", {"threshold": 33}),
        ("epochs", {"epochs": ()}),
        ("epochs", {"epochs": (keys_of(8), keys_of(7))}),
        ("epochs", {"epochs": (keys_of(8), keys_of(8))}),
    ],
)
def test_what_cannot_be_told_is_refused(field: str, change: dict[str, object]) -> None:
    with pytest.raises(OmegaError, match=f"{field} must be"):
        replace(TOLD, **change)  # type: ignore[arg-type]  # a field of the case
