"""What `omega eval frontier` measures: a table, figures and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure as Plot
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from omega_cli.bench.figures import Figure
from omega_cli.evals.attack import load, plus_five_figure, ratio_figure, reid_figures
from omega_cli.evals.attack_tables import rate_cell
from omega_core import validate
from omega_eval.attacks.frontier import SIGMAS, Point, frontier


def measure(
    data: Path, cache_dir: Path | None, sigmas: Sequence[float] | None, progress: Progress
) -> list[Point]:
    """Measures each noise scale.

    Raises:
        OmegaError: INVALID_FIELD: the data cannot be read, or a sigma is out of bounds.
    """
    wanted = [validate.number("sigma", sigma, 0.5, 64.0) for sigma in sigmas or SIGMAS]
    world = load(data, cache_dir, progress)
    task = progress.add_task("noise scales", total=len(wanted))
    return frontier(world, wanted, lambda: progress.advance(task))


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """The figures for machines, by noise scale."""
    found = {}
    for point in points:
        name = f"sigma_{point.sigma:g}_"
        found[f"{name}ndcg_vs_ease"] = ratio_figure(point.against_ease, "")
        found[f"{name}ndcg_vs_popularity"] = ratio_figure(point.against_popularity, "")
        found.update(reid_figures(point.attack, point.nothing, f"{name}reid_"))
        found[f"{name}plus_five"] = plus_five_figure(point.plus_five)
    return found


def show(points: Sequence[Point], console: Console) -> None:
    """The table for people."""
    table = Table(title="Noise, quality and what an attacker infers (95 % intervals)")
    headings = ("sigma", "NDCG@10 / EASE", "/ popularity", "strict", "of 10", "liked", "+5")
    for heading in headings:
        table.add_column(heading, justify="right")
    for point in points:
        attack, five = point.attack, point.plus_five
        cells = (point.against_ease, point.against_popularity, attack.strict, attack.strict_at_10)
        table.add_row(
            f"{point.sigma:g}",
            *(rate_cell(cell) for cell in (*cells, attack.liked, five.reports)),
        )
    if points:
        nothing, five = points[0].nothing, points[0].plus_five
        table.add_row(
            "no report",
            "",
            "",
            *(
                rate_cell(each)
                for each in (nothing.strict, nothing.strict_at_10, nothing.liked, five.nobody)
            ),
        )
    console.print(table)


def plot(points: Sequence[Point], file: Path) -> None:
    """Quality over strict re-identification, a point a noise scale."""
    canvas = Plot(figsize=(6, 4), layout="constrained")
    axes = canvas.subplots()
    strict = [point.attack.strict.value for point in points]
    quality = [point.against_ease.value for point in points]
    across = [
        [value - point.attack.strict.low, point.attack.strict.high - value]
        for value, point in zip(strict, points, strict=True)
    ]
    down = [
        [value - point.against_ease.low, point.against_ease.high - value]
        for value, point in zip(quality, points, strict=True)
    ]
    axes.errorbar(
        strict,
        quality,
        xerr=list(zip(*across, strict=True)),
        yerr=list(zip(*down, strict=True)),
        fmt="o-",
        capsize=3,
    )
    for point, x, y in zip(points, strict, quality, strict=True):
        axes.annotate(f"sigma {point.sigma:g}", (x, y), textcoords="offset points", xytext=(6, -12))
    axes.set_xlabel("strict re-identification by the stronger joint attacker")
    axes.set_ylabel("NDCG@10, share of EASE")
    axes.grid(alpha=0.3)
    canvas.savefig(file)
