"""Every half hour: the session becomes history, and what is new in history is learnt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta, tzinfo

from omega_agentdb import AgentDB
from omega_agentdb.skills import LearnStep
from omega_brain.past import fresh
from omega_brain.stepwise import Progress, Stepwise
from omega_brain.stores import Stores
from omega_core.taste import TasteViewing
from omega_core.viewing import ViewingEvent
from omega_loops import Context
from omega_memory import HouseholdMemory
from omega_memory.habits import Habits
from omega_persistence import causal, habits, skills
from omega_persistence.capacity import enforce
from omega_persistence.events import RecordedEvent

_STEP = 32
"""Viewings that one step learns from."""
_SWEEP = 256
"""Rows that one step forgets."""
MOMENTS_KEPT = timedelta(days=1)
"""How long moments of viewings are kept."""


class Adaptive:
    """Job of the Adaptive loop.

    Args:
        stores: the tables.
        memory: the tiers.
        agentdb: taste patterns and causes.
        learn_unfinished: has the ranking learn viewings that never said that they ended.
        zone: where the TV stands.
        max_bytes: size of the storage directory.
    """

    def __init__(
        self,
        stores: Stores,
        memory: HouseholdMemory,
        agentdb: AgentDB,
        learn_unfinished: Callable[[], None],
        zone: Callable[[], tzinfo],
        max_bytes: int,
    ) -> None:
        self._stores = stores
        self._memory = memory
        self._agentdb = agentdb
        self._learn_unfinished = learn_unfinished
        self._zone = zone
        self._max_bytes = max_bytes
        self.job = Stepwise(
            (
                ("memories_moved", self._consolidate),
                ("viewings_counted", self._count_habits),
                ("viewings_clustered", self._learn_patterns),
                ("transitions_counted", self._learn_causes),
                ("memories_forgotten", self._sweep),
                ("moments_forgotten", self._sweep_moments),
                ("kilobytes_freed", self._hold_size),
            )
        )

    def pattern_samples(self) -> dict[int, int]:
        """Viewings behind the pattern of each title of the household, by rowid, of all so far.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        while not self._learn_patterns().finished:
            pass
        store = self._agentdb.skills.store
        counts = {skill.skill_id: skill.sample_count for skill in store.skills("")}
        return {each.content_rowid: counts[each.skill_id] for each in store.members("")}

    def _consolidate(self, context: Context) -> Progress:
        done = self._memory.auto_consolidate(
            context.now, lambda: not context.should_yield(), _SWEEP
        )
        self._learn_unfinished()
        return Progress(done.moved, done.finished)

    def _count_habits(self, _context: Context) -> Progress:
        bodies = self._stores.habits
        entries = fresh(self._stores, habits.LEARNT_SEQ, bodies.learnt_seq(), _STEP)
        if not entries:
            return Progress()
        genres = self._genres(entries)
        of_profile: defaultdict[str, list[tuple[ViewingEvent, Sequence[str]]]] = defaultdict(list)
        for entry in entries:
            for profile_id in {"", entry.event.profile_id}:
                of_profile[profile_id].append((entry.event, genres[entry.content_rowid]))
        counted = {}
        for profile_id, viewings in of_profile.items():
            body = bodies.get(profile_id)
            before = Habits() if body is None else Habits.from_json(body)
            counted[profile_id] = before.add(viewings, self._zone()).to_json()
        bodies.save(counted, entries[-1].seq)
        return Progress(len(entries), finished=False)

    def _learn_patterns(self, _context: Context | None = None) -> Progress:
        learner = self._agentdb.skills
        entries = fresh(self._stores, skills.LEARNT_SEQ, learner.learnt_seq(), _STEP)
        return self._learnt(learner.learn, entries)

    def _learn_causes(self, _context: Context) -> Progress:
        learner = self._agentdb.causal
        # A record of a title does not tell what its viewings followed.
        entries = fresh(self._stores, causal.LEARNT_SEQ, learner.learnt_seq(), _STEP, records=False)
        return self._learnt(learner.learn, entries)

    def _sweep(self, context: Context) -> Progress:
        done = self._memory.sweep(context.now, _SWEEP)
        return Progress(done.handled, done.finished)

    def _sweep_moments(self, context: Context) -> Progress:
        gone = self._stores.interactions.sweep(context.now - MOMENTS_KEPT, _SWEEP)
        return Progress(gone, finished=gone < _SWEEP)

    def _hold_size(self, context: Context) -> Progress:
        freed = enforce(
            self._stores.database,
            self._max_bytes,
            context.now,
            _SWEEP,
            learnt_to=learnt_to(self._stores, self._agentdb),
        )
        return Progress(
            max(freed.bytes_before - freed.bytes_after, 0) // 1_000,
            finished=freed.within or not freed.more,
        )

    def _learnt(
        self,
        learn: Callable[[Sequence[TasteViewing]], LearnStep],
        entries: Sequence[RecordedEvent],
    ) -> Progress:
        if not entries:
            return Progress()
        learnt_seq = learn(self._viewings(entries)).learnt_seq
        return Progress(sum(entry.seq <= learnt_seq for entry in entries), finished=False)

    def _viewings(self, entries: Sequence[RecordedEvent]) -> list[TasteViewing]:
        rows = self._stores.contents.by_rowids([entry.content_rowid for entry in entries])
        return [
            TasteViewing(
                seq=entry.seq,
                content_rowid=entry.content_rowid,
                at=entry.event.occurred_at,
                success=entry.event.success,
                reward=entry.event.reward,
                profile_id=entry.event.profile_id,
                session_id=entry.event.session_id,
                context=entry.event.context,
                kind=int(rows[entry.content_rowid].content.kind),
                genres=rows[entry.content_rowid].content.genres,
            )
            for entry in entries
        ]

    def _genres(self, entries: Sequence[RecordedEvent]) -> dict[int, tuple[str, ...]]:
        rows = self._stores.contents.by_rowids([entry.content_rowid for entry in entries])
        return {rowid: row.content.genres for rowid, row in rows.items()}


def learnt_to(stores: Stores, agentdb: AgentDB) -> int:
    """The newest seq up to which everything that learns from single viewings has learnt.

    0 while the household learns again: records of titles then stay as they are.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE.
    """
    if stores.relearning.under_way():
        return 0
    return min(stores.habits.learnt_seq(), agentdb.skills.learnt_seq(), agentdb.causal.learnt_seq())
