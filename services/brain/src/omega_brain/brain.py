"""The brain in one process: what the service wraps and what tests drive directly."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from omega_brain import facts, state
from omega_brain.answers import Answer, LikedTitle, Memory, RecommendQuery
from omega_brain.config import BrainConfig
from omega_brain.embedding import embed_stale, embedded, embedded_catalogue
from omega_brain.household import Household
from omega_brain.index import CatalogueIndex
from omega_brain.memory import release_freed
from omega_brain.state import CATALOGUE, Collective, Titles, Versions
from omega_brain.stores import Stores
from omega_core.clock import Clock, SystemClock
from omega_core.content import Content
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingEvent
from omega_delta import CataloguePack
from omega_embed import Encoder, open_encoder
from omega_persistence.contents import UpsertCounts

QUERY_CANDIDATES = 50
"""Titles nearest a query text that are ranked."""


class Brain:
    """The recommender of one household. Safe for threads.

    The database is the truth; `_household` (the ranking state) and `_index` (the vector index)
    follow it. Locks, in the order in which they are taken:

    1. `_maintenance`: one change of the titles or of the fleet's knowledge at a time, for as long
       as it takes.
    2. `_recording`: a viewing is stored and learnt in one step, so that no replay of the stored
       ones counts it twice or not at all.
    3. the household's own lock, for moments; below it nothing waits, so answers keep coming while
       a catalogue is embedded or a viewing is written.

    The database's own lock may be taken under each of the first two.

    Args:
        config: settings.
        clock: time.
        encoder: overrides the encoder that config names.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE, STORAGE_FULL; MODEL_UNAVAILABLE when the encoder is not
            installed.
    """

    def __init__(
        self, config: BrainConfig, *, clock: Clock | None = None, encoder: Encoder | None = None
    ) -> None:
        self.config = config
        """Settings."""
        self.clock = clock or SystemClock()
        """Time."""
        self.encoder = encoder or open_encoder(config.cache_dir, kind=config.encoder)
        """What texts are embedded with."""
        self.stores = Stores.open(config.storage_path, self.clock)
        """The database's tables."""
        self._maintenance = threading.Lock()
        self._recording = threading.Lock()
        try:
            embed_stale(self.stores, self.encoder)
            self._index = CatalogueIndex(self.stores, config, self.model_version)
            held = Versions.held(self.stores)
            titles = state.load_titles(self.stores, self.model_version)
            self._household = Household(
                titles,
                self._collective(titles),
                state.load_history(self.stores, titles.catalogue),
            )
            self._in_force = self._reached(held)
        except BaseException:
            self.stores.database.close()
            raise
        release_freed()

    @property
    def model_version(self) -> str:
        """Version of the encoder in use."""
        return self.encoder.model_version

    @property
    def factors_version(self) -> int:
        """Version of the factors that rank; 0 = none."""
        return self._household.factors_version

    @property
    def likes(self) -> int:
        """Titles the household succeeded with."""
        return self._household.likes

    def recommend(self, query: RecommendQuery) -> Answer:
        """What the household will want to watch. Does not touch the disk.

        Raises:
            OmegaError: UNKNOWN_CONTENT (field content_ids[i]).
        """
        nearest = None
        if query.query_text:
            vector = self.encoder.encode([query.query_text])[0]
            nearest = self._index.vectors.search(vector, QUERY_CANDIDATES).ids
        answer = self._household.rank(query, nearest)
        self.stores.recommendations.log_recommendation(
            answer.recommendation_id, self.clock.now(), answer.content_ids
        )
        return answer

    def observe(self, event: ViewingEvent) -> bool:
        """Stores a viewing, durably, and learns from it; False when its id was known.

        Raises:
            OmegaError: UNKNOWN_CONTENT, STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._recording:
            # A title may be stored and not ranked yet: its upsert has not been answered.
            ranked = event.content_id in self._household.titles.catalogue.row_of
            if not ranked and self.stores.events.get(event.event_id) is None:
                raise OmegaError(ErrorCode.UNKNOWN_CONTENT, field="content_id")
            recorded = self.stores.events.record(event)
            if recorded:
                self._household.observe(event)
            return recorded

    def upsert(self, contents: Sequence[Content]) -> UpsertCounts:
        """Adds or replaces titles that firmware knows, all of them or none.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._maintenance:
            items = embedded(self.stores, self.encoder, contents)
            counts = self.stores.contents.upsert(items)
            self._follow()
            return counts

    def apply_catalogue(self, pack: CataloguePack) -> None:
        """Makes a catalogue of the fleet this TV's own; local titles stay.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE: nothing was changed, or all was stored
                and `refresh` is still to take it up.
        """
        with self._maintenance:
            items = embedded_catalogue(self.stores, self.encoder, pack)
            with self.stores.database.transaction():
                self.stores.contents.upsert(items, replace_ordinals=True)
                facts.note_catalogue(
                    self.stores.meta, pack.version, pack.centring_mean, pack.model_version
                )
                # Its titles are in their own table now; the body would stand there twice.
                self.stores.resources.remove(CATALOGUE)
            self._follow()

    def refresh(self) -> None:
        """Takes up what the database holds of the fleet's news and answers do not use yet.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; answers go on as before.
        """
        with self._maintenance:
            self._follow()

    def remember(self, query_text: str, limit: int, min_similarity: float) -> list[Memory]:
        """Viewings by meaning: the last viewing of each title near the text, nearest first.

        Args:
            query_text: 1 to 256 characters.
            limit: most memories, at least 1.
            min_similarity: least cosine, -1 to 1.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        last = {entry.content_rowid: entry for entry in self.stores.events.all_events()}
        if not last:
            return []
        vector = self.encoder.encode([query_text])[0]
        watched = np.array(sorted(last), np.int64)
        found = self._index.vectors.search(vector, limit, allowed=watched)
        rows = self.stores.contents.by_rowids(found.ids.tolist())
        return [
            Memory(last[rowid], rows[rowid].content, similarity)
            for rowid, similarity in zip(found.ids.tolist(), found.cosines.tolist(), strict=True)
            if similarity >= min_similarity
        ]

    def liked_titles(self) -> list[LikedTitle]:
        """Titles of the fleet's catalogue that the household succeeded with.

        Empty without a catalogue of the encoder in use.
        """
        return self._household.liked_titles()

    def backup(self) -> None:
        """Backs the database up and saves the index.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; the last backup is still there.
        """
        self.stores.database.backup()
        with self._maintenance:
            self._index.save()

    def close(self) -> None:
        """Saves what can be saved and gives up the storage directory, whatever fails."""
        with self._maintenance:
            self._index.save()
            self.stores.close()

    def _follow(self) -> None:
        """Takes up all that the database holds and answers do not use yet.

        Whatever failed on the way is made up for by the next call.
        """
        stores, household = self.stores, self._household
        held = Versions.held(stores)
        if held == self._in_force:
            return
        if held.catalogue != self._in_force.catalogue:
            self._reload()
        elif held.titles != self._in_force.titles:
            changed = stores.contents.changed_since(self._in_force.titles, held.titles)
            titles = state.extend_titles(stores, self.model_version, household.titles, changed)
            household.extend(titles, self._collective(titles))
        else:
            household.learn(self._collective(household.titles))
        self._index.follow()
        self._in_force = self._reached(held)
        release_freed()

    def _reached(self, held: Versions) -> Versions:
        """What is in force after following the database to what it held."""
        # Factors that turned out to be of no use were dropped: the same version may come again.
        return replace(held, factors=self._household.factors_version)

    def _reload(self) -> None:
        """Rebuilds the ranking state; answers go on with the old one until the last moment."""
        titles = state.load_titles(self.stores, self.model_version)
        collective = self._collective(titles)
        with self._recording:
            history = state.load_history(self.stores, titles.catalogue)
            self._household.replace(titles, collective, history)

    def _collective(self, titles: Titles) -> Collective:
        return state.load_collective(self.stores, titles.catalogue, self.model_version)
