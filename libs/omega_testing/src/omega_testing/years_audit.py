"""Holds a brain's tables to what the ledger of a simulation says."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import psutil

from omega_core.memory import Tier
from omega_persistence.times import to_micros
from omega_testing.years_figures import Size, YearsFigures
from omega_testing.years_findings import genre_weights, share_of
from omega_testing.years_household import ADULT, NEW, OLD
from omega_testing.years_oracle import Ledger, same_viewing
from omega_testing.years_ports import YearsBrain

_MOMENTS_KEPT = timedelta(days=1)
_STEP = 1_000


def fresh(brain: YearsBrain, ledger: Ledger, read_to: int, figures: YearsFigures) -> int:
    """Compares what the brain has recorded after `read_to` with the ledger; the newest seq."""
    stored = brain.stores.events.since(read_to, _STEP)
    told = ledger.entries[read_to:]
    if [e.seq for e in stored] != [e.seq for e in told]:
        figures.fault(f"after viewing {read_to} {len(stored)} were recorded, not {told}")
    for entry, expected in zip(stored, told, strict=False):
        same = same_viewing(entry.event, expected.event)
        if not same or entry.recorded_at != expected.recorded_at:
            figures.fault(f"{entry} was recorded, {expected} was told")
    return len(ledger.entries)


def evening(brain: YearsBrain, ledger: Ledger, settled_at: datetime, figures: YearsFigures) -> None:
    """What must hold whenever the TV is switched off.

    Args:
        brain: the brain.
        ledger: what was told.
        settled_at: when the last cycle of the Adaptive loop ran.
        figures: take what is wrong.
    """
    for tier in brain.memory.stats():
        name = tier.tier.name.lower()
        figures.fullest[name] = max(figures.fullest.get(name, 0), tier.memories)
        if tier.memories > tier.capacity:
            figures.fault(f"{settled_at}: {name} holds {tier.memories} of {tier.capacity}")
    kept, expected = brain.stores.events.since(0, 100 * _STEP), ledger.kept(settled_at)
    if [e.seq for e in kept] != [e.seq for e in expected]:
        figures.fault(f"{settled_at}: {len(kept)} viewings are kept, {len(expected)} should be")
    for what, count in _overdue(brain, settled_at).items():
        if count:
            figures.fault(f"{settled_at}: {count} {what} should be gone")


def records(brain: YearsBrain, ledger: Ledger, settled_at: datetime, figures: YearsFigures) -> None:
    """Compares the records of titles with the ledger, all of them; parameters as `evening`."""
    figures.audits += 1
    held = {(r.profile_id, r.content_id): r for r in brain.stores.title_records.all_records()}
    expected = ledger.records(settled_at)
    wrong = [key for key in held.keys() | expected.keys() if held.get(key) != expected.get(key)]
    for key in sorted(wrong)[:3]:
        figures.fault(f"{settled_at}: record {held.get(key)}, not {expected.get(key)}")


def measure(
    brain: YearsBrain, storage: Path, titles: int, now: datetime, figures: YearsFigures
) -> None:
    """Notes how large everything is."""
    agent = brain.agentdb.stats()
    weights = genre_weights(brain.agentdb.skill_list(ADULT.profile_id), now)
    figures.sizes.append(
        Size(
            day=figures.days,
            rss_mb=psutil.Process().memory_info().rss / 1e6,
            disk_mb=sum(path.stat().st_size for path in storage.rglob("*")) / 1e6,
            titles=titles,
            patterns=agent.skills,
            edges=agent.causal_edges,
            new_taste=share_of(weights, NEW.only(OLD), OLD.only(NEW)),
        )
    )


def _overdue(brain: YearsBrain, settled_at: datetime) -> dict[str, int]:
    """What the last cycle of the Adaptive loop should have swept away."""
    at, until = to_micros(settled_at), to_micros(settled_at - _MOMENTS_KEPT)
    rows = "SELECT count(*) FROM memories WHERE "
    keeping = {tier: brain.memory.config.rule(tier).retention for tier in Tier}
    with brain.stores.database.read() as connection:
        found = {
            "moments": connection.execute(
                "SELECT count(*) FROM interactions WHERE recorded_at < ?", (until,)
            ).fetchone()[0],
            "memories": connection.execute(rows + "expires_at <= ?", (at,)).fetchone()[0],
        }
        for tier, retention in keeping.items():
            if retention is not None:
                name = f"memories of {tier.name.lower()} without an end"
                query = rows + "tier = ? AND expires_at IS NULL"
                found[name] = connection.execute(query, (int(tier),)).fetchone()[0]
    return found
