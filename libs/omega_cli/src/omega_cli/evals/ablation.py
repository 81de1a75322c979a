"""`omega eval ablation`: what each part of the ranking is worth, as a table."""

from __future__ import annotations

import argparse

from rich.console import Console

from omega_cli.bench import figures
from omega_cli.bench.figures import Figure
from omega_cli.evals import cells
from omega_cli.evals.data import prepare
from omega_cli.evals.quality import begin
from omega_eval.ablation import Ablation, AblationRow, study_ablation
from omega_eval.policies import named
from omega_eval.split import HoldOut, Level

_PULL = 5_120


def run(arguments: argparse.Namespace) -> int:
    """Measures and prints.

    Raises:
        OmegaError: INVALID_FIELD that names a flag or what cannot be read; ROUND_NOT_POSSIBLE.
    """
    policy = named(arguments.policy).name
    prepared = prepare(arguments.data, arguments.cache_dir)
    study = begin(prepared, HoldOut.LAST20, Level.TEST)
    found = study_ablation(study, policy, prepared.say)
    if arguments.json:
        print(figures.as_json("ablation", for_machines(found)))
    else:
        show(found, f"{prepared.title}; {policy}", Console())
    return 0


def for_machines(found: Ablation) -> dict[str, Figure]:
    """The figures."""
    made = {
        "patterns_bytes": Figure(
            found.patterns_bytes, "B", "", {"patterns": found.patterns, "pull": _PULL}
        )
    }
    for row in found.rows:
        name = cells.slug(_name(row))
        made[f"ndcg_vs_ease_{name}"] = cells.ratio_figure(row.vs_ease)
        made[f"ndcg_vs_everything_{name}"] = cells.ratio_figure(row.change)
        made[f"ndcg_at_10_{name}"] = cells.metrics(row.scores)
    return made


def show(found: Ablation, title: str, console: Console) -> None:
    """The table for people."""
    cells.show(
        console,
        title,
        ("", *cells.METRICS, r"of EASE \[95 %]", r"of everything \[95 %]"),
        [
            (
                _name(row),
                *cells.metric_cells(row.scores),
                cells.percent(row.vs_ease),
                cells.percent(row.change),
            )
            for row in found.rows
        ],
        (
            (
                f"{found.patterns} global patterns cost {found.patterns_bytes:,} bytes in a first "
                f"pull, of {_PULL:,}. EASE knows the whole histories in every line."
            ),
            "Causal edges between patterns are not pulled (0 bytes) and enter no list.",
        ),
    )


def _name(row: AblationRow) -> str:
    return row.name if row.likes is None else f"{row.likes} likes: {row.name}"
