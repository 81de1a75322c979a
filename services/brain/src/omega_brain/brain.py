"""The brain in one process: what the service wraps and what programs drive directly."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Self

from omega_brain import metering, opening
from omega_brain.answering import Answering, Asked
from omega_brain.answers import Answer, LikedTitle, RecommendQuery
from omega_brain.config import BrainConfig
from omega_brain.erasing import Erasing, withdraw_consent
from omega_brain.metering import Metering
from omega_brain.minds import make_mind
from omega_brain.pages import Pages
from omega_brain.pairs import Pairs
from omega_brain.recording import Observed, Recording
from omega_brain.runtime import Runtime
from omega_brain.stores import Stores
from omega_brain.switches import Switches
from omega_brain.syncer import Syncer, SyncOutcome
from omega_brain.texts import GuardedEncoder, TextVectors
from omega_brain.upkeep import Upkeep
from omega_brain.watching import Changes
from omega_core.clock import Clock, SystemClock
from omega_core.closing import Closing
from omega_core.content import Content
from omega_core.errors import ErrorCode, OmegaError
from omega_core.memory import MemoryQuery, Recalled
from omega_core.profile import Profile
from omega_core.vectors import FloatArray, unit
from omega_core.viewing import ViewingEvent
from omega_delta import CatalogueDelta, CataloguePack
from omega_embed import AbsentEncoder, Encoder
from omega_loops import RecommendationGate
from omega_persistence.contents import UpsertCounts
from omega_persistence.erasure import Erased
from omega_persistence.events import Recorded
from omega_runtime import Mode, Part

_WAY_SECONDS = 1.0
"""How long work on a catalogue waits for answers between two of its turns."""
_MEMORY_PATIENCE = timedelta(seconds=1)
"""How long a question to the memory waits for its text to be embedded."""


class Brain(Closing):
    """The recommender of one household. Safe for threads.

        with Brain.init(BrainConfig(storage_path=path)) as brain:
            brain.observe(event)
            brain.recommend(RecommendQuery())

    The database is the truth; the ranking state and the vector index follow it. Locks, in the
    order in which they are taken: that of the upkeep (one change of the catalogue at a time, for
    as long as it takes), that of the recording (a viewing is stored and learnt in one step), and
    the household's own, for moments; below it nothing waits, so answers keep coming while a
    catalogue is embedded or a viewing is written. The database's own lock may be taken under each
    of the first two.

    Args:
        config: settings.
        clock: time.
        encoder: overrides the encoder that config names.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE, STORAGE_FULL; MODEL_UNAVAILABLE when the encoder is not
            there and nothing was embedded by it before; INVALID_FIELD for a setting.
    """

    def __init__(
        self, config: BrainConfig, *, clock: Clock | None = None, encoder: Encoder | None = None
    ) -> None:
        self.config = config
        """Settings."""
        self.clock = clock or SystemClock()
        """Time."""
        self.runtime = Runtime(self.clock)
        """Health, breakers, modes and events."""
        self.changes = Changes()
        """What may have changed lists."""
        self.gate = RecommendationGate()
        """Where loops make way for answers."""
        self.persistence = Stores.open(config.storage_path, self.clock)
        """The database's tables."""
        recording = threading.Lock()
        try:
            self.switches = Switches(config, self.persistence.sync)
            """What the household allows, and what the network is like."""
            if not self.switches.consent:
                withdraw_consent(self.persistence, self.clock)
            opened = opening.open_parts(config, self.clock, self.persistence, encoder)
            self.encoder = opened.encoder
            """What texts are embedded with."""
            if isinstance(self.encoder, AbsentEncoder):
                self.runtime.lost(Part.ENCODER, "it is not installed")
            self.index = opened.index
            """Vectors of titles."""
            self.household = opened.household
            """The ranking state."""
            self._upkeep = Upkeep(
                self.persistence,
                GuardedEncoder(self.encoder, self.runtime.part(Part.ENCODER)),
                opened.index,
                self.runtime.part(Part.INDEX),
                self.household,
                opened.held,
                recording,
                self.changes.tell,
            )
            self._texts = TextVectors(self.encoder, self.runtime.part(Part.ENCODER))
            self._pages = Pages(self.persistence.recommendations, self.runtime.part(Part.STORE))
            self._recording = Recording(
                self.persistence, self.household, self.runtime, recording, self._notify
            )
            self._answering = Answering(
                self.household,
                opened.index,
                self._texts,
                self.runtime,
                config.recommend_timeout_ms,
            )
            mind = make_mind(
                config=config,
                clock=self.clock,
                stores=self.persistence,
                index=opened.index,
                household=self.household,
                model_version=self.model_version,
                runtime=self.runtime,
                gate=self.gate,
                learn_stored=self._recording.learn_stored,
                limit_answers=self._answering.limit,
                changed=self.changes.tell,
            )
            self.memory = mind.memory
            """Twelve tiers of memory."""
            self.agentdb = mind.agentdb
            """Vectors, episodes, taste patterns, causes."""
            self.loops = mind.loops
            """The seven loops."""
            self._mind = mind
            self.syncer = Syncer(self)
            """Talks to the fleet."""
            self.pairs = Pairs(self)
            """Reports pairs, where the household chose that."""
            self._erasing = Erasing(
                self.persistence,
                self._upkeep,
                self.loops.standing_still,
                self._quiet,
                self._forget,
                mind.standing.read,
            )
        except BaseException:
            self.persistence.database.close()
            raise

    @classmethod
    def init(cls, config: BrainConfig, *, clock: Clock | None = None) -> Self:
        """Opens a brain, as the constructor does."""
        return cls(config, clock=clock)

    @property
    def stores(self) -> Stores:
        """The same as `persistence`."""
        return self.persistence

    @property
    def model_version(self) -> str:
        """Version of the encoder in use."""
        return self.encoder.model_version

    @property
    def factors_version(self) -> int:
        """Version of the factors that rank; 0 = none."""
        return self.household.factors_version

    @property
    def likes(self) -> int:
        """Titles the household succeeded with."""
        return self.household.likes

    def recommend(self, query: RecommendQuery) -> Answer:
        """What the household will want to watch, within the time limit of the settings.

        Touches the disk for a cursor of long ago only. A part that fails or is late makes a
        simpler list.

        Raises:
            OmegaError: UNKNOWN_CONTENT (field content_ids[i]), UNKNOWN_PROFILE (profile_id),
                UNKNOWN_RECOMMENDATION (cursor).
        """
        with self.gate.recommendation():
            self.household.require(query)
            begun = time.perf_counter()
            before = self._pages.before(query.cursor, self._page_patience)
            answer = self._answering.answer(Asked(query, frozenset(before.shown)))
            if not before.known and answer.mode is Mode.HEALTHY:
                answer = replace(answer, mode=Mode.DEGRADED)
            seconds = time.perf_counter() - begun
            self._mind.latencies.note(seconds)
            metering.answered(seconds, answer.mode)
            now = self.clock.now()
            self._mind.evening.showed(answer, query.profile_id, now)
            self._pages.note(answer, before, query.profile_id, now)
            return answer

    def observe(self, event: ViewingEvent) -> Observed:
        """Stores an event, durably, and learns from it.

        Raises:
            OmegaError: UNKNOWN_CONTENT, UNKNOWN_PROFILE, STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        return self._recording.observe(event)

    def observe_all(self, events: Sequence[ViewingEvent]) -> list[Recorded]:
        """Stores many in one transaction; one that is refused stops no other.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; none of them was stored.
        """
        return self._recording.observe_all(events)

    def put_profile(self, profile: Profile) -> bool:
        """Keeps a profile; True when there was none of its id.

        Raises:
            OmegaError: INVALID_FIELD, STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        added = self._recording.put_profile(profile)
        self.changes.tell()
        return added

    def delete_profile(self, profile_id: str) -> int:
        """Erases a profile and all that was watched in it; the number of viewings.

        Raises:
            OmegaError: UNKNOWN_PROFILE, STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        return self._erasing.delete_profile(profile_id)

    def clear_data(self, request_id: str) -> Erased:
        """Erases everything of the household, files included. As `erase_household`."""
        return self._erasing.clear(request_id)

    def upsert(self, contents: Sequence[Content]) -> UpsertCounts:
        """Adds or replaces titles that firmware knows, all of them or none.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE, MODEL_UNAVAILABLE.
        """
        return self._upkeep.upsert(contents)

    def apply_catalogue(self, pack: CataloguePack, sha256: bytes = b"") -> None:
        """Makes a catalogue of the fleet this TV's own; local titles stay. As Upkeep's."""
        self._upkeep.apply_catalogue(pack, sha256)

    def apply_catalogue_delta(self, delta: CatalogueDelta, sha256: bytes) -> None:
        """Moves the fleet's catalogue on, and makes way for answers meanwhile. As Upkeep's."""
        self._upkeep.apply_catalogue_delta(delta, sha256, self._make_way)

    def refresh(self) -> None:
        """Takes up what the database holds of the fleet's news. As Upkeep's."""
        self._upkeep.refresh()

    def remember(self, query: MemoryQuery, text: str = "") -> list[Recalled]:
        """What the TV remembers that answers a query.

        Args:
            query: what must hold; its vector is that of `text` where there is one.
            text: what to look for by meaning; empty = by the query alone.

        Raises:
            OmegaError: INVALID_FIELD, UNKNOWN_PROFILE, MODEL_UNAVAILABLE, STORAGE_UNAVAILABLE.
        """
        if query.profile_id:
            self.household.history_of(query.profile_id)
        if text:
            query = replace(query, vector=self._text_vector(text))
        if query.vector is not None:
            query = replace(query, vector=unit(query.vector), model_version=self.model_version)
        return self.memory.recall(query, self.clock.now())

    def follow_index(self) -> None:
        """Has the index take up titles that it lacks."""
        self._upkeep.follow_index()

    def liked_titles(self) -> list[LikedTitle]:
        """Titles of the fleet's catalogue that the household succeeded with.

        Empty without a catalogue of the encoder in use.
        """
        return self.household.liked_titles()

    def pattern_samples(self) -> dict[int, int]:
        """Viewings behind the taste pattern of each title that the household watched, by rowid.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        return self._mind.adaptive.pattern_samples()

    def sync(self) -> SyncOutcome:
        """One exchange with the fleet. As Syncer's."""
        return self.syncer.sync()

    def set_sync_options(self, *, consent: bool | None = None, metered: bool | None = None) -> None:
        """Keeps what the household allows and what the network is like; None = as it is.

        A transfer that is not allowed any more stops at its next piece, and this waits for it. What
        waits to leave is dropped with consent, and the fleet asked to forget this TV.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        with self.persistence.database.transaction():
            if consent is not None:
                self.persistence.sync.set_consent(consent)
            if metered is not None:
                self.persistence.sync.set_metered(metered)
        if not self.switches.consent:
            with self._quiet():
                withdraw_consent(self.persistence, self.clock)

    def backup(self) -> None:
        """Backs the database up and saves the index.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; the last backup is still there.
        """
        self.persistence.database.backup()
        self._upkeep.save_index()

    def start(self) -> None:
        """Begins to learn in the background."""
        self.loops.start()
        self.runtime.started(Metering(lambda: self.agentdb.stats().skills))

    def close(self) -> None:
        """Saves what can be saved and gives up the storage directory, whatever fails."""
        self.changes.close()
        self.loops.stop()
        self.pairs.close()
        self.syncer.close()
        self._answering.close()
        self._texts.close()
        self._pages.close()
        self._upkeep.save_index()
        self.persistence.close()
        self.runtime.stopping("closed")

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        """A block during which nothing leaves."""
        with self.pairs.paused(), self.syncer.paused():
            yield

    def _make_way(self) -> None:
        self.gate.wait_clear(_WAY_SECONDS)

    def _text_vector(self, text: str) -> FloatArray:
        try:
            return self._texts.of(text, _MEMORY_PATIENCE)
        except OmegaError:
            raise
        except Exception as error:
            raise OmegaError(
                ErrorCode.MODEL_UNAVAILABLE, bound="not working", detail=repr(error)
            ) from error

    @property
    def _page_patience(self) -> timedelta:
        """Half of the time for an answer: the list itself takes the rest."""
        return timedelta(milliseconds=self.config.recommend_timeout_ms / 2)

    def _notify(self, event: ViewingEvent) -> None:
        self.loops.notify(event)

    def _forget(self, profile_id: str) -> None:
        """Drops what this process holds of people beside the ranking state; empty = of all."""
        self._texts.forget()
        self._pages.forget()
        self._mind.forget(profile_id)
