"""What must come of years of watching, reckoned apart from the brain and in the plainest way."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from omega_core.viewing import TitleRecord, ViewingEvent
from omega_loops import PERIODIC_LOOPS, Loop

_MONTH = timedelta(days=30)
_DAY = timedelta(hours=24)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class DueCycle:
    """A cycle that a look at the clock must bring about."""

    loop: Loop
    """Which loop."""
    number: int
    """Of the cycle, from 1."""
    due_at: datetime
    """The instant of the schedule that it answers."""
    coalesced: int
    """Instants before it that passed unanswered."""


class Schedule:
    """Which cycles each look at the clock brings about. Looks come in order of time."""

    def __init__(self) -> None:
        self._begun: datetime | None = None
        self._passed = dict.fromkeys(PERIODIC_LOOPS, 0)
        self._cycles = dict.fromkeys(PERIODIC_LOOPS, 0)

    def look(self, now: datetime) -> list[DueCycle]:
        """The cycles that are due at an instant, shortest period first."""
        begun = self._begun = self._begun or now
        due = []
        for loop in PERIODIC_LOOPS:
            passed = (now - begun) // loop.period
            missed = passed - self._passed[loop] - 1
            if missed >= 0:
                self._passed[loop] = passed
                self._cycles[loop] += 1
                at = begun + passed * loop.period
                due.append(DueCycle(loop, self._cycles[loop], at, missed))
        return due

    def is_due(self, now: datetime, loop: Loop) -> bool:
        """Whether a look would bring a cycle of a loop about."""
        begun = self._begun or now
        return (now - begun) // loop.period > self._passed[loop]

    def instants(self, begin: datetime, end: datetime) -> list[datetime]:
        """Due instants of the shortest period from `begin` to `end`, both included."""
        start, period = self._begun or begin, PERIODIC_LOOPS[0].period
        first = start + -(-(begin - start) // period) * period
        return [first + n * period for n in range(max((end - first) // period + 1, 0))]


@dataclass(frozen=True)
class LedgerEntry:
    """A viewing as it was recorded."""

    event: ViewingEvent
    """What happened."""
    recorded_at: datetime
    """When it arrived."""
    seq: int
    """Order of its arrival, from 1."""


class Ledger:
    """Every viewing that ended, and what must be remembered of them.

    A viewing that the switch cut off comes in by itself: after a minute it is of the session, and
    a day later it is a viewing that ended where it was left; unless somebody went on with it.
    """

    def __init__(self) -> None:
        self.entries: list[LedgerEntry] = []
        """In order of arrival."""
        self.cut_off: list[ViewingEvent] = []
        """Last moments of viewings that ended by themselves."""
        self._seen: defaultdict[str, set[str]] = defaultdict(set)
        self._open: dict[tuple[str, str], ViewingEvent] = {}
        self._session: dict[tuple[str, str], tuple[ViewingEvent, datetime]] = {}

    def tell(self, event: ViewingEvent, now: datetime) -> None:
        """Takes what the brain is told."""
        key = (event.profile_id, event.content_id)
        if event.action.ends_viewing:
            self._open.pop(key, None)
            self._session.pop(key, None)
            self._add(event, now)
        else:
            self._open[key] = event

    def settle(self, now: datetime) -> None:
        """Lets a session become history, as a cycle of the Adaptive loop at `now` does."""
        for key, (moment, moved_at) in sorted(
            self._session.items(), key=lambda item: item[1][0].event_id
        ):
            if now >= moved_at + _DAY:
                del self._session[key]
                self.cut_off.append(moment)
                self._add(moment, now)
        for key, moment in list(self._open.items()):
            if now >= moment.occurred_at + _MINUTE:
                del self._open[key]
                self._session[key] = (moment, now)

    def seen(self, profile_id: str) -> set[str]:
        """Titles that a profile saw; '' = that anybody did."""
        return self._seen[profile_id]

    def kept(self, settled_at: datetime) -> list[LedgerEntry]:
        """Viewings that are still one by one after `settle`."""
        return self.entries[self._first_kept(settled_at) :]

    def records(self, settled_at: datetime) -> dict[tuple[str, str], TitleRecord]:
        """The records of the others, by (profile, title)."""
        return recounted(self.entries[: self._first_kept(settled_at)])

    def _first_kept(self, settled_at: datetime) -> int:
        return bisect_left(self.entries, settled_at - _MONTH, key=lambda e: e.recorded_at)

    def _add(self, event: ViewingEvent, now: datetime) -> None:
        self.entries.append(LedgerEntry(event, now, len(self.entries) + 1))
        for who in {"", event.profile_id}:
            self._seen[who].add(event.content_id)


def recounted(entries: Iterable[LedgerEntry]) -> dict[tuple[str, str], TitleRecord]:
    """Records of viewings, by (profile, title), each from all of its viewings at once."""
    groups: defaultdict[tuple[str, str], list[LedgerEntry]] = defaultdict(list)
    for entry in entries:
        groups[entry.event.profile_id, entry.event.content_id].append(entry)
    return {key: _record(key, group) for key, group in groups.items()}


def same_viewing(stored: ViewingEvent, told: ViewingEvent) -> bool:
    """Whether a stored viewing is the one that was told, or that was cut off at what was told."""
    if told.action.ends_viewing:
        return stored == told
    # Its id is the brain's own, and not all of a moment is remembered.
    return stored.action.ends_viewing and stored == replace(
        told,
        event_id=stored.event_id,
        action=stored.action,
        watch_seconds=0,
        source=stored.source,
    )


def _record(key: tuple[str, str], group: Sequence[LedgerEntry]) -> TitleRecord:
    profile_id, content_id = key
    times = sorted((entry.event.occurred_at, entry.seq) for entry in group)
    successes = sorted(e.event.occurred_at for e in group if e.event.success)
    circumstances = 0
    for entry in group:
        circumstances |= entry.event.context.mask
    return TitleRecord(
        content_id=content_id,
        profile_id=profile_id,
        viewings=len(group),
        successes=len(successes),
        best_reward=max(entry.event.reward for entry in group),
        circumstances=circumstances,
        first_at=times[0][0],
        first_success_at=successes[0] if successes else None,
        last_at=times[-1][0],
        last_seq=times[-1][1],
    )
