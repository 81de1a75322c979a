"""A shard's side of a round: it is asked phase by phase, and answers with sums over its devices.

What a part holds between two phases are its devices' rows. They are kept in blocks, in memory or
wherever whoever runs the round puts them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Protocol

import numpy as np

from omega_core.vectors import FloatArray
from omega_learn import counting
from omega_learn.arrays import Int64Array
from omega_learn.config import LearnConfig
from omega_learn.counting import Counting
from omega_learn.factors import Factors
from omega_learn.fleet import Fleet
from omega_learn.kept import Kept
from omega_learn.partials import Census, Joined, Sums
from omega_learn.patterns import Clusters
from omega_learn.sample import Sample
from omega_learn.tastes import Decoder, Expectations, decode_fleet
from omega_learn.unexpected import Look, late, seen


class Blocks(Protocol):
    """Rows of devices, block by block; may be read several times."""

    def append(self, block: Kept, /) -> None:
        """Adds devices."""
        ...

    def __iter__(self) -> Iterator[Kept]: ...


class CountedPart:
    """Devices whose rows are there: what patterns and trends are found with.

    Args:
        blocks: their rows, no device twice; read several times.
        titles: of the catalogue.
        config: how the round learns.
    """

    def __init__(self, blocks: Iterable[Kept], titles: int, config: LearnConfig) -> None:
        self._blocks = blocks
        self._titles = titles
        self._config = config

    def supporters(self) -> Joined:
        """Who takes part, who stands behind each title, and a sample of what arrived lately.

        The sums also have `decoded`, sketches that were decoded now, and `late`, devices that
        changed and of which anything arrived lately.
        """
        how = self._config
        sample, decoded, late = self._changes()
        sums = counting.supporters(self.blocks(), self._titles, how)
        figures = {"decoded": np.array([decoded]), "late": np.array([late])}
        who = counting.census(self.blocks(), sample)
        return Joined(who, Sums({**sums.sums, **figures}))

    def looked(self, plan: Counting, look: Look | None) -> Sums:
        """statistics(), and `unseen`: devices behind each title as late sketches alone have it."""
        found = self.statistics(plan)
        return Sums({**found.sums, "unseen": self._unseen(look)}) if look else found

    def statistics(self, plan: Counting) -> Sums:
        """The sums over the titles of a plan."""
        return counting.statistics(self.blocks(), plan, self._titles, self._config)

    def behind(self, clusters: Clusters) -> Sums:
        """Distinct devices behind each cluster."""
        return counting.behind(self.blocks(), clusters)

    def blocks(self) -> Iterable[Kept]:
        """The rows."""
        return self._blocks

    def _changes(self) -> tuple[Sample, int, int]:
        """A sample of what arrived lately, sketches decoded now, devices with late ones."""
        return Sample.empty(self._config.prior_sample), 0, 0

    def _unseen(self, look: Look) -> Int64Array:
        """Devices behind each title by late sketches that were decoded now, (m,)."""
        del look
        return np.zeros(self._titles, np.int64)


class RefreshPart(CountedPart):
    """Devices of which every sketch is decoded anew.

    Args:
        fleets: their sketches, no device twice; read once a decoding, in the same order each time.
        embeddings: (m, 384) centred unit rows from on_grid().
        config: how the round learns.
        blocks: makes a place for rows.
    """

    def __init__(
        self,
        fleets: Iterable[Fleet],
        embeddings: FloatArray,
        config: LearnConfig,
        blocks: Callable[[], Blocks] = list,
    ) -> None:
        super().__init__((), len(embeddings), config)
        self._fleets = fleets
        self._embeddings = embeddings
        self._place = blocks

    def census(self) -> Census:
        """Who takes part, and a sample of the sketches."""
        how = self._config
        found = Census(0, 0, {}, Sample.empty(how.prior_sample))
        for fleet in self._fleets:
            regions = {region: fleet.regions.count(region) for region in set(fleet.regions)}
            sample = Sample.drawn(fleet, how.prior_sample, how.seed)
            found = found.merge(Census(len(fleet), len(fleet.classes), regions, sample))
        return found

    def decoded(self, prior: FloatArray) -> Sums:
        """Decodes with the collective prior; who stands behind each title."""
        found = self._place()
        for fleet in self._fleets:
            found.append(
                decode_fleet(
                    fleet,
                    self._embeddings,
                    prior,
                    top=self._config.top,
                    within=self._config.trends.windows[-1],
                )
            )
        self._blocks = found
        return counting.supporters(found, self._titles, self._config)

    def decoded_again(self, prior: FloatArray, model: Factors) -> Sums:
        """Decodes with what the model expects of each device, after decoded() with that prior."""
        found = self._place()
        for fleet, before in zip(self._fleets, self._blocks, strict=True):
            found.append(
                decode_fleet(
                    fleet,
                    self._embeddings,
                    prior,
                    top=self._config.top,
                    expectations=Expectations(model, before.rows, self._config.taste_share),
                    within=self._config.trends.windows[-1],
                )
            )
        self._blocks = found
        return counting.supporters(found, self._titles, self._config)


class StepPart(CountedPart):
    """Devices of which those that changed are decoded, with what the last refresh froze.

    Args:
        changed: sketches of the devices that changed; read several times.
        kept: rows of the others; read several times.
        decoder: of the last refresh.
        embeddings: those of that refresh, (m, 384) centred unit rows from on_grid().
        config: how the round learns.
        blocks: makes a place for rows.
    """

    def __init__(
        self,
        changed: Iterable[Fleet],
        kept: Iterable[Kept],
        decoder: Decoder,
        embeddings: FloatArray,
        config: LearnConfig,
        blocks: Callable[[], Blocks] = list,
    ) -> None:
        super().__init__(kept, len(embeddings), config)
        self._changed = changed
        self._decoder = decoder
        self._embeddings = embeddings
        self.decoded = blocks()
        """Rows of the devices that changed."""
        for fleet in changed:
            self.decoded.append(
                decoder.decode(
                    fleet,
                    embeddings,
                    top=config.top,
                    share=config.taste_share,
                    within=config.trends.windows[-1],
                )
            )

    def blocks(self) -> Iterable[Kept]:
        """The rows of all devices."""
        return chain(self._blocks, self.decoded)

    def _changes(self) -> tuple[Sample, int, int]:
        how = self._config
        sample, devices = Sample.empty(how.prior_sample), 0
        for fleet in self._changed:
            among = late(fleet, how)
            sample = sample.merge(Sample.drawn(fleet, how.prior_sample, how.seed, among))
            counts = np.concatenate([[0], np.cumsum(among)])[fleet.starts]
            devices += int((np.diff(counts) > 0).sum())
        return sample, sum(int(block.sketches.sum()) for block in self.decoded), devices

    def _unseen(self, look: Look) -> Int64Array:
        found = np.zeros(self._titles, np.int64)
        for fleet in self._changed:
            found += seen(fleet, self._embeddings, look, self._config)
        return found
