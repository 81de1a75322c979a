"""Who watches: the household as a whole and each of its profiles, over one catalogue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from omega_brain import filters
from omega_brain.filters import Mask
from omega_brain.state import Titles
from omega_core.errors import ErrorCode, OmegaError
from omega_core.profile import Profile
from omega_core.records import merge
from omega_core.vectors import FloatArray
from omega_core.viewing import TitleRecord, ViewingEvent
from omega_persistence.events import RecordedEvent
from omega_rank.catalogue import Catalogue
from omega_rank.config import RankConfig
from omega_rank.history import History
from omega_rank.session import SessionBias, SessionState, weary

HOUSEHOLD = ""
"""Profile id of the household as a whole: everybody's viewings together."""


class Viewer:
    """One history with its session and its limits. Not safe for threads; its owner holds a lock.

    Args:
        profile: the profile; None = the household as a whole, which has no limits.
        history: what was viewed.
    """

    def __init__(self, profile: Profile | None, history: History) -> None:
        self.profile = profile
        self.history = history
        self.session = SessionState(history.catalogue)
        self._tired: tuple[NDArray[np.int64], FloatArray, datetime] | None = None
        self._permitted: tuple[Titles, Mask | None] | None = None

    def permitted(self, titles: Titles) -> Mask | None:
        """Rows (n,) that its parental limits let through; None = all."""
        if self.profile is None:
            return None
        if self._permitted is None or self._permitted[0] is not titles:
            self._permitted = titles, filters.permitted(titles, self.profile)
        return self._permitted[1]

    def limit(self, profile: Profile) -> None:
        """Takes the profile's new limits."""
        self.profile, self._permitted = profile, None

    def tire(self, fatigue: Mapping[str, float], until: datetime) -> None:
        """Takes how tired people are of seeing titles, by content id, in place of what was."""
        row_of = self.history.catalogue.row_of
        known = {row_of[i]: tired for i, tired in fatigue.items() if i in row_of}
        rows = np.fromiter(known, np.int64, len(known))
        self._tired = rows, np.fromiter(known.values(), np.float32, len(known)), until

    def bias(self, now: datetime) -> SessionBias | None:
        """How tonight bends the list; None = not at all."""
        bias = self.session.bias(now)
        if self._tired is None or not len(self._tired[0]) or now >= self._tired[2]:
            return bias
        rows, fatigue, _ = self._tired
        return weary(bias, rows, fatigue, len(self.history.catalogue))

    def open_rows(self, titles: Titles, allowed: Mask, now: datetime) -> Mask:
        """Rows (n,) of `allowed` that it may see and was not put off tonight."""
        limits = self.permitted(titles)
        open_rows = allowed if limits is None else allowed & limits
        return open_rows & ~self.session.put_off(now)


class Viewers:
    """The household and its profiles. Not safe for threads; its owner holds a lock."""

    def __init__(self, viewers: Mapping[str, Viewer], replayed_to: int) -> None:
        self._viewers = dict(viewers)
        self.replayed_to = replayed_to
        """Newest seq that the replay has seen."""

    @classmethod
    def replay(
        cls,
        catalogue: Catalogue,
        profiles: Iterable[Profile],
        events: Sequence[RecordedEvent],
        records: Sequence[TitleRecord],
        config: RankConfig,
    ) -> Viewers:
        """Everybody's history over a catalogue.

        Args:
            catalogue: the titles.
            profiles: of the household.
            events: every stored viewing, in order of arrival.
            records: what was folded of earlier ones.
            config: settings of the ranking.
        """
        viewers = {HOUSEHOLD: Viewer(None, _replay(catalogue, events, joined(records), config))}
        for profile in profiles:
            own = [entry for entry in events if entry.event.profile_id == profile.profile_id]
            kept = [record for record in records if record.profile_id == profile.profile_id]
            history = _replay(catalogue, own, kept, config)
            viewers[profile.profile_id] = Viewer(profile, history)
        return cls(viewers, max((entry.seq for entry in events), default=0))

    def resume(self, moments: Iterable[ViewingEvent]) -> None:
        """Lets what happened lately bend the lists again, after a start."""
        for moment in moments:
            for viewer in self.concerned(moment):
                viewer.session.observe(moment)

    @property
    def household(self) -> Viewer:
        """The household as a whole."""
        return self._viewers[HOUSEHOLD]

    def of(self, profile_id: str, field: str = "profile_id") -> Viewer:
        """Whose id it is.

        Raises:
            OmegaError: UNKNOWN_PROFILE, with the field that held the id.
        """
        viewer = self._viewers.get(profile_id)
        if viewer is None:
            raise OmegaError(ErrorCode.UNKNOWN_PROFILE, field=field)
        return viewer

    def company(self, profile_id: str, others: Iterable[str]) -> list[Viewer]:
        """Who watches along with a profile, each once; one that is gone meanwhile is left out."""
        known = (each for each in dict.fromkeys(others) if each != profile_id)
        return [self._viewers[each] for each in known if each in self._viewers]

    def has(self, profile_id: str) -> bool:
        """Whether there is such a profile, or it is the household."""
        return profile_id in self._viewers

    def all(self) -> Iterable[Viewer]:
        """The household, then each profile."""
        return self._viewers.values()

    def concerned(self, event: ViewingEvent) -> list[Viewer]:
        """Whose history an event belongs to: the household's, and its profile's."""
        own = self._viewers.get(event.profile_id) if event.profile_id else None
        return [self.household, own] if own else [self.household]

    def put(self, profile: Profile, config: RankConfig) -> None:
        """Adds a profile, or changes its limits."""
        known = self._viewers.get(profile.profile_id)
        if known is not None:
            known.limit(profile)
            return
        catalogue = self.household.history.catalogue
        self._viewers[profile.profile_id] = Viewer(profile, History(catalogue, config))


def _replay(
    catalogue: Catalogue,
    events: Iterable[RecordedEvent],
    records: Iterable[TitleRecord],
    config: RankConfig,
) -> History:
    return History.replay(
        catalogue,
        [entry.event for entry in events],
        config,
        records=records,
        seqs=np.array([entry.seq for entry in events], np.int64),
    )


def joined(records: Iterable[TitleRecord]) -> list[TitleRecord]:
    """One record a title: those of several profiles, merged."""
    by_title: defaultdict[str, list[TitleRecord]] = defaultdict(list)
    for record in records:
        by_title[record.content_id].append(record)
    joined = []
    for first, *rest in by_title.values():
        whole = first
        for record in rest:
            whole = merge(whole, record)
        joined.append(whole)
    return joined
