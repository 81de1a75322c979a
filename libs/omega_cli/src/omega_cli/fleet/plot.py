"""The picture of a simulation."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from omega_cli.fleet.run import Result
from omega_cli.fleet.samples import SIMULATOR

_COLOURS = ("#1f5fa8", "#c2571a", "#2b7a3d", "#7a3d8c", "#666666", "#b0892a")
_HOUR = 3_600.0


def draw(result: Result, path: Path, predicted: float | None = None) -> None:
    """Exchanges, errors, latency, memory and database along virtual time.

    Args:
        result: of a run with samples.
        path: .png or .svg.
        predicted: mean exchanges a second of virtual time that the capacity model predicts; None
            = not drawn.
    """
    samples, step = result.samples, result.plan.sample_minutes * 60
    hours = [s.hour for s in samples]
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    (rate, errors, latency), (memory, cpu, database) = figure.subplots(2, 3, sharex=True)
    _line(rate, hours, [s.exchanges / step for s in samples], "exchanges a virtual second")
    if predicted is not None:
        rate.axhline(predicted, color="#444444", linewidth=0.9, linestyle="--")
        rate.annotate("mean, predicted", (hours[0], predicted), fontsize=7, va="bottom")
    _line(errors, hours, [100 * s.error_rate for s in samples], "failed turns, %")
    for n, name in enumerate(("p50", "p99")):
        values = [s.latency_ms.get(name, 0.0) for s in samples]
        _line(latency, hours, values, "latency of an exchange, ms", name, n)
    parts = [part for part in samples[0].memory_mb if part != SIMULATOR]
    for n, part in enumerate(parts):
        values = [s.memory_mb.get(part, 0.0) for s in samples]
        _line(memory, hours, values, "memory, MB", part, n)
        used = [100 * s.cpu.get(part, 0.0) / s.seconds for s in samples]
        _line(cpu, hours, used, "processor, % of one core, real time", part, n)
    sizes = [s.database_bytes / 1e6 for s in samples]
    _line(database, hours, sizes, "database, MB")
    database.set_ylim(bottom=min((size for size in sizes if size), default=0) * 0.98)
    for axes in (rate, errors, latency, memory, cpu):
        axes.set_ylim(bottom=0)
    errors.set_ylim(top=max(errors.get_ylim()[1], 1.0))
    for axes in (latency, memory, cpu):
        axes.legend(fontsize=7, frameon=False)
    for axes in (memory, cpu, database):
        axes.set_xlabel("virtual hours")
    figure.savefig(path, dpi=100)


def _line(
    axes: Axes,
    hours: list[float],
    values: list[float],
    title: str,
    label: str = "",
    colour: int = 0,
) -> None:
    axes.plot(hours, values, color=_COLOURS[colour], linewidth=1.2, label=label)
    axes.set_title(title, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
