"""What the slow tiers say, handed to whom it concerns: at a start, once a day, after an erasure."""

from __future__ import annotations

from collections.abc import Callable

from omega_brain.household import Household
from omega_brain.preferences import Preferences
from omega_brain.stepwise import Progress
from omega_brain.stores import Stores
from omega_brain.tuning import Tuning
from omega_core.clock import Clock
from omega_core.memory import Memory, Tier
from omega_loops import Context
from omega_memory import HouseholdMemory, popular, shipped, substrate


class Standing:
    """Readers of Semantic, Temporal, Architectural, Evolutionary, Substrate, Civilizational, Omega.

    Answers never read a tier: they go by what was handed out here last.

    Args:
        stores: who lives here.
        memory: the tiers.
        household: takes the popular list.
        preferences: reads what suits circumstances.
        tuning: puts the tuned settings in force, bent by the latest drift.
        timeout_ms: longest time for an answer, as configured.
        limit_answers: takes the time for an answer in milliseconds.
        clock: time.
    """

    def __init__(
        self,
        stores: Stores,
        memory: HouseholdMemory,
        household: Household,
        preferences: Preferences,
        tuning: Tuning,
        timeout_ms: int,
        limit_answers: Callable[[float], None],
        clock: Clock,
    ) -> None:
        self._stores = stores
        self._memory = memory
        self._household = household
        self._preferences = preferences
        self._tuning = tuning
        self._timeout_ms = timeout_ms
        self._limit_answers = limit_answers
        self._clock = clock

    def profile_ids(self) -> list[str]:
        """The household and its profiles."""
        return ["", *(profile.profile_id for profile in self._stores.profiles.all())]

    def read(self) -> None:
        """Reads the tiers and hands out what they say.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        self._preferences.read(self.profile_ids())
        self._tuning.apply()
        trends = self._named(Tier.CIVILIZATIONAL, popular.PREFIX)
        defaults = shipped.popular_memories()
        self._household.know_popular(
            popular.popular_list(trends, defaults, len(trends) + len(defaults))
        )
        device = self._named(Tier.SUBSTRATE, substrate.KEY)
        self._limit_answers(substrate.latency_budget_ms(device, self._timeout_ms))

    def step(self, _context: Context) -> Progress:
        """The same, as a step of a loop."""
        self.read()
        return Progress(1)

    def forget(self) -> None:
        """Drops what is known of people; `read` brings back what is left of it."""
        self._preferences.forget()
        self._tuning.forget()

    def _named(self, tier: Tier, prefix: str) -> list[Memory]:
        return self._memory.named(tier, prefix, self._clock.now())
