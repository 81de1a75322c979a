"""Episodes by meaning: viewings that were like this, how they went, what to make of them."""

from __future__ import annotations

from typing import NamedTuple

from omega_agentdb.port import VectorIndex
from omega_agentdb.stores import EpisodeStore
from omega_core import limits, validate
from omega_core.episodes import Episode, EpisodeTotals
from omega_core.vectors import FloatArray
from omega_core.viewing import ViewingEvent


class Recalled(NamedTuple):
    """An episode that was asked for by meaning."""

    episode: Episode
    """The last viewing of its title that answers the question."""
    similarity: float
    """Cosine of the title with the text, -1 to 1."""


class Reflexion:
    """Reflects on viewings (after Shinn et al. 2023, Reflexion). Safe for threads.

    Episodes are the events that are kept; a title's vector in the catalogue's index is what they
    are found by.
    """

    def __init__(self, store: EpisodeStore, catalogue: VectorIndex) -> None:
        self._store = store
        self._catalogue = catalogue

    def store(self, event: ViewingEvent) -> bool:
        """Stores a viewing, durably; False when its id is known.

        Raises:
            OmegaError: UNKNOWN_CONTENT, STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        return self._store.record(event)

    def retrieve(
        self,
        text_vector: FloatArray,
        k: int,
        *,
        success: bool | None = None,
        min_reward: float = 0.0,
        profile_id: str = "",
    ) -> list[Recalled]:
        """The last episodes of the k titles nearest to a text, nearest first.

        Args:
            text_vector: (384,), not centred, as the encoder made it.
            k: most episodes, at least 1.
            success: True = only viewings that succeeded, False = only others, None = all.
            min_reward: least reward, 0 to 1.
            profile_id: whose viewings; empty = everybody's.

        Raises:
            OmegaError: INVALID_FIELD, STORAGE_UNAVAILABLE.
        """
        validate.number("min_reward", min_reward, 0, 1)
        titles = self._store.titles(profile_id, success=success, min_reward=min_reward)
        found = self._catalogue.search(text_vector, k, allowed=titles)
        last = self._store.last_of(
            found.ids.tolist(), profile_id, success=success, min_reward=min_reward
        )
        return [
            Recalled(last[rowid], similarity)
            for rowid, similarity in zip(found.ids.tolist(), found.cosines.tolist(), strict=True)
            if rowid in last
        ]

    def by_session(self, session_id: str) -> list[Episode]:
        """Episodes of a session, oldest first.

        Raises:
            OmegaError: INVALID_FIELD, STORAGE_UNAVAILABLE.
        """
        validate.text("session_id", session_id, limits.MAX_SHORT_ID, 1)
        return self._store.by_session(session_id)

    def analyze(self, task_prefix: str = "", profile_id: str | None = None) -> EpisodeTotals:
        """Sums over the episodes whose task begins so, such as "watched The".

        Args:
            task_prefix: compared with case; empty = all.
            profile_id: whose; None or empty = everybody's.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        return self._store.analyze(task_prefix, profile_id)

    def count(self) -> int:
        """Number of episodes."""
        return self._store.count()
