"""Sharing policies: what leaves a TV, and what a server learns from it.

A further kind of report is one more class that answers `Policy` and one more row of `KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Protocol

import numpy as np

from omega_core.errors import invalid
from omega_core.validate import number
from omega_delta import CataloguePack
from omega_eval.messages import Delivery, device_sketches, pushes
from omega_eval.reports import NoiseStore, Television
from omega_learn import LearnConfig, RoundInput, RoundResult, run
from omega_privacy import SketchPolicy, make_sketch
from omega_rank import Catalogue

DEFAULT = f"sketches-{SketchPolicy.default().sigma:g}"
"""What ships, and what a fleet around receive-only TVs shares."""
STANDARD = (
    "sketches-3",
    "sketches-4",
    DEFAULT,
    "sketches-5",
    "sketches-6",
    "sketches-8",
    "receive-only",
)
"""Policies of a table unless others are named."""
SEED = 7
"""Of noise and order, in every study."""


@dataclass(frozen=True, eq=False)
class Shard:
    """What both sides hold: one catalogue, versioned."""

    pack: CataloguePack
    """As published."""
    catalogue: Catalogue
    """As a TV builds it; its rows are those of the pack."""


class Policy(Protocol):
    """One way of sharing."""

    @property
    def name(self) -> str:
        """As it is written on a command line, such as "sketches-5"."""
        ...

    @property
    def contributes(self) -> bool:
        """Whether anything leaves a TV."""
        ...

    def redrawn(self, draw: int) -> Policy:
        """The same with the noise of another draw, from 0, which is its own."""
        ...

    def messages(self, tv: Television, shard: Shard) -> list[bytes]:
        """Everything that one TV sends, serialised, in the order in which it leaves."""
        ...

    def learn(self, deliveries: Sequence[Delivery], shard: Shard) -> RoundResult:
        """What a round learns from nothing but the messages.

        Raises:
            OmegaError: ROUND_NOT_POSSIBLE when they are too few.
        """
        ...


@dataclass(frozen=True)
class Sketches:
    """A privatised sketch of each title that the household succeeded with."""

    sigma: float
    """Noise scale, 0.5 to 64."""
    noise: NoiseStore = field(default_factory=lambda: NoiseStore(SEED))
    """What the TVs drew and kept: a TV that changes its sigma keeps its noise."""
    lam: float = LearnConfig.lam
    """Ridge of the collaborative model, as the operator sets it."""

    contributes = True

    @property
    def name(self) -> str:
        """Such as "sketches-5"."""
        return f"sketches-{self.sigma:g}"

    def redrawn(self, draw: int) -> Sketches:
        """With seeds of their own."""
        return replace(self, noise=NoiseStore(self.noise.seed + draw)) if draw else self

    def messages(self, tv: Television, shard: Shard) -> list[bytes]:
        """SyncRequests of at most 1,024 bytes, their sketches in random order."""
        policy = SketchPolicy(sigma=self.sigma)
        embeddings = shard.catalogue.embeddings
        sketches = [
            make_sketch(embeddings[row], self.noise.of(tv.number, row), policy)
            for row in tv.rows.tolist()
        ]
        rng = np.random.default_rng([self.noise.seed, tv.number])
        version, scale = shard.pack.model_version, policy.sigma_hundredths
        return pushes(sketches, tv.classes, version, scale, rng)

    def learn(self, deliveries: Sequence[Delivery], shard: Shard) -> RoundResult:
        """A federation round over the sketches, with the other settings as shipped."""
        devices = device_sketches(deliveries, shard.pack.model_version)
        inputs = RoundInput(shard.pack.embeddings, shard.pack.centring_mean, devices)
        return run(inputs, LearnConfig(sigma=self.sigma, lam=self.lam))


@dataclass(frozen=True)
class ReceiveOnly:
    """Nothing leaves; what others taught is pulled."""

    name = "receive-only"
    contributes = False

    def redrawn(self, draw: int) -> ReceiveOnly:  # noqa: ARG002 - the protocol's
        """It has no noise."""
        return self

    def messages(self, tv: Television, shard: Shard) -> list[bytes]:  # noqa: ARG002 - the protocol's
        """None."""
        return []

    def learn(self, deliveries: Sequence[Delivery], shard: Shard) -> RoundResult:  # noqa: ARG002 - as all policies have it
        """Never possible from itself.

        Raises:
            OmegaError: INVALID_FIELD.
        """
        raise invalid("policy", "one that contributes: a fleet that only receives teaches nothing")


def _sketches(argument: str) -> Policy:
    try:
        sigma = float(argument)
    except ValueError:
        raise invalid("policies", "sketches-<sigma>, such as sketches-5") from None
    return Sketches(number("policies sigma", sigma, 0.5, 64))


def _receive_only(_argument: str) -> Policy:
    return ReceiveOnly()


KINDS: Mapping[str, Callable[[str], Policy]] = MappingProxyType(
    {"sketches": _sketches, "receive-only": _receive_only}
)
"""What makes a policy of the text after its kind's name and a hyphen, which may be empty."""


def named(name: str) -> Policy:
    """The policy of a name such as "sketches-4.5" or "receive-only".

    Raises:
        OmegaError: INVALID_FIELD that lists the kinds.
    """
    for kind, make in KINDS.items():
        if name == kind or name.startswith(f"{kind}-"):
            return make(name[len(kind) + 1 :])
    raise invalid("policies", f"of the kinds {', '.join(KINDS)}")
