"""Publication of a round's result: all of it in one transaction, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from omega_store import erasures, kept, releases, resources, rounds, states
from omega_store.kept import Keeping
from omega_store.locks import lock_releases
from omega_store.pool import Connection
from omega_store.resources import ResourceKind
from omega_store.rounds import RoundFigures
from omega_store.states import Pattern
from omega_store.trends import TrendList


@dataclass(frozen=True)
class RoundResult:
    """What a round found, ready to publish."""

    round_id: int
    """The RUNNING round."""
    model_version: str
    """Encoder of the patterns and factors."""
    state_version: int
    """states.current(conn).version + 1."""
    changed: Sequence[Pattern]
    """Patterns that are new (pattern_id 0) or changed; at most 256."""
    removed: Sequence[int]
    """Ids of patterns that are gone. A change of encoder removes the old ones by itself."""
    factors_version: int
    """resources.following_version(conn, ResourceKind.FACTORS), or 0 for no new factors."""
    factors: bytes
    """The encoded FactorPack of that version; empty = none."""
    figures: RoundFigures
    """Counts of the round; the versions and the pattern count are filled in."""
    withdraws_factors: bool = False
    """Whether the factors given out so far have too few devices behind them; no new ones then."""
    erasures: Sequence[int] = ()
    """erasures.noted(conn) in the snapshot that a refresh read: what it publishes forgets them. A
    step leaves the factors, so it leaves the notes."""
    trends: TrendList | None = None
    """Trends from now on; None = those in force go on fading."""
    keeping: Keeping | None = None
    """What the rounds after it go on from; None = what they would have without this one. Where
    factors are withdrawn, nothing is kept."""


def publish_round(conn: Connection, result: RoundResult, now: datetime) -> RoundFigures:
    """Stores patterns, state, factors and the round's end; returns the completed figures.

    `conn` is the leader's (omega_store.leadership). Factors go out by the plan of releases; while
    the ones before are still being released new ones are not published at all (factors_version 0 in
    the figures), and the erasures that they leave out wait for the next refresh. When nothing
    changed and nothing was removed, no state is published (state_version 0 in the figures).

    Raises:
        OmegaError: ROUND_CONFLICT when the round does not run or a version is not the next one;
            STORAGE_UNAVAILABLE. Nothing is published then.
    """
    with conn.transaction():
        state_version, live = states.publish(
            conn,
            round_id=result.round_id,
            version=result.state_version,
            model_version=result.model_version,
            changed=result.changed,
            removed=result.removed,
            now=now,
            trends=result.trends,
        )
        lock_releases(conn)
        # Factors before these, on which the rest of the fleet goes on, are still in use.
        held_back = bool(releases.under_way(conn, ResourceKind.FACTORS))
        factors = result.factors and releases.publish(
            conn,
            ResourceKind.FACTORS,
            result.factors_version,
            model_version=result.model_version,
            body=result.factors,
            now=now,
        )
        if result.withdraws_factors:
            releases.abandon(conn, ResourceKind.FACTORS, now)
            resources.withdraw(conn, ResourceKind.FACTORS)
            kept.forget(conn)
            erasures.forget(conn, result.erasures)
        elif result.erasures and not held_back:
            # The newest factors are those of this round, or equal to them: earlier ones are not.
            erasures.settle(conn, result.erasures)
        if result.keeping:
            kept.store(conn, result.keeping)
        figures = replace(
            result.figures,
            patterns=live,
            state_version=state_version,
            factors_version=result.factors_version if factors else 0,
        )
        rounds.succeed(conn, result.round_id, figures, now)
    return figures
