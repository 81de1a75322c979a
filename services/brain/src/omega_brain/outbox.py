"""What may leave the TV: one privatised sketch for each title the household succeeded with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_brain.answers import LikedTitle
from omega_core import limits
from omega_persistence.sketches import Push
from omega_privacy.classes import class_byte, count_class, rate_class
from omega_privacy.policy import SketchPolicy
from omega_privacy.sketch import draw_noise, make_sketch

if TYPE_CHECKING:
    from omega_brain.brain import Brain

_TURN = 32
"""Sketches written in one transaction: other work on the database waits no longer."""


class Outbox:
    """Turns liked titles into pushes. Without consent it is empty. Not safe for threads."""

    def __init__(self, brain: Brain) -> None:
        self._brain = brain
        self._policy = SketchPolicy(
            sigma=brain.config.sigma,
            consent=brain.config.consent,
            min_samples=brain.config.min_samples,
        )
        self._most = most_sketches(brain.model_version)
        self._queued: dict[int, int] = {}  # class byte of each rowid, as this process stored it
        # The process before this one may have died between a draw and its backup.
        self._backup_due = True

    def next_push(self) -> Push | None:
        """The open push, unchanged since its first attempt, or a new one; None = nothing is due.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        if not self._policy.consent:
            return None
        self._enqueue()
        stores = self._brain.stores
        push = stores.sketches.next_push(self._most, model_version=self._brain.model_version)
        if push and self._backup_due:
            # A restore must not lose noise whose sketch has left: a second draw for the same title
            # would let the two be averaged.
            stores.database.backup()
            self._backup_due = False
        return push

    def forget(self) -> None:
        """Forgets what this process knows of queued sketches: the table was emptied."""
        self._queued.clear()
        self._backup_due = True

    def _enqueue(self) -> None:
        """Queues a sketch of every title that qualifies.

        Sketches can be read only beside the fleet's catalogue and mean of the same encoder, so
        without those no title is liked here. The samples of a title's taste pattern are held to
        their bound, its success rate is not: docs/adr/0013.
        """
        liked = self._brain.liked_titles()
        samples = self._brain.pattern_samples() if liked else {}
        due = [
            (title, classes)
            for title in liked
            if self._policy.qualifies(
                title.success_rate, title.success_rate, samples.get(title.rowid, 0)
            )
            and self._queued.get(title.rowid) != (classes := _classes(title))
        ]
        for begin in range(0, len(due), _TURN):
            self._store(due[begin : begin + _TURN])

    def _store(self, due: Sequence[tuple[LikedTitle, int]]) -> None:
        """Queues sketches in one transaction."""
        stores = self._brain.stores
        now = self._brain.clock.now()
        with stores.database.transaction():
            for title, classes in due:
                drawn = stores.sketches.noise_for(title.rowid)
                self._backup_due |= drawn is None
                noise = draw_noise() if drawn is None else drawn
                stores.sketches.store(
                    title.rowid,
                    noise,
                    make_sketch(title.centred, noise, self._policy),
                    classes,
                    model_version=self._brain.model_version,
                    now=now,
                )
        self._queued.update((title.rowid, classes) for title, classes in due)


def most_sketches(model_version: str) -> int:
    """Sketches that a request always has room for, whatever versions it states; at most 20."""
    longest = 2**63 - 1
    rest = pb.SyncRequest(
        request_id="0" * 36,
        model_version=model_version,
        # Long enough that their lengths take two bytes; taken off again below.
        sketches=bytes(128),
        classes=bytes(128),
        state_version=longest,
        held=[
            resource_pb2.HeldResource(kind=kind, version=longest)
            for kind in (resource_pb2.RESOURCE_KIND_CATALOGUE, resource_pb2.RESOURCE_KIND_FACTORS)
        ],
    )
    room = limits.MAX_SYNC_REQUEST - (rest.ByteSize() - 256)
    return min(room // (limits.SKETCH_BYTES + 1), limits.MAX_PUSH_SKETCHES)


def _classes(title: LikedTitle) -> int:
    return class_byte(rate_class(title.success_rate), count_class(title.viewings))
