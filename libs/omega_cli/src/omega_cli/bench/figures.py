"""The form in which every benchmark reports."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured figure."""

    value: float
    """What was measured."""
    unit: str
    """Its unit."""
    goal: str
    """What it is to reach, such as "<= 8"; empty = none stated."""
    beside: dict[str, float] = field(default_factory=dict)
    """Peers or limits of the same run, in the same unit."""


def timed(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def quantile_ms(seconds: Sequence[float], q: float) -> float:
    """A quantile of durations, in milliseconds."""
    return float(np.quantile(seconds, q)) * 1e3


def best(runs: Sequence[float]) -> float:
    """The best of several runs of a figure where less is better."""
    return min(runs)


def as_json(bench: str, figures: dict[str, Figure]) -> str:
    """One object for machines."""
    body = {name: asdict(figure) for name, figure in figures.items()}
    return json.dumps({"bench": bench, "machine": machine(), "figures": body})


def machine() -> dict[str, str | int | None]:
    """Where figures were measured."""
    return {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "system": platform.system(),
    }


def show(bench: str, figures: dict[str, Figure], console: Console) -> None:
    """A table for people."""
    table = Table(title=f"bench {bench}: best of five runs")
    for heading in ("figure", "value", "goal", "beside, same run"):
        table.add_column(heading, overflow="fold")
    for name, figure in figures.items():
        beside = ", ".join(f"{peer} {value:.3g}" for peer, value in figure.beside.items())
        table.add_row(name, f"{figure.value:.3g} {figure.unit}", figure.goal, beside)
    console.print(table)
