"""`omega eval attack` and `omega eval frontier`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")
PARTS = (
    "reidentify",
    "whole-push",
    "plus-five",
    "averaging",
    "linkage",
    "membership",
    "poisoning",
)
"""Attacks that can be asked for; omega_eval.attacks.suite.Part."""
DEFAULT_SIGMA = 4.5
"""Noise of the policy that ships as default."""


def register(what: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds both commands."""
    attack = what.add_parser(
        "attack", help="what an attacker infers, beside one that knows nothing"
    )
    _common(attack)
    attack.add_argument(
        "--sigma",
        type=float,
        default=DEFAULT_SIGMA,
        help="noise scale of the fleet (default: %(default)s)",
    )
    attack.add_argument("--only", nargs="+", choices=PARTS, help="attacks to run (default: all)")
    attack.set_defaults(run=_attack)
    frontier = what.add_parser("frontier", help="quality and attacks for each amount of noise")
    _common(frontier)
    frontier.add_argument(
        "--sigma",
        type=float,
        nargs="*",
        help="noise scales (default: 3 4 4.5 5 6 8); --sigma alone = no sketches",
    )
    _pairs(frontier)
    frontier.add_argument("--plot", type=Path, help="write a plot to this file (.svg or .png)")
    frontier.set_defaults(run=_frontier)


def _pairs(frontier: argparse.ArgumentParser) -> None:
    """The flags of threshold reports."""
    frontier.add_argument(
        "--thresholds", help="measure threshold reports too: t, with commas (such as 3,5,10)"
    )
    frontier.add_argument(
        "--days", default="7,28,90,180,365", help="days of reporting, with commas (%(default)s)"
    )
    frontier.add_argument(
        "--order",
        default="turns",
        help="which pairs go first: turns, chance, hash or most-liked (%(default)s)",
    )
    frontier.add_argument(
        "--joining",
        type=int,
        default=0,
        help="days over which TVs begin to report, evenly; 0 = all on the first day (%(default)s)",
    )
    frontier.add_argument(
        "--mixed", action="store_true", help="measure a fleet, too, of which half sketches"
    )
    frontier.add_argument(
        "--level", choices=("test", "val"), default="test", help="cut for pairs (%(default)s)"
    )
    frontier.add_argument(
        "--households",
        type=int,
        default=100,
        help="households whose reports go through the real cryptography, 0 = none (%(default)s)",
    )
    frontier.add_argument(
        "--proof-days", type=int, default=28, help="days of their reports (%(default)s)"
    )


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of MovieLens (ml-latest-small)"
    )
    parser.add_argument("--json", action="store_true", help="print one object for machines")
    parser.add_argument("--cache-dir", type=Path, help="where `omega model install` put the model")


def _attack(arguments: argparse.Namespace) -> int:
    # The measurements' dependencies come with the extra `demo`; other commands do without them.
    from rich.console import Console

    from omega_cli.bench import figures
    from omega_cli.evals import attack, attack_tables

    parts = arguments.only or PARTS
    found = _watched(
        lambda progress: attack.measure(
            arguments.data, arguments.cache_dir, arguments.sigma, parts, progress
        )
    )
    if arguments.json:
        print(figures.as_json("attack", attack.figures(found)))
    else:
        attack_tables.show(found, Console())
    return 0


def _frontier(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from omega_cli.bench import figures
    from omega_cli.evals import frontier, frontier_pairs

    plan = frontier_pairs.plan_of(arguments) if arguments.thresholds else None
    points = []
    if plan is None or arguments.sigma != []:
        points = _watched(
            lambda progress: frontier.measure(
                arguments.data, arguments.cache_dir, arguments.sigma, progress
            )
        )
    pairs = None
    if plan is not None:
        pairs = _watched(lambda progress: frontier_pairs.run(arguments, plan, progress))
    if arguments.plot:
        frontier.plot(points, arguments.plot)
    if arguments.json:
        more = frontier_pairs.figures(pairs) if pairs else {}
        print(figures.as_json("frontier", frontier.figures(points) | more))
        return 0
    if points:
        frontier.show(points, Console())
    if pairs:
        frontier_pairs.show(pairs, Console())
    return 0


def _watched(measure: Callable[[Progress], T]) -> T:
    """Runs a measurement under progress bars on standard error."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr)) as progress:
        return measure(progress)
