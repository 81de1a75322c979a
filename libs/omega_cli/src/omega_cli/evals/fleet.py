"""`omega eval fleet`: quality over noise in an emulated fleet, as a table."""

from __future__ import annotations

import argparse

from rich.console import Console

from omega_cli.bench import figures
from omega_cli.bench.figures import Figure
from omega_cli.evals import cells
from omega_cli.evals.data import numbers, prepare
from omega_cli.evals.quality import begin
from omega_core.validate import integer, number
from omega_eval.emulated import Frontier, frontier
from omega_eval.split import HoldOut, Level

_LEAST, _MOST = 10, 100_000
_NOTE = (
    "The fleet is emulated: each device takes a real household, keeps 50 to 80 % of its likes and "
    "draws the others from what its five most similar households like. It has no more tastes than "
    "the real set. The real households are scored, and only receive."
)


def run(arguments: argparse.Namespace) -> int:
    """Measures and prints.

    Raises:
        OmegaError: INVALID_FIELD that names a flag or what cannot be read; ROUND_NOT_POSSIBLE.
    """
    integer("devices", arguments.devices, _LEAST, _MOST)
    sigmas = [number("sigmas", sigma, 0.5, 64) for sigma in numbers("sigmas", arguments.sigmas)]
    prepared = prepare(arguments.data, arguments.cache_dir)
    study = begin(prepared, HoldOut.LAST20, Level.TEST)
    found = frontier(study.world, study.shard, arguments.devices, sigmas, prepared.say)
    if arguments.json:
        print(figures.as_json("fleet", for_machines(found)))
    else:
        show(found, prepared.title, Console())
    return 0


def for_machines(found: Frontier) -> dict[str, Figure]:
    """The figures."""
    made = {
        "devices": Figure(
            found.devices, "emulated devices: re-randomised users", "", {"likes": found.likes}
        )
    }
    for row in found.rows:
        name = cells.slug(row.name)
        made[f"ndcg_at_10_{name}"] = cells.metrics(row.scores)
        made[f"ndcg_vs_ease_{name}"] = cells.ratio_figure(row.vs_ease)
    return made


def show(found: Frontier, title: str, console: Console) -> None:
    """The table for people."""
    cells.show(
        console,
        f"{title}; {found.devices:,} emulated devices",
        ("", *cells.METRICS, r"of EASE \[95 %]", "sketches"),
        [
            (
                row.name,
                *cells.metric_cells(row.scores),
                cells.percent(row.vs_ease),
                f"{row.sketches:,}" if row.sketches else "",
            )
            for row in found.rows
        ],
        (_NOTE,),
    )
