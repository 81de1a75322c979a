"""`omega eval`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from omega_cli.evals import attack_command


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser("eval", help="measure quality offline, on data of this machine")
    what = parser.add_subparsers(metavar="WHAT", required=True)
    tuning = what.add_parser("tuning", help="what self-tuning does for households of MovieLens")
    tuning.add_argument(
        "--data", type=Path, required=True, help="folder of MovieLens (ml-latest-small)"
    )
    tuning.add_argument(
        "--households", type=int, help="most households, drawn once and for all (default: all)"
    )
    tuning.add_argument("--json", action="store_true", help="print one object for machines")
    tuning.add_argument("--cache-dir", type=Path, help="where `omega model install` put the model")
    tuning.set_defaults(run=_tuning)
    attack_command.register(what)


def _tuning(arguments: argparse.Namespace) -> int:
    # The measurement's dependencies come with the extra `demo`; other commands do without them.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    from omega_cli.bench import figures  # noqa: PLC0415
    from omega_cli.evals import tuning  # noqa: PLC0415
    from omega_embed import open_encoder  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr)) as progress:
        found = tuning.measure(
            arguments.data, open_encoder(arguments.cache_dir), arguments.households, progress
        )
    if arguments.json:
        print(figures.as_json("tuning", tuning.figures(found)))
    else:
        tuning.show(found, Console())
    return 0
