"""What may leave the TV: one privatised sketch for each title the household succeeded with.

A sketch is queued at the first exchange after its title became a success, draws the instant from
which it may leave, and goes with others whose instant has come: neither the time of a push nor its
order tells what was watched when.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from omega_brain.answers import LikedTitle
from omega_delta import most_sketches
from omega_persistence.sketches import Push
from omega_privacy import SketchPolicy
from omega_privacy.classes import Detail, class_byte, coarsened, count_class, rate_class
from omega_privacy.secure import draw_delay
from omega_privacy.sketch import draw_noise, make_sketch

if TYPE_CHECKING:
    from omega_brain.brain import Brain

_TURN = 32
"""Sketches written in one transaction: other work on the database waits no longer."""


class Outbox:
    """Turns liked titles into pushes. Where nothing may leave it is empty. Not safe for threads."""

    def __init__(self, brain: Brain) -> None:
        self._brain = brain
        self._policy = SketchPolicy.off()
        self._delay = timedelta(hours=brain.config.share_delay_hours)
        self._most = most_sketches(brain.model_version)
        self._queued: dict[int, int] = {}  # class byte of each rowid, as this process stored it
        self._backed_up = ""  # request id of the push that this process backed up last

    def next_push(self) -> Push | None:
        """The open push, unchanged since its first attempt, or a new one; None = nothing is due.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        self._read_policy()
        if not self._policy.leaves:
            return None
        now = self._brain.clock.now()
        self._enqueue(now)
        stores = self._brain.stores
        push = stores.sketches.next_push(
            self._most,
            model_version=self._brain.model_version,
            due_by=now if self._delay else None,
        )
        if push and push.request_id != self._backed_up:
            # A restore must not lose noise whose sketch has left: a second draw for the same title
            # would let the two be averaged. Nor may it forget that a sketch has left.
            stores.database.backup()
            self._backed_up = push.request_id
        return push

    def forget(self) -> None:
        """Forgets what this process knows of queued sketches: the table was emptied."""
        self._queued.clear()
        self._backed_up = ""

    def _read_policy(self) -> None:
        """What the household allows may have changed since the last exchange."""
        held, self._policy = self._policy, self._brain.switches.policy
        if self._policy != held and self._policy.leaves:
            self._brain.stores.sketches.assume_sigma(self._policy.sigma_hundredths)

    def _enqueue(self, now: datetime) -> None:
        """Queues a sketch of every title that qualifies.

        Sketches can be read only beside the fleet's catalogue and mean of the same encoder, so
        without those no title is liked here. The samples of a title's taste pattern are held to
        their bound, its success rate is not: docs/adr/0013.
        """
        liked = self._brain.liked_titles()
        samples = self._brain.pattern_samples() if liked else {}
        told = {
            title.rowid: (title, _classes(title, self._policy.detail))
            for title in liked
            if self._policy.qualifies(
                title.success_rate, title.success_rate, samples.get(title.rowid, 0)
            )
        }
        # What the household no longer likes, and what nobody has been told, leaves no more.
        for rowid in self._brain.stores.sketches.withdraw(told):
            self._queued.pop(rowid, None)
        due = [each for rowid, each in told.items() if self._queued.get(rowid) != each[1]]
        if due:
            reported = self._brain.stores.sketches.reported()
            due = [each for each in due if each[0].rowid not in reported]
        for begin in range(0, len(due), _TURN):
            self._store(due[begin : begin + _TURN], now)
        # Where the clock went back, or the setting was lowered, nothing waits for ever.
        self._brain.stores.sketches.hasten(now + self._delay, lambda: self._release(now))

    def _release(self, now: datetime) -> datetime:
        return now + draw_delay(self._delay)

    def _store(self, due: Sequence[tuple[LikedTitle, int]], now: datetime) -> None:
        """Queues sketches in one transaction."""
        stores = self._brain.stores
        with stores.database.transaction():
            for title, classes in due:
                drawn = stores.sketches.noise_for(title.rowid)
                noise = draw_noise() if drawn is None else drawn
                stores.sketches.store(
                    title.rowid,
                    noise,
                    make_sketch(title.centred, noise, self._policy),
                    classes,
                    sigma_hundredths=self._policy.sigma_hundredths,
                    model_version=self._brain.model_version,
                    now=now,
                    release_at=self._release(now),
                )
        self._queued.update((title.rowid, classes) for title, classes in due)


def _classes(title: LikedTitle, detail: Detail) -> int:
    return coarsened(
        class_byte(rate_class(title.success_rate), count_class(title.viewings)), detail
    )
