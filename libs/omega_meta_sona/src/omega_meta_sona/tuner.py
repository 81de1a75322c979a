"""One attempt at tuning: search on the past, test on what came later."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from omega_core.tuning import Evidence, Fitness, SettingsState, TunedSettings, TuningRecord, Watch
from omega_meta_sona import fitness, space
from omega_meta_sona.config import TuningConfig
from omega_meta_sona.decision import Decision, Outcome
from omega_meta_sona.gains import gain
from omega_meta_sona.index import LADDER, SearchProbe, choose_ef
from omega_meta_sona.inputs import TuningInputs
from omega_meta_sona.moments import Moment, capture, rows_of, target_ranks
from omega_meta_sona.search import Search
from omega_meta_sona.significance import sign_flip_p_value, spent_alpha
from omega_meta_sona.timeline import positives
from omega_rank import History

_REPLAYED = 8
"""Viewings replayed between two chances to yield."""
_FIRST = 5
"""Positives before the first moment that is replayed."""


class Tuner:
    """An attempt in small steps.

    Nothing is stored before the end, and equal inputs give an equal decision: an attempt that a
    restart cuts short is made again and ends as it would have. (Efficiency, which is timed, is
    reported and decides nothing.)

    Args:
        inputs: what it rests on; not altered meanwhile.
        config: how.
        probe: measures the vector index; None = its breadth stays as it is.
        timer: seconds.
    """

    def __init__(
        self,
        inputs: TuningInputs,
        config: TuningConfig | None = None,
        probe: SearchProbe | None = None,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._inputs = inputs
        self._config = config or TuningConfig()
        self._probe = probe
        self._timer = timer
        row_of = inputs.world.catalogue.row_of
        self._viewings = [v for v in inputs.viewings if v.content_id in row_of]
        self._positives = positives(self._viewings)
        self._work = self._attempt()
        self._decision: Decision | None = None
        self._candidates = 0
        self._history = History(inputs.world.catalogue, inputs.world.shipped)
        self._replayed = 0

    def step(self, seconds: float) -> Decision | None:
        """Works for about `seconds`, at least one unit of work; None = there is more to do.

        A unit is a few milliseconds at 10,000 titles: some viewings replayed, a moment captured, a
        candidate judged or a held-back viewing ranked.
        """
        until = self._timer() + seconds
        while self._decision is None:
            self._decision = next(self._work)
            if self._timer() >= until:
                break
        return self._decision

    def _attempt(self) -> Iterator[Decision | None]:
        """Yields None between units of work and the decision at the end."""
        first = self._first_held_back()
        if first is None:
            yield self._ended(Outcome.TOO_FEW)
            return
        moments: list[Moment] = []
        yield from self._replay(first, moments)
        judge = fitness.Judge(self._inputs.world, moments)
        search = Search(
            judge,
            self._config,
            space.to_point(self._inputs.settings),
            first,
            self._config.seed + self._inputs.attempt,
        )
        yield None
        while not search.step():
            yield None
        self._candidates = search.candidates
        found = search.challenger()
        if found is None:
            yield self._ended(Outcome.NO_CHALLENGER)
            return
        ef = yield from self._breadth()
        challenger = space.to_settings(found[0], ef)
        gains: list[float] = []
        yield from self._hold_back(first, challenger, gains)
        own = yield from self._fitness(found[1], challenger)
        parent = yield from self._fitness(search.reference, self._inputs.settings)
        evidence = self._evidence(first, np.array(gains))
        record = TuningRecord(
            version=0,
            parent=self._inputs.in_force.version if self._inputs.in_force else None,
            state=SettingsState.IN_FORCE if evidence.wins else SettingsState.REJECTED,
            settings=challenger,
            fitness=own,
            parent_fitness=parent,
            evidence=evidence,
            watch=Watch(seq=self._inputs.last_seq),
            decided_at=self._inputs.now,
        )
        yield self._ended(Outcome.ADOPTED if evidence.wins else Outcome.REJECTED, record, gains)

    def _first_held_back(self) -> int | None:
        """Which positive is the first that the search must not see; None = too few."""
        config, count = self._config, len(self._positives)
        if count < config.least_positives:
            return None
        tested = self._inputs.tested_until
        if tested is None:
            first = count - round(config.held_back_share * count)
        else:
            later = (
                number
                for number, position in enumerate(self._positives)
                if self._viewings[position].occurred_at > tested
            )
            first = next(later, count)
        first = min(first, count)
        enough = count - first >= config.least_held_back and first > _FIRST
        return first if enough else None

    def _replay(self, first: int, moments: list[Moment]) -> Iterator[None]:
        """Captures moments, evenly over the later two thirds of the positives to learn from."""
        world, config = self._inputs.world, self._config
        begin = max(_FIRST, first // 3)
        chosen = np.unique(
            np.linspace(begin, first - 1, min(config.moments, first - begin)).astype(int)
        )
        tastes = space.tastes()
        for number in chosen.tolist():
            yield from self._advance(self._positives[number])
            ahead = self._positives[number : min(number + config.targets, first)]
            targets = rows_of(world.catalogue, [self._viewings[p] for p in ahead])
            moments.append(capture(world, self._history, targets, tastes))
            yield

    def _advance(self, until: int) -> Iterator[None]:
        """Replays up to the viewing at position `until`, without it."""
        while self._replayed < until:
            self._history.observe(self._viewings[self._replayed])
            self._replayed += 1
            if self._replayed % _REPLAYED == 0:
                yield

    def _hold_back(
        self, first: int, challenger: TunedSettings, gains: list[float]
    ) -> Iterator[None]:
        """Gains of the challenger over the setting in force, one a held-back viewing."""
        inputs = self._inputs
        pair = (challenger, inputs.settings)
        for position in self._positives[first:][-self._config.most_held_back :]:
            yield from self._advance(position)
            targets = rows_of(inputs.world.catalogue, [self._viewings[position]])
            ours, theirs = target_ranks(inputs.world, self._history, pair, targets)
            gains.append(float(gain(ours)[0] - gain(theirs)[0]))
            yield

    def _breadth(self) -> Generator[None, None, int]:
        """The breadth of the index that goes with the challenger, a probe a unit."""
        if self._probe is None:
            return self._inputs.settings.ef
        found = {}
        for ef in LADDER:
            found[ef] = self._probe(ef)
            yield
        return choose_ef(found, self._config.least_recall)

    def _fitness(
        self, worth: fitness.Worth, settings: TunedSettings
    ) -> Generator[None, None, Fitness]:
        yield
        world, budget_ms = self._inputs.world, self._config.budget_ms
        return worth.fitness(
            fitness.efficiency(world, self._history, settings, budget_ms, self._timer)
        )

    def _evidence(self, first: int, differences: NDArray[np.float64]) -> Evidence:
        inputs, config = self._inputs, self._config
        return Evidence(
            attempt=inputs.attempt,
            tuned_until=self._at(first - 1),
            tested_until=self._at(-1),
            events=len(differences),
            effect=float(differences.mean()),
            p_value=sign_flip_p_value(differences, config.seed + inputs.attempt),
            alpha=spent_alpha(config.alpha, inputs.tests_this_year + 1),
        )

    def _at(self, number: int) -> datetime:
        return self._viewings[self._positives[number]].occurred_at

    def _ended(
        self, outcome: Outcome, record: TuningRecord | None = None, gains: Sequence[float] = ()
    ) -> Decision:
        return Decision(outcome, record, len(self._positives), self._candidates, tuple(gains))
