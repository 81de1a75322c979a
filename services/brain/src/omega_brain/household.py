"""One household's ranking state: read, taught and replaced under one lock, never for long."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from omega_brain import filters
from omega_brain.answers import Answer, LikedTitle, Listed, RecommendQuery
from omega_brain.listing import in_order, listed, popular_reasons, popular_rows, shipped
from omega_brain.preferences import Suited
from omega_brain.state import Collective, Titles
from omega_brain.trending import timely
from omega_brain.tuned import Tuned
from omega_brain.viewers import Viewer, Viewers
from omega_core.clock import Clock
from omega_core.profile import Profile
from omega_core.vectors import FloatArray
from omega_core.viewing import ViewingContext, ViewingEvent
from omega_rank import Basis, Ranker, measures
from omega_rank.history import History
from omega_rank.popular import PopularTitle
from omega_rank.quick import quick
from omega_runtime import Mode

_LEAST_NORM = 0.5
Suits = Callable[[str, ViewingContext | None, tuple[str, ...]], Suited | None]
"""(profile_id, circumstances, genre columns) -> how they suit; None = nothing is known."""


def nothing_known(
    _profile_id: str, _context: ViewingContext | None, _genres: tuple[str, ...]
) -> None:
    """Nothing is known of circumstances."""


class Household:
    """Titles, the fleet's knowledge and everybody's history, always of one catalogue.

    Safe for threads. Nothing here touches the disk.

    Args:
        titles: what is ranked.
        collective: what the fleet knows of them.
        viewers: the household and its profiles.
        clock: time.
        popular_titles: the list that came with the firmware.
    """

    def __init__(
        self,
        titles: Titles,
        collective: Collective,
        viewers: Viewers,
        clock: Clock,
        popular_titles: Sequence[PopularTitle],
    ) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._shipped = popular_titles
        self._tuned = Tuned.shipped()
        self._ranker = Ranker(self._tuned.rank)
        self._suits: Suits = nothing_known
        self._titles = titles
        self._collective = collective
        self._viewers = viewers
        self._popular_ids: Sequence[str] = ()
        self._popular: tuple[Titles, Collective, NDArray[np.int64], int] | None = None

    @property
    def titles(self) -> Titles:
        """The titles that are ranked now."""
        return self._titles

    @property
    def collective(self) -> Collective:
        """What the fleet knows of them."""
        return self._collective

    @property
    def tuned(self) -> Tuned:
        """The settings in force."""
        return self._tuned

    @property
    def factors_version(self) -> int:
        """Version of the factors that rank; 0 = none."""
        return self._collective.factors_version

    @property
    def likes(self) -> int:
        """Titles that the household succeeded with."""
        with self._lock:
            return self._viewers.household.history.likes

    def require(self, query: RecommendQuery) -> None:
        """Refuses what the request names and nobody knows.

        Raises:
            OmegaError: UNKNOWN_CONTENT (field content_ids[i]), UNKNOWN_PROFILE (profile_id,
                company_profile_ids[i]).
        """
        with self._lock:
            self._viewers.of(query.profile_id)
            for i, profile_id in enumerate(query.company):
                self._viewers.of(profile_id, f"company_profile_ids[{i}]")
            filters.require_known(self._titles, query)

    def rank(
        self,
        query: RecommendQuery,
        shown: Collection[str],
        nearest: NDArray[np.int64] | None,
    ) -> Answer:
        """The list by the whole pipeline.

        Args:
            query: what is asked for, all known.
            shown: content ids of earlier pages.
            nearest: rowids near the query's text; None = it has none.
        """
        genres = self._titles.catalogue.genres
        suited = self._suits(query.profile_id, query.context, genres)
        with self._lock:
            titles, collective = self._titles, self._collective
            if titles.catalogue.genres != genres:
                suited = None  # The catalogue changed this very moment.
            if not len(titles.catalogue):
                return self._firmware_list(query, shown, Mode.HEALTHY)
            viewer, candidates = self._open(query, shown)
            now = self._clock.now()
            if nearest is not None:
                candidates &= filters.of_rows(titles, titles.rows_of(nearest))
            others = self._viewers.company(query.profile_id, query.company)
            ranking = self._ranker.rank(
                titles.catalogue,
                collective.model,
                viewer.history,
                limit=query.limit,
                offset=query.offset,
                context=query.context,
                candidates=candidates,
                session=viewer.bias(now),
                genre_bonus=suited.bonus if suited else None,
                occasions=suited.occasions if suited else None,
                diversity=query.diversity,
                company=[other.history for other in others],
                timely=timely(collective.trending, titles.arrivals, len(titles.catalogue), now),
            )
            more = _more(query, viewer, candidates, len(ranking.titles))
        return self._answer(listed(ranking, titles), ranking.basis, Mode.HEALTHY, more=more)

    def quick(
        self,
        query: RecommendQuery,
        shown: Collection[str],
        text: FloatArray | None,
        most_near: int,
    ) -> Answer:
        """The list by exact search over the cached taste, without re-ranking.

        Args:
            query: what is asked for, all known.
            shown: content ids of earlier pages.
            text: vector (384,) of the query's text as the encoder gave it, where it is known;
                without, titles that hold its words stand in.
            most_near: titles near the text that may appear.
        """
        with self._lock:
            titles = self._titles
            viewer, candidates = self._open(query, shown)
            if query.query_text:
                candidates &= (
                    filters.with_words(titles, query.query_text)
                    if text is None
                    else filters.nearest(titles, text, most_near)
                )
            others = self._viewers.company(query.profile_id, query.company)
            tastes = [each.history.taste_vector() for each in (viewer, *others)]
            ranking = quick(
                titles.catalogue,
                np.sum(tastes, axis=0, dtype=np.float32),
                viewer.history.seen,
                limit=query.limit,
                offset=query.offset,
                candidates=candidates,
            )
            more = _more(query, viewer, candidates, len(ranking.titles))
        if not ranking.titles:
            raise LookupError("no taste is known, or nothing fits")
        return self._answer(listed(ranking, titles), ranking.basis, Mode.DEGRADED, more=more)

    def popular(self, query: RecommendQuery, shown: Collection[str]) -> Answer:
        """What is popular in the fleet, or the list that came with the firmware.

        Args:
            query: what is asked for, all known.
            shown: content ids of earlier pages.
        """
        with self._lock:
            titles = self._titles
            if not len(titles.catalogue):
                return self._firmware_list(query, shown, Mode.UNHEALTHY)
            viewer, candidates = self._open(query, shown)
            if query.query_text:
                candidates &= filters.with_words(titles, query.query_text)
            order, named = self._popular_rows()
            rows = order[(candidates & ~viewer.history.seen)[order]]
            page = rows[query.offset : query.offset + query.limit]
            reasons = popular_reasons(page, order[:named], self._collective)
            more = len(rows) > query.offset + len(page)
        return self._answer(
            in_order(page, titles, reasons), Basis.POPULAR, Mode.UNHEALTHY, more=more
        )

    def observe(self, event: ViewingEvent, seq: int) -> None:
        """Learns from a viewing of one of the titles that ended."""
        with self._lock:
            if seq > self._viewers.replayed_to:
                for viewer in self._viewers.concerned(event):
                    viewer.history.observe(event, seq)

    def bend(self, event: ViewingEvent) -> None:
        """Lets a moment of watching bend the running session's lists."""
        with self._lock:
            for viewer in self._viewers.concerned(event):
                viewer.session.observe(event)

    def tire(self, profile_id: str, fatigue: Mapping[str, float], until: datetime) -> None:
        """Lets titles that were shown in vain tonight give way a little, until an instant.

        Args:
            profile_id: in whose lists; one that is gone is passed over.
            fatigue: content id -> 0 to 1, in place of what was.
            until: when it is forgotten, aware.
        """
        with self._lock:
            if self._viewers.has(profile_id):
                self._viewers.of(profile_id).tire(fatigue, until)

    def extend(self, titles: Titles, collective: Collective) -> None:
        """Takes titles that extend the present ones; histories stay."""
        with self._lock:
            for viewer in self._viewers.all():
                viewer.history.follow(titles.catalogue)
                viewer.session.follow(titles.catalogue)
            self._titles, self._collective = titles, collective

    def replace(self, titles: Titles, collective: Collective, viewers: Viewers) -> None:
        """Takes everything anew."""
        with self._lock:
            self._titles, self._collective, self._viewers = titles, collective, viewers

    def learn(self, collective: Collective) -> None:
        """Takes what the fleet knows now, over the present titles."""
        with self._lock:
            self._collective = collective

    def tune(self, tuned: Tuned) -> None:
        """Ranks by other settings from now on."""
        with self._lock:
            self._tuned, self._ranker = tuned, Ranker(tuned.rank)
            for viewer in self._viewers.all():
                viewer.history.configure(tuned.rank)

    def know_popular(self, content_ids: Sequence[str]) -> None:
        """Takes the list of last resort, best first, for when the fleet's knowledge is not there.

        Ids that the catalogue lacks are passed over.
        """
        with self._lock:
            self._popular_ids, self._popular = tuple(content_ids), None

    def prefer(self, suits: Suits) -> None:
        """Asks what suits the circumstances from now on; it must not wait for anything."""
        self._suits = suits

    def put_profile(self, profile: Profile) -> None:
        """Adds a profile, or changes its limits."""
        with self._lock:
            self._viewers.put(profile, self._tuned.rank)

    def history_of(self, profile_id: str = "") -> History:
        """A profile's history as it is now; it goes on changing, under this household's lock.

        Raises:
            OmegaError: UNKNOWN_PROFILE.
        """
        with self._lock:
            return self._viewers.of(profile_id).history

    def fit(self, limit: int) -> dict[str, float] | None:
        """How well the list of now fits the household; None before anything was liked.

        Args:
            limit: titles of the list.
        """
        with self._lock:
            history, titles = self._viewers.household.history, self._titles
            if not history.likes:
                return None
            ranking = self._ranker.rank(
                titles.catalogue, self._collective.model, history, limit=limit
            )
            rows = np.array([title.row for title in ranking.titles], np.int64)
            return {
                "miscalibration": measures.miscalibration(rows, history),
                "diversity": measures.diversity(titles.catalogue, rows),
                "novelty": measures.novelty(rows, history),
            }

    def liked_titles(self) -> list[LikedTitle]:
        """Titles of the fleet's catalogue that the household succeeded with.

        Empty without the fleet's catalogue and mean of the encoder in use, and without those
        titles that lie at the mean: they have no direction that could be reported.
        """
        with self._lock:
            titles, history = self._titles, self._viewers.household.history
            if not titles.fleet_centred:
                return []
            catalogue = titles.catalogue
            rows = np.flatnonzero(history.liked & (catalogue.ordinals >= 0))
            rows = rows[np.linalg.norm(catalogue.embeddings[rows], axis=1) > _LEAST_NORM]
            return [
                LikedTitle(
                    rowid=int(titles.rowids[row]),
                    centred=catalogue.embeddings[row],
                    success_rate=history.success_rate(row),
                    viewings=history.viewings(row),
                )
                for row in rows.tolist()
            ]

    def _open(
        self, query: RecommendQuery, shown: Collection[str]
    ) -> tuple[Viewer, NDArray[np.bool_]]:
        """Whose list it is, and the rows that may appear in it."""
        viewer = self._viewers.of(query.profile_id)
        allowed = filters.candidates(self._titles, query, shown)
        for other in self._viewers.company(query.profile_id, query.company):
            limits = other.permitted(self._titles)
            allowed &= ~other.history.seen if limits is None else limits & ~other.history.seen
        return viewer, viewer.open_rows(self._titles, allowed, self._clock.now())

    def _firmware_list(self, query: RecommendQuery, shown: Collection[str], mode: Mode) -> Answer:
        """What a TV that holds no title can show."""
        viewer = self._viewers.of(query.profile_id)
        everybody = (viewer, *self._viewers.company(query.profile_id, query.company))
        profiles = [each.profile for each in everybody if each.profile is not None]
        found = shipped(self._shipped, query, frozenset(shown), profiles)
        more = len(found) == query.limit
        return self._answer(found, Basis.POPULAR, mode, more=more)

    def _popular_rows(self) -> tuple[NDArray[np.int64], int]:
        """Every row, most popular first, and how many are known to be.

        Kept as long as titles and knowledge stay.
        """
        titles, collective = self._titles, self._collective
        if self._popular is None or self._popular[:2] != (titles, collective):
            rows, known = popular_rows(titles, collective, self._popular_ids)
            self._popular = titles, collective, rows, known
        return self._popular[2:]

    def _answer(self, titles: Sequence[Listed], basis: Basis, mode: Mode, *, more: bool) -> Answer:
        return Answer(
            recommendation_id=str(uuid.uuid4()),
            titles=tuple(titles),
            basis=basis,
            mode=mode,
            factors_version=self.factors_version,
            settings_version=self._tuned.version,
            more=more,
        )


def _more(query: RecommendQuery, viewer: Viewer, candidates: NDArray[np.bool_], given: int) -> bool:
    """Whether titles follow on this page."""
    unseen = int(np.count_nonzero(candidates & ~viewer.history.seen))
    return unseen > query.offset + given
