"""How the tables of `omega eval` write figures, and the names they have for machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from omega_cli.bench.figures import Figure
from omega_eval.metrics import Ratio, Scores


def slug(name: str) -> str:
    """A name for machines: letters and digits of `name` with underscores between them."""
    kept = "".join(c if c.isalnum() else " " for c in name.lower().replace("%", " percent"))
    return "_".join(kept.split())


def percent(ratio: Ratio) -> str:
    """A ratio in percent with its 95 % interval."""
    return rf"{ratio.value:.0%} \[{ratio.low:.0%}, {ratio.high:.0%}]"


def times(ratio: Ratio) -> str:
    """A ratio with its 95 % interval."""
    return rf"{ratio.value:.2f} \[{ratio.low:.2f}, {ratio.high:.2f}]"


def ratio_figure(ratio: Ratio, goal: str = "") -> Figure:
    """A ratio for machines, its interval beside it."""
    return Figure(ratio.value, "", goal, {"low": ratio.low, "high": ratio.high})


def metrics(scores: Scores) -> Figure:
    """NDCG@10 for machines, the other metrics and the number of households beside it."""
    means = scores.means()
    value = means.pop("ndcg_at_10")
    return Figure(value, "", "", {**means, "households": float(len(scores.households))})


def metric_cells(scores: Scores) -> list[str]:
    """Cells of the four metrics."""
    means = scores.means()
    return [
        f"{means['hr_at_10']:.3f}",
        f"{means['ndcg_at_10']:.4f}",
        f"{means['recall_at_20']:.3f}",
        f"{means['coverage_at_10']:.3f}",
    ]


METRICS = ("HR@10", "NDCG@10", "Recall@20", "coverage@10")
"""Their headings."""


def show(
    console: Console,
    title: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    notes: Sequence[str] = (),
) -> None:
    """A table and what is to be known of it."""
    table = Table(title=title)
    for heading in headings:
        table.add_column(heading, justify="left" if heading == headings[0] else "right")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    for note in notes:
        console.print(note)
