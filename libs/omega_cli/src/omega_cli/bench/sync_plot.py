"""The picture of `omega bench sync`."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from omega_cli.bench.sync import Growth

_COLOUR = "#1f5fa8"


def draw(growth: Growth, path: Path) -> None:
    """Exchanges a second and core by fleet, memory by open streams."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.semilogx(*_columns(growth.exchanges), marker="o", color=_COLOUR)
    left.set_xlabel("registered devices")
    left.set_ylabel("exchanges a second and core")
    left.axhline(1_400, color="#444444", linewidth=0.8)
    right.plot(*_columns(growth.memory), marker="o", color=_COLOUR)
    right.set_xlabel("open streams, each on a TLS connection")
    right.set_ylabel("resident memory of the gateway, MB")
    for axes in (left, right):
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def _columns(points: list[tuple[int, float]]) -> tuple[list[int], list[float]]:
    return [x for x, _ in points], [y for _, y in points]
