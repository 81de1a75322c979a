"""`omega eval quality`: each sharing policy beside central systems, as a table."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from omega_cli.bench import figures
from omega_cli.bench.figures import Figure
from omega_cli.evals import cells
from omega_cli.evals.data import Prepared, numbers, prepare
from omega_core.errors import invalid
from omega_core.validate import integer, number
from omega_eval.coded import Through, through
from omega_eval.policies import DEFAULT, named
from omega_eval.quality import Row, Study
from omega_eval.split import HoldOut, Level, split
from omega_eval.world import build_world

_LEAST_SHARE, _MOST_SHARE = 0.01, 0.99
_MOST_DRAWS = 100


def run(arguments: argparse.Namespace) -> int:
    """Measures, prints, draws.

    Raises:
        OmegaError: INVALID_FIELD that names a flag or what cannot be read.
    """
    policies = [named(name) for name in arguments.policies.split(",") if name]
    shares = numbers("contributors", arguments.contributors or "")
    for share in shares:
        number("contributors", share, _LEAST_SHARE, _MOST_SHARE)
    draws = integer("draws", arguments.draws, 1, _MOST_DRAWS)
    check_plot(arguments.plot)
    prepared = prepare(arguments.data, arguments.cache_dir)
    hold_out, level = HoldOut(arguments.hold_out), Level(arguments.level)
    study = begin(prepared, hold_out, level, draws)
    rows = study.baselines()
    rows += [study.policy(policy) for policy in policies]
    rows += [study.contributors(share) for share in shares]
    coded = through(study, named(DEFAULT)) if arguments.codec == "transform" else None
    if arguments.plot:
        from omega_cli.evals.plot import draw

        draw(rows, prepared.title, arguments.plot)
    if arguments.json:
        more = {} if coded is None else through_figures(coded)
        print(figures.as_json("quality", for_machines(rows) | more))
        return 0
    show(rows, f"{prepared.title}; {hold_out}, {level}", Console())
    if coded is not None:
        for name, figure in through_figures(coded).items():
            beside = ", ".join(f"{of} {value:.4f}" for of, value in figure.beside.items())
            print(f"{name}: {figure.value:.4f} ({figure.goal}; {beside})")
    return 0


def begin(prepared: Prepared, hold_out: HoldOut, level: Level, draws: int = 1) -> Study:
    """The study of a data set.

    Raises:
        OmegaError: INVALID_FIELD when nobody can be scored.
    """
    households = split(prepared.data.households, hold_out, level)
    if not any(each.held_out for each in households):
        raise invalid("data", "a set with a household of five titles that succeeded")
    prepared.say("histories")
    world = build_world(prepared.shard.pack, prepared.shard.catalogue, households)
    return Study(world, prepared.say, draws)


def check_plot(path: Path | None) -> None:
    """Refuses a picture that could not be drawn, before anything is measured.

    Raises:
        OmegaError: INVALID_FIELD plot.
    """
    if path is None:
        return
    if path.suffix not in {".png", ".svg"}:
        raise invalid("plot", "a file that ends in .png or .svg")
    if not path.parent.is_dir():
        raise invalid("plot", "a file in a folder that is there")
    if find_spec("matplotlib") is None:
        raise invalid("plot", "left out without matplotlib, which the extra demo brings")


def for_machines(rows: Sequence[Row]) -> dict[str, Figure]:
    """The figures: those of the default policy under the names of the goals, then every line's."""
    found: dict[str, Figure] = {}
    for row in rows:
        if row.name == DEFAULT:
            found["ndcg_vs_ease"] = cells.ratio_figure(row.vs_ease, ">= .90")
            found["ndcg_vs_popularity"] = cells.ratio_figure(row.vs_popularity, ">= 1.5")
    for row in rows:
        name = cells.slug(row.name)
        found[f"ndcg_at_10_{name}"] = cells.metrics(row.scores)
        found[f"ndcg_vs_ease_{name}"] = cells.ratio_figure(row.vs_ease)
        found[f"ndcg_vs_popularity_{name}"] = cells.ratio_figure(row.vs_popularity)
        got = row.federated
        if got is not None:
            devices = max(got.figures.devices, 1)
            found[f"push_bytes_{name}"] = Figure(
                got.push_bytes / devices,
                "B a TV in all",
                "",
                {"messages a TV": got.messages / devices, "longest message": got.longest_push},
            )
            found[f"factors_bytes_{name}"] = Figure(
                got.factors_bytes, "B", "", {"patterns": got.patterns_bytes}
            )
    return found


def through_figures(coded: Through) -> dict[str, Figure]:
    """NDCG@10 after the transform codec over that before it."""
    found = {
        "ndcg_patterns_through_codec": cells.ratio_figure(coded.patterns, ">= .995"),
        "ndcg_titles_through_codec": cells.ratio_figure(coded.titles, ">= .995"),
    }
    found["ndcg_patterns_through_codec"].beside["cosine"] = coded.pattern_cosine
    found["ndcg_titles_through_codec"].beside["cosine"] = coded.title_cosine
    return found


def show(rows: Sequence[Row], title: str, console: Console) -> None:
    """The table for people."""
    cells.show(
        console,
        title,
        ("", *cells.METRICS, r"of EASE \[95 %]", r"of popularity \[95 %]", "TVs", "sent a TV"),
        [
            (
                row.name,
                *cells.metric_cells(row.scores),
                cells.percent(row.vs_ease),
                cells.times(row.vs_popularity),
                f"{len(row.scores.households)}",
                _sent(row),
            )
            for row in rows
        ],
        ("Central systems see every history; under a policy the server sees its messages alone.",),
    )


def _sent(row: Row) -> str:
    got = row.federated
    return f"{got.push_bytes / max(got.figures.devices, 1):,.0f} B" if got else ""
