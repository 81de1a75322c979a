"""A strict split in time: the server knows only what happened before one instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from omega_eval.household import Household
from omega_eval.split import SplitHousehold, split

SHARE = 0.8
"""Share of all viewings that lie before the instant."""


@dataclass(frozen=True)
class GlobalSplit:
    """Households as the server and as their own TV know them."""

    instant: datetime
    """T80: the server learns from what ended before it."""
    before: tuple[SplitHousehold, ...]
    """Viewings before T80; nothing held out."""
    after: tuple[SplitHousehold, ...]
    """The same households, cut as by omega_eval.split: what is held out lies after T80, and the
    TV's own history goes up to its first held-out title, past T80 where it does. Households whose
    held-out titles are not all later are not scored."""


def global_split(households: Sequence[Household], share: float = SHARE) -> GlobalSplit:
    """Cuts all households at the instant before which `share` of all viewings lie.

    Args:
        households: at least one viewing among them.
        share: above 0 and below 1.
    """
    instants = sorted(event.occurred_at for each in households for event in each.events)
    instant = instants[min(int(share * len(instants)), len(instants) - 1)]
    before = tuple(
        SplitHousehold(
            each.household_id, tuple(e for e in each.events if e.occurred_at < instant), ()
        )
        for each in households
    )
    after = tuple(
        cut if _is_later(each, cut, instant) else replace(cut, held_out=())
        for each, cut in zip(households, split(households), strict=True)
    )
    return GlobalSplit(instant, before, after)


def _is_later(household: Household, cut: SplitHousehold, instant: datetime) -> bool:
    wanted = set(cut.held_out)
    return all(e.occurred_at >= instant for e in household.events if e.content_id in wanted)
