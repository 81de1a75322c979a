"""What telemetry costs a sync: processor time of an exchange with it and without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from omega_cli.bench.figures import Figure
from omega_cli.bench.sync import cost
from omega_cli.bench.sync_site import Site
from omega_core import validate
from omega_core.errors import invalid
from omega_testing.otlp import Collector

Say = Callable[[str], None]
BOUND = 1.05
"""What an exchange may cost with telemetry as a fleet has it, beside one without."""
OFF, METRICS, SOME, ALL = "off", "metrics", "metrics, 1 trace in 100", "metrics, all traces"
_KINDS = {"a call with a proof": "unary", "an exchange on a stream": "stream"}


@dataclass(frozen=True)
class Plan:
    """Sizes of a run."""

    exchanges: int = 4_000
    """Exchanges a run, 100 to 1,000,000."""
    together: int = 256
    """TVs that exchange at once, 1 to 1,000."""
    fleet: int = 1_000
    """Registered devices of each shard, 1 to 1,000,000."""
    runs: int = 5
    """Runs of each figure, in turns, of which the best counts, 1 to 100."""
    modes: tuple[str, ...] = (OFF, METRICS, SOME, ALL)
    """Ways to have telemetry that are measured, OFF and SOME among them."""

    def __post_init__(self) -> None:
        validate.integer("exchanges", self.exchanges, 100, 1_000_000)
        validate.integer("together", self.together, 1, 1_000)
        validate.integer("fleet", self.fleet, 1, 1_000_000)
        validate.integer("runs", self.runs, 1, 100)
        if not {OFF, SOME} <= set(self.modes):
            raise invalid("modes", f"several, {OFF!r} and {SOME!r} among them")


def measure(plan: Plan, say: Say) -> dict[str, Figure]:
    """Every figure; `say` hears what is being done.

    A shard for each way stands beside the others, with a gateway, a constellation and a Postgres of
    its own, and they take turns. Telemetry is as the manifests of Kubernetes have it: metrics are
    scraped, here once after each run, and traces go to a collector, whose own time does not count.
    """
    with Collector() as collector:
        best, scraped = _best(plan, collector.endpoint, say)
        # What stops sends what it holds.
        spans = len(collector.spans())
    figures: dict[str, Figure] = {}
    for name, found in best.items():
        key = _KINDS[name]
        ratios = {mode: used / found[OFF] for mode, used in found.items() if mode != OFF}
        figures[f"telemetry_{key}_ratio"] = Figure(
            ratios.pop(SOME), f"of {name} without", f"<= {BOUND}", ratios
        )
        figures[f"telemetry_{key}_us"] = Figure(
            1e6 * found[SOME],
            "us an exchange",
            "",
            {mode: 1e6 * used for mode, used in found.items() if mode != SOME},
        )
    figures["telemetry_collected"] = Figure(spans, "spans", "", {"characters scraped": scraped})
    return figures


def _best(plan: Plan, endpoint: str, say: Say) -> tuple[dict[str, dict[str, float]], int]:
    """Least seconds of processor time an exchange, by its kind and the way to have telemetry.

    And the characters that were scraped.
    """
    best: dict[str, dict[str, float]] = {name: {} for name in _KINDS}
    scraped = 0
    with ExitStack() as stack:
        modes = _modes(endpoint)
        sites: dict[str, Site] = {}
        for mode in plan.modes:
            say(f"starting a shard: {mode}")
            sites[mode] = stack.enter_context(Site(plan.fleet, modes[mode], secure=False))
        for turn in range(plan.runs):
            for name, kind in _KINDS.items():
                for mode, site in sites.items():
                    say(f"{name}, {mode}, {turn} of {plan.runs}")
                    used = sum(cost(site, site.order(kind, plan.exchanges, plan.together)).values())
                    before = sum(site.cpu().values())
                    scraped += site.scrape()
                    used += (sum(site.cpu().values()) - before) / plan.exchanges
                    best[name][mode] = min(used, best[name].get(mode, used))
    return best, scraped


def _modes(endpoint: str) -> dict[str, Mapping[str, str]]:
    """Variables of each way to have telemetry; what they do not say is as it comes."""
    scraped = {"OMEGA_METRICS_LISTEN": "127.0.0.1:0"}
    traced = {
        **scraped,
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_METRICS_EXPORTER": "none",
    }
    ratio = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}
    return {
        OFF: {"OTEL_SDK_DISABLED": "true"},
        METRICS: scraped,
        SOME: {**traced, **ratio},
        ALL: traced,
    }
