"""What the household allows and what the network is like, as it stands now."""

from __future__ import annotations

from dataclasses import replace

from omega_brain.config import BrainConfig
from omega_persistence.sync_facts import SyncFacts
from omega_privacy import Sharing, SketchPolicy


class Switches:
    """Consent and the kind of network: what firmware said last, else what the settings say.

    Every reading may raise STORAGE_UNAVAILABLE: where nobody can tell whether the household
    consents, nothing is sent.

    Args:
        config: the settings.
        facts: where the choices are kept.
    """

    def __init__(self, config: BrainConfig, facts: SyncFacts) -> None:
        self._config = config
        self._facts = facts

    @property
    def consent(self) -> bool:
        """Whether the household consents."""
        chosen = self._facts.consent()
        return self._config.consent if chosen is None else chosen

    @property
    def metered(self) -> bool:
        """Whether bytes cost money, so that no resource is fetched."""
        said = self._facts.metered()
        return self._config.metered if said is None else said

    @property
    def policy(self) -> SketchPolicy:
        """What may leave the TV."""
        return replace(self._config.policy(), consent=self.consent)

    @property
    def may_ask(self) -> bool:
        """Whether the fleet may be asked for news: with consent, or where nothing but that is done.

        A request tells the fleet that this TV is there and what it holds of the fleet's own.
        """
        return self.consent or self._config.sharing == Sharing.RECEIVE_ONLY
