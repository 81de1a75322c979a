"""What this TV says of how a new version fares: one randomised bit a day, where it is asked."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from omega.common.v1 import release_pb2, resource_pb2
from omega_brain import resource_times
from omega_brain.deltas import CODEBOOK
from omega_brain.state import FACTORS
from omega_core.clock import day_begins, day_of
from omega_persistence.reports import Draft
from omega_privacy.response import KEY_BYTES, respond

if TYPE_CHECKING:
    from omega_brain.brain import Brain


class Reporting:
    """Draws and repeats reports. Where nothing may leave there are none. Not safe for threads.

    Args:
        brain: knows what was shown and watched, and what ranked.
    """

    def __init__(self, brain: Brain) -> None:
        self._brain = brain
        self._reports = brain.stores.reports
        self._asked = False

    def due(self) -> release_pb2.ReleaseReport | None:
        """The report of yesterday, the same at every attempt; None = there is nothing to say.

        There is where the fleet asks, the household shares, a list was served yesterday, and a
        version ranked from midnight to midnight UTC.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        epsilon = self._brain.config.report_epsilon
        if not self._asked or not epsilon or not self._brain.switches.policy.leaves:
            return None
        period = day_of(self._brain.clock.now()) - 1
        draft = self._reports.last()
        if draft is None or draft.period < period:
            draft = self._drawn(period, epsilon)
        if draft is None or draft.acknowledged or draft.period != period:
            return None
        return _message(draft)

    def answered(self, report: release_pb2.ReleaseReport | None, *, wanted: bool) -> None:
        """An exchange went well: the fleet has what it held, and may ask for more.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        self._asked = wanted
        if report is not None:
            self._reports.acknowledge(report.period)

    def _drawn(self, period: int, epsilon: float) -> Draft | None:
        """A new report, durable."""
        begin, end = day_begins(period), day_begins(period + 1)
        held = tuple(
            (key.kind, key.version)
            for key in self._brain.stores.resources.held()
            if key.kind in {FACTORS, CODEBOOK}
            and (taken := resource_times.taken_at(self._brain.stores, key.kind)) is not None
            and taken <= begin
        )
        fared = self._reports.fared(begin, end)
        if not held or not fared.shown:
            return None
        key = self._reports.key(lambda: secrets.token_bytes(KEY_BYTES))
        told = respond(key, period, epsilon, truth=fared.watched)
        draft = Draft(period, held, told, round(100 * epsilon))
        self._reports.keep(draft)
        return draft


def _message(draft: Draft) -> release_pb2.ReleaseReport:
    return release_pb2.ReleaseReport(
        period=draft.period,
        held=[
            resource_pb2.HeldResource(
                kind=resource_pb2.ResourceKind.ValueType(kind), version=version
            )
            for kind, version in draft.held
        ],
        watched=draft.watched,
        epsilon_hundredths=draft.epsilon_hundredths,
    )
