"""The picture of `omega eval quality`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from omega_eval.quality import Row

_POLICY, _CENTRAL = "#1f5fa8", "#b8c0cc"


def draw(rows: Sequence[Row], title: str, path: Path) -> None:
    """NDCG@10 of each line as a share of EASE, with 95 % intervals."""
    figure = Figure(figsize=(8, 0.42 * len(rows) + 1.4), layout="constrained")
    axes = figure.add_subplot()
    places = range(len(rows) - 1, -1, -1)
    central = [row.federated is None and not row.name.startswith("receive-only") for row in rows]
    values = [row.vs_ease.value for row in rows]
    spread = [
        [row.vs_ease.value - row.vs_ease.low for row in rows],
        [row.vs_ease.high - row.vs_ease.value for row in rows],
    ]
    axes.barh(
        list(places),
        values,
        xerr=spread,
        color=[_CENTRAL if c else _POLICY for c in central],
        ecolor="#444444",
        capsize=3,
    )
    axes.set_yticks(list(places), [row.name for row in rows])
    axes.axvline(1.0, color="#444444", linewidth=0.8)
    axes.set_xlabel("NDCG@10 as a share of EASE, 95 % intervals")
    axes.set_title(title, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
