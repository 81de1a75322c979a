"""The brain in one process: what the service wraps and what tests drive directly."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Sequence

import numpy as np

from omega_brain import facts, filters, state
from omega_brain.answers import Answer, LikedTitle, Memory, RecommendQuery
from omega_brain.config import BrainConfig
from omega_brain.index import CatalogueIndex
from omega_brain.state import Titles
from omega_brain.stores import Stores
from omega_core.clock import Clock, SystemClock
from omega_core.content import Content, ViewingEvent, embedding_text
from omega_delta import CataloguePack
from omega_embed import Encoder, open_encoder
from omega_persistence.contents import ContentRow, StoredContent, UpsertCounts
from omega_rank.history import History
from omega_rank.model import CollectiveModel
from omega_rank.ranker import Ranker

_log = logging.getLogger(__name__)
QUERY_CANDIDATES = 50
"""Titles nearest a query text that are ranked."""
_BATCH = 512


class Brain:
    """The recommender of one household.

    Two locks: `_maintenance` lets one change of the catalogue through at a time, for as long as it
    takes; `_lock` guards the ranking state and is held only for moments, so answers keep coming
    while a catalogue is embedded.

    Args:
        config: settings.
        clock: time.
        encoder: overrides the encoder that config names.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE; INVALID_FIELD when the encoder is not installed.
    """

    def __init__(
        self, config: BrainConfig, *, clock: Clock | None = None, encoder: Encoder | None = None
    ) -> None:
        self._titles: Titles
        self._history: History
        self._model: CollectiveModel | None
        self._factors_version: int
        self.config = config
        self.clock = clock or SystemClock()
        self.encoder = encoder or open_encoder(config.cache_dir, kind=config.encoder)
        self.stores = Stores.open(config.storage_path, self.clock)
        self._ranker = Ranker()
        self._lock = threading.RLock()
        self._maintenance = threading.RLock()
        try:
            self._embed_stale()
            self._index = CatalogueIndex(self.stores, config, self.model_version)
            self._index.save()
            self._reload()
        except BaseException:
            self.stores.database.close()
            raise

    @property
    def model_version(self) -> str:
        """Version of the encoder in use."""
        return self.encoder.model_version

    @property
    def factors_version(self) -> int:
        """Version of the factors in use; 0 = none."""
        return self._factors_version

    @property
    def likes(self) -> int:
        """Titles the household succeeded with."""
        with self._lock:
            return self._history.likes

    def recommend(self, query: RecommendQuery) -> Answer:
        """What the household will want to watch.

        Raises:
            OmegaError: UNKNOWN_CONTENT (field content_ids[i]), STORAGE_UNAVAILABLE.
        """
        nearest = None
        if query.query_text:
            vector = self.encoder.encode([query.query_text])[0]
            nearest = self._index.vectors.search(vector, QUERY_CANDIDATES).ids
        with self._lock:
            titles = self._titles
            ranking = self._ranker.rank(
                titles.catalogue,
                self._model,
                self._history,
                limit=query.limit,
                offset=query.offset,
                context=query.context,
                candidates=filters.candidates(titles, query, nearest),
            )
            factors_version = self._factors_version
        ids = titles.catalogue.ids
        found = self.stores.contents.by_ids([ids[title.row] for title in ranking.titles])
        answer = Answer(
            recommendation_id=str(uuid.uuid4()),
            ranking=ranking,
            contents={t.row: found[ids[t.row]].content for t in ranking.titles},
            watched={row: ids[row] for t in ranking.titles for row in t.because},
            factors_version=factors_version,
        )
        self.stores.recommendations.log_recommendation(
            answer.recommendation_id, self.clock.now(), [ids[t.row] for t in ranking.titles]
        )
        return answer

    def observe(self, event: ViewingEvent) -> bool:
        """Stores a viewing, durably, and learns from it; False when its id was known.

        Raises:
            OmegaError: UNKNOWN_CONTENT, STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._lock:
            recorded = self.stores.events.record(event)
            if recorded:
                self._history.observe(event)
            return recorded

    def upsert(self, contents: Sequence[Content]) -> UpsertCounts:
        """Adds or replaces titles that firmware knows, all of them or none.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._maintenance:
            known = self.stores.contents.by_ids([content.content_id for content in contents])
            items = self._embedded(contents, known)
            before = self.stores.contents.current_rev()
            counts = self.stores.contents.upsert(items)
            changed = self.stores.contents.changed_since(before, limit=len(items))
            if changed:
                self._index.follow()
                titles = state.extend_titles(self._titles, changed)
                model, version = state.load_model(self.stores, titles.catalogue, self.model_version)
                with self._lock:
                    self._history.follow(titles.catalogue)
                    self._titles = titles
                    self._model, self._factors_version = model, version
            return counts

    def apply_catalogue(self, pack: CataloguePack) -> None:
        """Makes a catalogue of the fleet this TV's own; local titles stay.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self._maintenance:
            if pack.model_version == self.model_version:
                vectors = pack.embeddings
            else:
                vectors = self.encoder.encode([embedding_text(c) for c in pack.contents])
            items = [
                StoredContent(
                    content=content,
                    embedding=vector,
                    model_version=self.model_version,
                    ordinal=ordinal,
                )
                for content, vector, ordinal in zip(
                    pack.contents, vectors, pack.ordinals.tolist(), strict=True
                )
            ]
            with self.stores.database.transaction():
                self.stores.contents.upsert(items, replace_ordinals=True)
                facts.note_catalogue(
                    self.stores.meta, pack.version, pack.centring_mean, pack.model_version
                )
            self._index.follow()
            self._index.save()
            self._reload()

    def reload_model(self) -> None:
        """Takes up the factors and global patterns that the database now holds."""
        with self._maintenance:
            catalogue = self._titles.catalogue
            model, version = state.load_model(self.stores, catalogue, self.model_version)
            with self._lock:
                self._model, self._factors_version = model, version

    def remember(self, query_text: str, limit: int, min_similarity: float) -> list[Memory]:
        """Viewings by meaning: the last viewing of each title near the text, nearest first.

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
        """Titles of the fleet's catalogue that the household succeeded with."""
        with self._lock:
            catalogue = self._titles.catalogue
            rows = np.flatnonzero(self._history.liked & (catalogue.ordinals >= 0))
            return [
                LikedTitle(
                    rowid=int(self._titles.rowids[row]),
                    centred=catalogue.embeddings[row],
                    success_rate=self._history.success_rate(row),
                    viewings=self._history.viewings(row),
                )
                for row in rows.tolist()
            ]

    def backup(self) -> None:
        """Backs the database up and saves the index.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        self.stores.database.backup()
        with self._maintenance:
            self._index.save()

    def close(self) -> None:
        """Saves and gives up the storage directory."""
        with self._maintenance, self._lock:
            self._index.save()
            self.stores.close()

    def _embedded(
        self, contents: Sequence[Content], known: dict[str, ContentRow]
    ) -> list[StoredContent]:
        """Titles with vectors; only texts that changed are embedded."""
        texts = [embedding_text(content) for content in contents]
        fresh = [
            i
            for i, content in enumerate(contents)
            if (row := known.get(content.content_id)) is None
            or embedding_text(row.content) != texts[i]
        ]
        vectors = dict(zip(fresh, self.encoder.encode([texts[i] for i in fresh]), strict=True))
        return [
            StoredContent(
                content=content,
                embedding=vectors[i] if i in vectors else known[content.content_id].embedding,
                model_version=self.model_version,
            )
            for i, content in enumerate(contents)
        ]

    def _embed_stale(self) -> None:
        """Embeds again what another encoder embedded; a crash goes on where it stopped."""
        contents = self.stores.contents
        while stale := contents.stale(self.model_version, _BATCH):
            _log.warning("embedding %d titles again with %s", len(stale), self.model_version)
            vectors = self.encoder.encode([embedding_text(row.content) for row in stale])
            contents.set_embeddings(
                np.array([row.rowid for row in stale], np.int64), vectors, self.model_version
            )
        self.stores.sketches.requeue_all(self.model_version)

    def _reload(self) -> None:
        """Rebuilds the ranking state; answers go on with the old one until the last moment."""
        titles = state.load_titles(self.stores, self.model_version)
        model, version = state.load_model(self.stores, titles.catalogue, self.model_version)
        with self._lock:
            # Under the lock, so that no viewing falls between the replay and the change.
            history = state.load_history(self.stores, titles.catalogue)
            self._titles, self._history = titles, history
            self._model, self._factors_version = model, version
