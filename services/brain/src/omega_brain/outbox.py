"""What may leave the TV: one privatised sketch for each title the household succeeded with."""

from __future__ import annotations

from omega_brain import facts
from omega_brain.brain import Brain
from omega_persistence.sketches import Push
from omega_privacy.classes import class_byte, count_class, rate_class
from omega_privacy.policy import SketchPolicy
from omega_privacy.sketch import draw_noise, make_sketch

PUSH_SKETCHES = 18
"""Sketches a push: with ids, versions and framing they stay below 1,024 bytes."""


class Outbox:
    """Turns liked titles into pushes. Without consent it is empty."""

    def __init__(self, brain: Brain) -> None:
        self._brain = brain
        self._policy = SketchPolicy(sigma=brain.config.sigma, consent=brain.config.consent)

    def next_push(self) -> Push | None:
        """The open push, unchanged since its first attempt, or a new one; None = nothing is due.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        if not self._policy.consent:
            return None
        self._enqueue()
        return self._brain.stores.sketches.next_push(
            PUSH_SKETCHES, model_version=self._brain.model_version
        )

    def _enqueue(self) -> None:
        """Queues a sketch of every title that qualifies.

        Sketches can be read only beside the fleet's catalogue and mean of the same encoder, so
        without those nothing is drawn. The taste a title belongs to is the household's liked
        titles, which succeeded by definition; their viewings are its samples.
        """
        brain = self._brain
        stores = brain.stores
        if facts.centring_mean(stores.meta, brain.model_version) is None:
            return
        liked = brain.liked_titles()
        samples = sum(title.viewings for title in liked)
        now = brain.clock.now()
        with stores.database.transaction():
            for title in liked:
                if not self._policy.qualifies(title.success_rate, 1.0, samples):
                    continue
                drawn = stores.sketches.noise_for(title.rowid)
                noise = draw_noise() if drawn is None else drawn
                stores.sketches.store(
                    title.rowid,
                    noise,
                    make_sketch(title.centred, noise, self._policy),
                    class_byte(rate_class(title.success_rate), count_class(title.viewings)),
                    model_version=brain.model_version,
                    now=now,
                )
