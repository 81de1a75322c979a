"""Steps between states in the fallback codecs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from omega.common.v1 import resource_pb2
from omega_core.errors import ErrorCode, OmegaError
from omega_delta import StateDelta, Trend, Trends, encode_state_delta, state_pages
from omega_publish import global_patterns
from omega_store.states import State, Step
from omega_store.trends import RegionTrend

UNSPECIFIED = resource_pb2.Codec.CODEC_UNSPECIFIED
"""One piece, whatever its size."""


@dataclass(frozen=True)
class PlainStep:
    """What a step is made of, as one instant of the shard had it."""

    step: Step
    """As it is stored."""
    codec: int
    """Form of the vectors; UNSPECIFIED = float16, in one piece."""

    @property
    def base_version(self) -> int:
        """Version that it starts from; 0 = nothing."""
        return self.step.base_version

    @property
    def state(self) -> State:
        """Where it leads."""
        return self.step.state

    def encode(self) -> tuple[bytes, ...]:
        """Its pages.

        Raises:
            OmegaError: INTERNAL when what is stored breaks the contract.
        """
        step = self.step
        delta = StateDelta(
            base_version=step.base_version,
            version=step.state.version,
            model_version=step.state.model_version,
            patterns=global_patterns(step.patterns),
            removed_pattern_ids=step.removed,
            trends=trends_of(step.trends, step.trends_catalogue_version, step.trends_at),
        )
        try:
            if self.codec == UNSPECIFIED:
                return (encode_state_delta(delta),)
            return state_pages(delta, self.codec)
        except OmegaError as error:
            # A fault of this side, not of the TV that asks.
            raise OmegaError(
                ErrorCode.INTERNAL, detail=f"state {delta.version}: {error}"
            ) from error


def trends_of(
    found: Iterable[RegionTrend], catalogue_version: int, at: datetime | None
) -> Trends | None:
    """Stored trends as they travel; None = there are none."""
    if at is None:
        return None
    return Trends(
        catalogue_version, at, tuple(Trend(t.ordinal, t.score, t.regional) for t in found)
    )
