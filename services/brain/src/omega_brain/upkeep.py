"""Keeps titles, vectors and the fleet's knowledge in step with the database."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from omega_brain import catalogue_steps, facts, resource_times, state
from omega_brain.embedding import embedded, embedded_catalogue
from omega_brain.household import Household
from omega_brain.index import CatalogueIndex
from omega_brain.state import CATALOGUE, Collective, Titles, Versions
from omega_brain.stores import Stores
from omega_brain.viewers import Viewers
from omega_core.content import Content
from omega_core.errors import OmegaError
from omega_delta import CatalogueDelta, CataloguePack
from omega_embed import Encoder
from omega_persistence.contents import UpsertCounts
from omega_rank.config import RankConfig
from omega_rank.session import MAX_MOMENTS, TONIGHT
from omega_rpc.memory import release_unused
from omega_runtime import GuardedPart

_log = logging.getLogger(__name__)


class Upkeep:
    """One change of the titles or of the fleet's knowledge at a time, for as long as it takes.

    Args:
        stores: the truth.
        encoder: embeds titles.
        index: follows the table of titles.
        index_part: guards it.
        household: answers from what is in force.
        held: how far the database had come when `household` was read from it.
        recording: lock under which viewings are stored and learnt in one step.
        changed: called after answers may have changed.
    """

    def __init__(
        self,
        stores: Stores,
        encoder: Encoder,
        index: CatalogueIndex,
        index_part: GuardedPart,
        household: Household,
        held: Versions,
        recording: threading.Lock,
        changed: Callable[[], None],
    ) -> None:
        self._stores = stores
        self._encoder = encoder
        self._index = index
        self._index_part = index_part
        self._household = household
        self._recording = recording
        self._changed = changed
        self._lock = threading.Lock()
        self._in_force = self._reached(held)

    def upsert(self, contents: Sequence[Content]) -> UpsertCounts:
        """Adds or replaces titles that firmware knows, all of them or none.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE, MODEL_UNAVAILABLE.
        """
        with self._lock:
            items = embedded(self._stores, self._encoder, contents)
            counts = self._stores.contents.upsert(items)
            self._follow()
            return counts

    def apply_catalogue(self, pack: CataloguePack, sha256: bytes = b"") -> None:
        """Makes a catalogue of the fleet this TV's own; local titles stay.

        Args:
            pack: the catalogue.
            sha256: of its body as announced; empty = no delta can start from it.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE: nothing was changed, or all was stored
                and `refresh` is still to take it up. MODEL_UNAVAILABLE.
        """
        with self._lock:
            stores = self._stores
            items = embedded_catalogue(stores, self._encoder, pack)
            with stores.database.transaction():
                stores.contents.upsert(items, replace_ordinals=True)
                facts.note_catalogue(
                    stores.meta, pack.version, pack.centring_mean, pack.model_version, sha256
                )
                stores.title_vectors.drop(pack.version)
                resource_times.note_taken(stores, CATALOGUE, stores.database.now())
                # Its titles are in their own table now; the body would stand there twice.
                stores.resources.remove(CATALOGUE)
            self._follow()

    def apply_catalogue_delta(
        self, delta: CatalogueDelta, sha256: bytes, between: Callable[[], None]
    ) -> None:
        """Moves the fleet's catalogue on by the titles that changed.

        Args:
            delta: from the held version.
            sha256: of the body of the version that it leads to, as announced.
            between: called between the encoder's turns.

        Raises:
            OmegaError: CORRUPT_RESOURCE (it leads to other titles than it states) and
                MODEL_UNAVAILABLE: nothing was changed. As apply_catalogue.
        """
        with self._lock:
            stores = self._stores
            catalogue_steps.check(stores, delta)
            items = catalogue_steps.items(stores, self._encoder, delta, between)
            with stores.database.transaction():
                stores.contents.apply_step(items, delta.removed.tolist())
                facts.note_catalogue_name(stores.meta, delta.version, sha256)
                stores.title_vectors.drop(delta.version)
                stores.resources.remove(CATALOGUE)
                resource_times.note_taken(stores, CATALOGUE, stores.database.now())
            self._follow()

    def refresh(self) -> None:
        """Takes up what the database holds of the fleet's news and answers do not use yet.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; answers go on as before.
        """
        with self._lock:
            self._follow()

    @contextmanager
    def renewing(self) -> Iterator[None]:
        """A block that alone changes the database; whatever it did is read anew at its end.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        with self._lock, self._recording:
            try:
                yield
            finally:
                held = Versions.held(self._stores)
                self._reload()
                self._take_up()
                self._in_force = self._reached(held)
                self._save()
                release_unused()

    def save_index(self) -> None:
        """Saves the index when it has changed."""
        with self._lock:
            self._save()

    def follow_index(self) -> None:
        """Has the index take up titles that it lacks.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        with self._lock:
            self._take_up()

    def _save(self) -> None:
        try:
            self._index_part.call(self._index.save)
        except Exception as error:  # noqa: BLE001 - costs the next start some seconds, no more
            _log.warning("the index is not saved: %s", error)

    def _follow(self) -> None:
        """Takes up all that the database holds and answers do not use yet.

        Whatever failed on the way is made up for by the next call.
        """
        stores, household = self._stores, self._household
        held = Versions.held(stores)
        if held == self._in_force:
            return
        if held.catalogue != self._in_force.catalogue:
            with self._recording:
                self._reload()
        elif held.titles != self._in_force.titles:
            changed = stores.contents.changed_since(self._in_force.titles, held.titles)
            titles = state.extend_titles(
                stores, self._encoder.model_version, household.titles, changed
            )
            household.extend(titles, self._collective(titles))
        else:
            household.learn(self._collective(household.titles))
        self._take_up()
        self._in_force = self._reached(held)
        release_unused()
        self._changed()

    def _take_up(self) -> None:
        """The index is a help: without it texts are compared with every title."""
        try:
            self._index_part.call(self._index.follow)
        except OmegaError:
            raise
        except Exception:  # noqa: BLE001 - answers do without it, and the heartbeat tries again
            self._index.in_step = False
            _log.exception("the index cannot take titles up")

    def _reached(self, held: Versions) -> Versions:
        """What is in force after following the database to what it held."""
        # Factors that turned out to be of no use were dropped: the same version may come again.
        return replace(held, factors=self._household.factors_version)

    def _reload(self) -> None:
        """Rebuilds the ranking state; answers go on with the old one until the last moment."""
        titles = state.load_titles(self._stores, self._encoder.model_version)
        viewers = load_viewers(self._stores, titles, self._household.tuned.rank)
        self._household.replace(titles, self._collective(titles), viewers)

    def _collective(self, titles: Titles) -> Collective:
        return state.load_collective(self._stores, titles.catalogue, self._encoder.model_version)


def load_viewers(stores: Stores, titles: Titles, rank: RankConfig) -> Viewers:
    """Everybody's history over titles, by these settings of the ranking.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE.
    """
    events = sorted(stores.events.all_events(), key=lambda entry: entry.seq)
    viewers = Viewers.replay(
        titles.catalogue,
        stores.profiles.all(),
        events,
        stores.title_records.all_records(),
        rank,
    )
    since = stores.database.now() - TONIGHT
    moments = [*events, *stores.interactions.recent("", since)]
    lately = [entry.event for entry in moments if entry.event.occurred_at >= since]
    lately.sort(key=lambda event: event.occurred_at)
    # A history that was imported may lie in one evening; a session holds no more than this.
    viewers.resume(lately[-MAX_MOMENTS:])
    return viewers
