"""The phases of a round: what the whole fleet is told, and what each shard answers with.

Whoever leads a round asks every shard the same, merges the answers and goes on from the merged
ones alone. The order of the phases is that of refresh() and step(); where the shards are - in this
process, or behind databases - is the desk's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Generic, Protocol, Self, TypeVar

from omega_core.vectors import FloatArray
from omega_learn.arrays import Arrays, DoubleArray
from omega_learn.counting import Counting
from omega_learn.factors import Factors
from omega_learn.partials import Census, Joined, Partial, Sums
from omega_learn.parts import CountedPart, RefreshPart
from omega_learn.patterns import Clusters
from omega_learn.unexpected import Look


class Plan(Protocol):
    """What all shards are told at the beginning of a phase."""

    def arrays(self) -> Arrays:
        """All that it holds, by name."""
        ...

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """From arrays()."""
        ...


P = TypeVar("P", bound=Plan)
S = TypeVar("S", bound=Partial)
R = TypeVar("R", bound=CountedPart)


@dataclass(frozen=True)
class Phase(Generic[P, S, R]):
    """One phase."""

    name: str
    """Distinct within a kind of round, at most 16 characters."""
    plan: type[P]
    """What the shards are told."""
    partial: type[S]
    """What they answer with."""
    answer: Callable[[R, P], S]
    """A shard's answer."""
    decodes: bool = False
    """Whether later phases rest on the rows that a part made in this one."""


@dataclass(frozen=True)
class Begin:
    """Nothing but that the round begins."""

    def arrays(self) -> Arrays:
        """Nothing."""
        return {}

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """From arrays()."""
        del arrays
        return cls()


@dataclass(frozen=True)
class Prior:
    """The collective prior."""

    prior: FloatArray
    """(m,), sums to 1."""

    def arrays(self) -> Arrays:
        """All that it holds, by name."""
        return {"collective": self.prior}

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """From arrays()."""
        return cls(arrays["collective"])


@dataclass(frozen=True)
class Expected:
    """The collective prior and the fleet's first model."""

    prior: FloatArray
    """(m,), sums to 1."""
    model: Factors
    """Learned from the first decoding."""

    def arrays(self) -> Arrays:
        """All that it holds, by name."""
        return {"collective": self.prior, **self.model.arrays()}

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """From arrays()."""
        return cls(arrays["collective"], Factors.of(arrays))


@dataclass(frozen=True)
class Told:
    """What to count, and under noise the counts by which the titles were chosen."""

    counting: Counting
    """What to count."""
    told: DoubleArray | None = None
    """Noisy counts of the supporters of these titles, (t,): drawn once a round."""
    look: Look | None = None
    """How a step reads late sketches once more; None = it does not."""

    def arrays(self) -> Arrays:
        """All that it holds, by name."""
        told = {} if self.told is None else {"told": self.told}
        return {**self.counting.arrays(), **told, **(self.look.arrays() if self.look else {})}

    @classmethod
    def of(cls, arrays: Arrays) -> Self:
        """From arrays()."""
        look = Look.of(arrays) if "own" in arrays else None
        return cls(Counting.of(arrays), arrays.get("told"), look)


CENSUS: Phase[Begin, Census, RefreshPart] = Phase(
    "census", Begin, Census, lambda part, _: part.census()
)
"""Of a refresh: who takes part, and a sample of the sketches."""
DECODE: Phase[Prior, Sums, RefreshPart] = Phase(
    "decode", Prior, Sums, lambda part, plan: part.decoded(plan.prior), decodes=True
)
"""Of a refresh: decodes with the collective prior."""
MATRIX: Phase[Counting, Sums, RefreshPart] = Phase(
    "matrix", Counting, Sums, lambda part, plan: part.statistics(plan)
)
"""Of a refresh: what the first model is learned from."""
EXPECT: Phase[Expected, Sums, RefreshPart] = Phase(
    "expect",
    Expected,
    Sums,
    lambda part, plan: part.decoded_again(plan.prior, plan.model),
    decodes=True,
)
"""Of a refresh: decodes with what the first model expects of each device."""
STATISTICS: Phase[Told, Sums, RefreshPart] = Phase(
    "statistics", Told, Sums, lambda part, plan: part.statistics(plan.counting)
)
"""Of a refresh: what factors, patterns and trends rest on."""
CHANGES: Phase[Begin, Joined, CountedPart] = Phase(
    "changes", Begin, Joined, lambda part, _: part.supporters()
)
"""Of a step: decodes what changed; who takes part and who stands behind each title."""
LOOK: Phase[Told, Sums, CountedPart] = Phase(
    "look", Told, Sums, lambda part, plan: part.looked(plan.counting, plan.look)
)
"""Of a step: what patterns and trends rest on."""
BEHIND: Phase[Clusters, Sums, CountedPart] = Phase(
    "behind", Clusters, Sums, lambda part, plan: part.behind(plan)
)
"""Of both: the devices behind each cluster."""


REFRESH: tuple[Phase[Any, Any, Any], ...] = (CENSUS, DECODE, MATRIX, EXPECT, STATISTICS, BEHIND)
"""The phases of a refresh."""
STEP: tuple[Phase[Any, Any, Any], ...] = (CHANGES, LOOK, BEHIND)
"""The phases of a step."""


class Desk(Protocol):
    """Asks all shards, and merges what they answer."""

    def ask(self, phase: Phase[P, S, Any], make: Callable[[], P]) -> tuple[P, Callable[[], S]]:
        """One phase, when it has ended.

        Args:
            phase: what is asked.
            make: the plan; not called where a leader before this one made it.

        Returns:
            The plan that the shards were told, and what merges their answers.

        Raises:
            OmegaError: the round cannot go on.
        """
        ...


class Together:
    """A desk before parts in this process.

    Args:
        parts: at least one, no device in two of them.
    """

    def __init__(self, parts: Sequence[Any]) -> None:
        self._parts = parts

    def ask(self, phase: Phase[P, S, Any], make: Callable[[], P]) -> tuple[P, Callable[[], S]]:
        """One phase, part by part."""
        plan = make()
        answer = reduce(_merge, (phase.answer(part, plan) for part in self._parts))
        return plan, lambda: answer


def _merge(a: S, b: S) -> S:
    return a.merge(b)
