"""The whole push: what each field beside a sketch, and each kind of joining, adds to the attack."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from omega_core.vectors import FloatArray
from omega_eval.attacks.evidence import Evidence, IntArray
from omega_eval.attacks.histories import Histories
from omega_eval.attacks.learned import by_fields, learned
from omega_eval.attacks.outcome import Outcome, Rate
from omega_eval.attacks.reidentify import alone, outcome

ALLOWED = 0.02
"""Most by which a field may raise the attack if it is to stay."""
_NONE = ""


@dataclass(frozen=True)
class FieldEffect:
    """The attack with a field beside the attack without it."""

    name: str
    without: float
    """Strict success with none of the fields."""
    with_it: float
    """The same with this field."""
    added: Rate
    """The difference, over households."""

    @property
    def stays(self) -> bool:
        """Whether the field passes the rule."""
        return self.added.value <= ALLOWED


@dataclass(frozen=True)
class WholePush:
    """What the context of a sketch gives away."""

    fields: tuple[FieldEffect, ...]
    """Each alone, with everything known of the device."""
    all_fields: FieldEffect
    """All together."""
    by_joining: tuple[tuple[str, Outcome], ...]
    """The attack on each sketch alone, on each push alone and on all pushes of a device."""
    device: FieldEffect
    """The device's identity: all its pushes joined, beside each push alone."""


def whole_push(
    evidence: Evidence, histories: Histories, pushes: IntArray, names: Iterable[str] | None = None
) -> WholePush:
    """Attacks a fleet's reports with and without what came beside them.

    Args:
        evidence: joined by device, with the fields of the pushes.
        histories: the truth.
        pushes: (N,) push of each report.
        names: the fields to try; absent = all.
    """
    wanted = sorted(evidence.fields) if names is None else list(names)
    bare = evidence.with_fields({})
    read = by_fields(evidence, histories, {_NONE: (), **{name: (name,) for name in wanted}})
    chosen = evidence.with_fields({name: evidence.fields[name] for name in wanted})
    by_push = bare.owned_by(pushes)
    apart = learned(by_push, histories)
    return WholePush(
        fields=tuple(_effect(name, evidence, read[_NONE], read[name]) for name in wanted),
        all_fields=_effect("all fields", evidence, read[_NONE], learned(chosen, histories)),
        by_joining=(
            ("each sketch alone", outcome(bare, alone(bare, histories), histories)),
            ("each push alone", outcome(by_push, apart, histories)),
            ("all pushes of a device", outcome(bare, read[_NONE], histories)),
        ),
        device=_effect("device identity", evidence, apart, read[_NONE]),
    )


def _effect(name: str, evidence: Evidence, without: FloatArray, with_it: FloatArray) -> FieldEffect:
    before, after = (
        (evidence.guesses(each)[:, 0] == evidence.truth).astype(np.float64)
        for each in (without, with_it)
    )
    added = Rate.of(after - before, evidence.users)
    return FieldEffect(name, float(before.mean()), float(after.mean()), added)
