"""Figures of the gateway: durable exchanges a second and core, and streams that stay open."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from omega_cli.bench import proc
from omega_cli.bench.figures import Figure
from omega_cli.bench.sync_load import Order
from omega_cli.bench.sync_site import Site
from omega_core import validate

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """Sizes of a run; the defaults are those that the goals speak of."""

    exchanges: int = 8_000
    """Exchanges a run, 100 to 1,000,000."""
    together: int = 256
    """TVs that exchange at once, 1 to 1,000."""
    streams: int = 5_000
    """Streams that are held open, each on a TLS connection, 4 to 19,000; 0 = that is left out."""
    clients: int = 4
    """Processes that hold them, 1 to 64."""
    period: float = 60.0
    """Seconds from one exchange of a held stream to the next, 1 to 600."""
    fleets: tuple[int, ...] = (1_000, 10_000, 100_000)
    """Registered devices at which exchanges are measured again, ascending."""
    runs: int = 5
    """Runs of each figure, of which the best counts, 1 to 100."""

    def __post_init__(self) -> None:
        validate.integer("exchanges", self.exchanges, 100, 1_000_000)
        validate.integer("together", self.together, 1, 1_000)
        validate.integer("streams", self.streams, 0, 19_000)
        validate.integer("clients", self.clients, 1, 64)
        validate.number("period", self.period, 1, 600)
        validate.integer("runs", self.runs, 1, 100)


@dataclass(frozen=True)
class Growth:
    """How figures move with size."""

    exchanges: list[tuple[int, float]]
    """Registered devices, exchanges a second and core."""
    memory: list[tuple[int, float]]
    """Open streams, resident MB of the gateway."""


def measure(plan: Plan, say: Say) -> tuple[dict[str, Figure], Growth]:
    """Every figure; `say` hears what is being done."""
    say("starting Postgres, constellation and gateways")
    with Site(min(plan.fleets, default=1_000)) as site:
        found, growth = _exchanges(site, plan, say)
        memory: list[tuple[int, float]] = []
        if plan.streams:
            streams, memory = _streams(site, plan, say)
            found |= streams
        return found, Growth(growth, memory)


def _exchanges(
    site: Site, plan: Plan, say: Say
) -> tuple[dict[str, Figure], list[tuple[int, float]]]:
    # What costs more needs fewer calls to be told apart from noise.
    some, few = max(plan.exchanges // 4, 1), max(plan.exchanges // 16, 1)

    def order(kind: str, calls: int = plan.exchanges, **named: Any) -> Order:
        return site.order(kind, calls, plan.together, **named)

    kinds = {
        "stream": order("stream"),
        "empty unary call": order("empty"),
        "unary call with a certificate": order("unary", some, certificate=True),
        "unary call with a proof": order("unary", some),
        "16 sketches": order("stream", sketches=16),
        "two calls with proofs": order("two calls", some),
        "TLS": order("stream", tls=True),
        "a new TLS connection each": order("new connection", few, tls=True),
    }
    best: dict[str, dict[str, float]] = {}
    for turn in range(plan.runs):
        for name, wanted in kinds.items():
            say(f"{name}, {turn} of {plan.runs}")
            used = cost(site, wanted)
            if name not in best or sum(used.values()) < sum(best[name].values()):
                best[name] = used
    grown = []
    for fleet in plan.fleets:
        say(f"a fleet of {fleet:,}")
        site.grow(fleet)
        runs = [sum(cost(site, order("stream")).values()) for _ in range(min(plan.runs, 3))]
        grown.append((fleet, 1 / min(runs)))
    rates = {name: 1 / sum(used.values()) for name, used in best.items()}
    own, empty = rates.pop("stream"), rates["empty unary call"]
    shares, proven = (
        {part: 1e6 * seconds for part, seconds in best[name].items()}
        for name in ("stream", "unary call with a proof")
    )
    figures = {
        "syncs_per_core_s": Figure(own, "exchanges a second and core", ">= 1,400", rates),
        "sync_vs_empty_ratio": Figure(
            own / empty,
            "",
            ">= .4",
            {name: rates[name] / empty for name in rates if name.startswith("unary")},
        ),
        "sync_cpu_us": Figure(sum(shares.values()), "us an exchange", "", shares),
        "proof_cpu_us": Figure(sum(proven.values()), "us an exchange", "", proven),
        "syncs_by_fleet": Figure(
            grown[-1][1] if grown else own,
            "exchanges a second and core",
            "",
            {f"{fleet:,} devices": rate for fleet, rate in grown},
        ),
    }
    return figures, grown


def cost(site: Site, order: Order) -> dict[str, float]:
    """Seconds of processor time an exchange, by part."""
    with site.tvs(order) as tvs:
        tvs.said("ready")
        before = site.cpu()
        tvs.go()
        tvs.said("seconds")
        after = site.cpu()
    return {part: (after[part] - before[part]) / order.calls for part in after}


def _streams(site: Site, plan: Plan, say: Say) -> tuple[dict[str, Figure], list[tuple[int, float]]]:
    pid = site.secure.pid
    empty = proc.resident_mb(pid)
    # A multiple of 4 for each process, and never fewer in all than were asked for.
    each = -(-plan.streams // (4 * plan.clients)) * 4
    memory = [(0, empty)]
    with ExitStack() as stack:
        order = site.order("open", each, 1, tls=True, period=plan.period)
        clients = [stack.enter_context(site.tvs(order)) for _ in range(plan.clients)]
        for quarter in range(4):
            say(f"opening streams, {quarter} of 4 quarters")
            opened = sum(round(client.said("ready")) for client in clients)
            memory.append((opened, proc.resident_mb(pid)))
            for client in clients:
                client.go()
        say(f"{opened:,} streams, each with an exchange in {plan.period:g} s")
        for client in clients:
            client.said("seconds")
        after, peak = proc.resident_mb(pid), proc.peak_mb(pid)
    kilobytes = 1e3 * (after - empty) / opened
    return {
        "open_streams": Figure(opened, "streams", ">= 5,000", {"processes of TVs": plan.clients}),
        "stream_memory_mb": Figure(
            peak,
            "MB",
            "<= 1,024",
            {
                "without streams": empty,
                "kB a stream": kilobytes,
                **{f"{streams:,} streams": mb for streams, mb in memory[1:]},
            },
        ),
    }, memory
