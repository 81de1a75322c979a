"""Opens what enough TVs have reported, and nothing else.

A share that is wrong spoils every set it is put into, and nobody can tell which one it is until the
secret is known. So sets of t are tried until one gives a secret that explains tag and sealed pair:
all sets where there are few, else sets by chance. After that each share is checked by itself. A
pair stays sealed where wrong shares outnumber honest ones by so much that no try hits: each costs
a token.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from omega_threshold import shamir
from omega_threshold.pair import Pair
from omega_threshold.report import Report
from omega_threshold.star import Sealing

EFFORT = 20_000
"""Most sets that are tried. With every second share wrong, one hits with a chance of about 2^-t."""
_CHANCE = random.SystemRandom()


@dataclass(frozen=True)
class Opened:
    """A group of reports whose secret was found."""

    pair: Pair
    """What they report."""
    sealing: Sealing
    """By which further reports of the group are checked."""
    points: frozenset[int]
    """Where the honest shares lie; each counts once."""
    refused: int
    """How many reports had a wrong share."""

    @property
    def count(self) -> int:
        """How many reports count."""
        return len(self.points)


def open_group(reports: Sequence[Report], effort: int = EFFORT) -> Opened | None:
    """Opens reports of one group; None where fewer than t honest points are found among them.

    Args:
        reports: all with the same `group`; repeated ones count once.
        effort: most sets that are tried, at least 1; one costs about 0.1 ms.
    """
    found = list(dict.fromkeys(reports))
    for chosen in _sets(found, effort):
        first = chosen[0]
        secret = shamir.secret_of([(each.x, each.y) for each in chosen])
        sealing = Sealing(first.epoch, first.threshold, secret)
        pair = sealing.opened(first)
        if pair is not None:
            honest = [each for each in found if sealing.holds(each)]
            points = frozenset(each.x for each in honest)
            if len(points) >= first.threshold:
                return Opened(pair, sealing, points, len(found) - len(honest))
    return None


def _sets(reports: Sequence[Report], effort: int) -> Iterator[Sequence[Report]]:
    """Sets of t reports with points of their own."""
    size = reports[0].threshold if reports else 0
    if not 0 < size <= len({each.x for each in reports}):
        return
    tried: Iterable[Sequence[Report]]
    if math.comb(len(reports), size) <= effort:
        tried = itertools.combinations(reports, size)
    else:
        tried = (_CHANCE.sample(reports, size) for _ in range(effort))
    yield from (each for each in tried if len({report.x for report in each}) == size)


@dataclass
class Aggregator:
    """Counts reports in memory: what a worker does with the rows of a database."""

    effort: int = EFFORT
    """See open_group."""
    _sealed: dict[tuple[int, int, bytes, bytes], dict[Report, None]] = field(default_factory=dict)
    _opened: dict[tuple[int, int, bytes, bytes], Opened] = field(default_factory=dict)
    _grown: set[tuple[int, int, bytes, bytes]] = field(default_factory=set)

    def add(self, report: Report) -> None:
        """Takes one report; the same one again changes nothing."""
        opened = self._opened.get(report.group)
        if opened is None:
            self._sealed.setdefault(report.group, {})[report] = None
            self._grown.add(report.group)
        elif opened.sealing.holds(report):
            points = opened.points | {report.x}
            self._opened[report.group] = Opened(opened.pair, opened.sealing, points, opened.refused)

    def counts(self) -> Counter[Pair]:
        """Opens what can be opened; reports a pair, at least t for each that it names."""
        for group in self._grown:
            opened = open_group(list(self._sealed[group]), self.effort)
            if opened is not None:
                self._opened[group] = opened
                del self._sealed[group]
        self._grown.clear()
        total: Counter[Pair] = Counter()
        for each in self._opened.values():
            total[each.pair] += each.count
        return total

    @property
    def sealed(self) -> int:
        """How many reports are in groups that are not open."""
        return sum(map(len, self._sealed.values()))

    def forget(self, epoch: int) -> None:
        """Drops every sealed report of an epoch; what is open stays counted."""
        self._sealed = {k: v for k, v in self._sealed.items() if k[0] != epoch}
        self._grown = {group for group in self._grown if group[0] != epoch}
