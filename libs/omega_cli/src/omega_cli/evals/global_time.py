"""`omega eval global-time`: a server that knows the past only, as a table."""

from __future__ import annotations

import argparse

from rich.console import Console

from omega_cli.bench import figures
from omega_cli.bench.figures import Figure
from omega_cli.evals import cells
from omega_cli.evals.data import prepare
from omega_core.errors import invalid
from omega_eval.global_time import GlobalTime, global_time
from omega_eval.policies import DEFAULT
from omega_eval.time_split import global_split

_POLICIES = ("sketches-4", DEFAULT, "sketches-6")


def run(arguments: argparse.Namespace) -> int:
    """Measures and prints.

    Raises:
        OmegaError: INVALID_FIELD that names what cannot be read; ROUND_NOT_POSSIBLE.
    """
    prepared = prepare(arguments.data, arguments.cache_dir)
    cut = global_split(prepared.data.households)
    if not any(each.held_out for each in cut.after):
        raise invalid("data", "a set in which some household watched enough after the instant")
    found = global_time(cut, prepared.shard, _POLICIES, prepared.say)
    if arguments.json:
        print(figures.as_json("global-time", for_machines(found)))
    else:
        show(found, f"{prepared.title}; the server knows what came before {cut.instant:%Y-%m-%d}")
    return 0


def for_machines(found: GlobalTime) -> dict[str, Figure]:
    """The figures."""
    made = {
        "households": Figure(found.households, "households", "", {"known before": found.known}),
        "never_liked_before": Figure(found.unseen, "of what is to be found", ""),
    }
    for row in found.rows:
        name = cells.slug(row.name)
        made[f"ndcg_at_10_{name}"] = cells.metrics(row.scores)
        made[f"ndcg_vs_ease_{name}"] = cells.ratio_figure(row.vs_ease)
        made[f"ndcg_vs_popularity_{name}"] = cells.ratio_figure(row.vs_popularity)
    return made


def show(found: GlobalTime, title: str, console: Console | None = None) -> None:
    """The table for people."""
    cells.show(
        console or Console(),
        title,
        ("", *cells.METRICS, r"of EASE \[95 %]", r"of popularity \[95 %]"),
        [
            (
                row.name,
                *cells.metric_cells(row.scores),
                cells.percent(row.vs_ease),
                cells.times(row.vs_popularity),
            )
            for row in found.rows
        ],
        (
            (
                f"{found.households} households are scored, {found.known} of them known to the "
                f"server; {found.unseen:.0%} of what is to be found nobody had liked by then."
            ),
        ),
    )
