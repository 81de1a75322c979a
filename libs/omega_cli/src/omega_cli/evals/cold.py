"""`omega eval cold`: titles that nobody's likes have reached, as a table."""

from __future__ import annotations

import argparse

from rich.console import Console

from omega_cli.bench import figures
from omega_cli.bench.figures import Figure
from omega_cli.evals import cells
from omega_cli.evals.data import prepare
from omega_eval.cold import Cold, study_cold
from omega_eval.policies import named
from omega_eval.split import split


def run(arguments: argparse.Namespace) -> int:
    """Measures and prints.

    Raises:
        OmegaError: INVALID_FIELD that names a flag or what cannot be read; ROUND_NOT_POSSIBLE.
    """
    policy = named(arguments.policy).name
    prepared = prepare(arguments.data, arguments.cache_dir)
    found = study_cold(prepared.shard, split(prepared.data.households), policy, prepared.say)
    if arguments.json:
        print(figures.as_json("cold", for_machines(found)))
    else:
        show(found, f"{prepared.title}; {policy}", Console())
    return 0


def for_machines(found: Cold) -> dict[str, Figure]:
    """The figures."""
    made = {
        "cold_titles": Figure(found.titles, "titles", ""),
        "households": Figure(found.households, "households", ""),
    }
    for row in found.rows:
        name = cells.slug(row.name)
        made[f"ndcg_at_10_{name}"] = cells.metrics(row.scores)
        made[f"ndcg_vs_blend_{name}"] = cells.ratio_figure(row.vs_blend)
        made[f"cold_in_top_10_{name}"] = Figure(row.among, "", "", {"coverage": row.found})
    return made


def show(found: Cold, title: str, console: Console) -> None:
    """The table for people."""
    cells.show(
        console,
        title,
        (
            f"{found.titles:,} cold titles",
            *cells.METRICS,
            r"of the blend \[95 %]",
            "cold in whole lists",
            "cold titles shown",
        ),
        [
            (
                row.name,
                *cells.metric_cells(row.scores),
                cells.percent(row.vs_blend),
                f"{row.among:.1%}",
                f"{row.found:.1%}",
            )
            for row in found.rows
        ],
        (
            (
                f"Metrics are of lists of cold titles alone, over the {found.households} households"
                " with one to find; the last two columns look at the first 10 of whole lists."
            ),
        ),
    )
