"""The report of a simulation: for people, for machines, and in sum."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from omega_cli.bench.figures import machine
from omega_cli.fleet.run import Result
from omega_cli.fleet.samples import SIMULATOR, Sample

_ROWS = 24
"""Rows of the table of samples, at most."""


@dataclass(frozen=True)
class Totals:
    """Sums over the samples of the time that TVs lived."""

    exchanges: int
    """Answered ones."""
    failures: dict[str, int]
    """Turns that failed, by reason."""
    error_rate: float
    """Share of turns that failed."""
    exchanges_device_day: float
    """Of one TV a day."""
    cpu_us: dict[str, float]
    """Processor time an exchange, by part, whatever it was used for."""
    bytes_up: float
    """Of one TV's requests a day."""
    bytes_down: float
    """Of one TV's answers a day, bodies left out."""
    bytes_bodies: float
    """Of one TV's resources a day."""
    database_bytes: int
    """Growth of the database."""
    memory_growth_mb: dict[str, float]
    """Resident memory, mean of the last quarter less mean of the second, by part."""


def totals(result: Result) -> Totals:
    """The sums."""
    samples = result.samples
    exchanges = sum(s.exchanges for s in samples)
    failures: Counter[str] = Counter()
    cpu: Counter[str] = Counter()
    for sample in samples:
        failures.update(sample.failures)
        cpu.update(sample.cpu)
    days = max(result.plan.devices * result.plan.hours / 24, 1e-9)
    sizes = [s.database_bytes for s in (result.enrolment, *samples) if s.database_bytes]
    return Totals(
        exchanges=exchanges,
        failures=dict(failures),
        error_rate=failures.total() / max(failures.total() + exchanges, 1),
        exchanges_device_day=exchanges / days,
        cpu_us={part: 1e6 * used / max(exchanges, 1) for part, used in cpu.items()},
        bytes_up=sum(s.up for s in samples) / days,
        bytes_down=sum(s.down for s in samples) / days,
        bytes_bodies=sum(s.bodies for s in samples) / days,
        database_bytes=sizes[-1] - sizes[0] if sizes else 0,
        memory_growth_mb=_growth(samples),
    )


def _growth(samples: Sequence[Sample]) -> dict[str, float]:
    quarter = len(samples) // 4
    if not quarter:
        return {}
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    parts = set.intersection(*(set(s.memory_mb) for s in (*early, *late)))
    return {part: _mean(late, part) - _mean(early, part) for part in sorted(parts)}


def _mean(samples: Sequence[Sample], part: str) -> float:
    return sum(s.memory_mb[part] for s in samples) / len(samples)


def as_json(result: Result) -> str:
    """One object."""
    plan = result.plan
    body = {
        "fleet": {
            "devices": plan.devices,
            "hours": plan.hours,
            "enrolled": plan.count,
            "seed": plan.seed,
            "faults": [str(fault) for fault in plan.faults],
        },
        "machine": machine(),
        "seconds": result.seconds,
        "device_bytes": result.device_bytes,
        "verdict": result.verdict.as_dict(),
        "totals": asdict(totals(result)),
        "tables": {name: asdict(table) for name, table in result.tables.items()},
        "enrolment": asdict(result.enrolment),
        "samples": [asdict(sample) for sample in result.samples],
    }
    return json.dumps(body)


def show(result: Result, console: Console) -> None:
    """Tables."""
    plan, enrolment = result.plan, result.enrolment
    console.print(
        f"{plan.count:,} TVs enrolled with one exchange each in {enrolment.seconds:.0f} s "
        f"({plan.count / enrolment.seconds:,.0f} a second, error rate {enrolment.error_rate:.2%}); "
        f"{plan.devices:,} of them lived {plan.hours:g} h. All of it took {result.seconds:.0f} s."
    )
    if result.samples:
        console.print(_course(result))
    console.print(_sums(result))
    console.print(_verdict(result))


def _course(result: Result) -> Table:
    table = Table(title="along virtual time")
    for heading in ("hour", "on", "exchanges", "failed", "p50 ms", "p99 ms", "MB", "database MB"):
        table.add_column(heading, justify="right")
    every = -(-len(result.samples) // _ROWS)
    for first in range(0, len(result.samples), every):
        part = result.samples[first : first + every]
        last = part[-1]
        failed = sum(sum(s.failures.values()) for s in part)
        servers = sum(mb for name, mb in last.memory_mb.items() if name != SIMULATOR)
        table.add_row(
            f"{last.hour:.1f}",
            f"{last.on:,}",
            f"{sum(s.exchanges for s in part):,}",
            f"{failed:,}",
            f"{last.latency_ms.get('p50', 0):.0f}",
            f"{last.latency_ms.get('p99', 0):.0f}",
            f"{servers:,.0f}",
            f"{last.database_bytes / 1e6:,.1f}",
        )
    return table


def _sums(result: Result) -> Table:
    found = totals(result)
    table = Table("what", "value", title="in sum")
    failures = ", ".join(f"{name} {n:,}" for name, n in sorted(found.failures.items())) or "none"
    rows = {
        "exchanges": f"{found.exchanges:,}, {found.exchanges_device_day:.1f} a TV and day",
        "failed turns": f"{failures} ({found.error_rate:.3%})",
        "CPU us an exchange": _parts(found.cpu_us, ".0f"),
        "bytes a TV and day": f"{found.bytes_up:,.0f} up, {found.bytes_down:,.0f} down, "
        f"{found.bytes_bodies:,.0f} resources",
        "growth of memory, MB": _parts(found.memory_growth_mb, "+.1f"),
        "growth of the database": f"{found.database_bytes / 1e6:.1f} MB",
        "memory of a simulated TV": f"{result.device_bytes:,.0f} bytes",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _parts(values: dict[str, float], form: str) -> str:
    return ", ".join(f"{part} {value:{form}}" for part, value in values.items())


def _verdict(result: Result) -> Table:
    verdict = result.verdict
    title = "invariants hold" if verdict.holds else "INVARIANTS DO NOT HOLD"
    table = Table("invariant", "count", title=title)
    for name, value in verdict.as_dict().items():
        if name != "holds":
            table.add_row(name, f"{value:,}")
    return table
