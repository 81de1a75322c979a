"""`omega capacity`."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from omega_cli.capacity import day, report
from omega_cli.capacity.inputs import Assumptions, Costs, Inputs, Prices


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "capacity", help="servers, storage, bandwidth and cost of a fleet, from measured costs"
    )
    parser.add_argument("--costs", type=Path, metavar="TOML", help="measured costs of your own")
    parser.add_argument(
        "--assumptions", type=Path, metavar="TOML", help="other households, headroom, servers"
    )
    parser.add_argument("--prices", type=Path, metavar="TOML", help="prices of your own")
    parser.add_argument(
        "--day", type=Path, metavar="JSON", help="compare with what `omega fleet --json` printed"
    )
    parser.add_argument("--json", action="store_true", help="print one object for machines")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    reckoned = report.reckon(
        Inputs.read(Costs, arguments.costs),
        Inputs.read(Assumptions, arguments.assumptions),
        Inputs.read(Prices, arguments.prices),
    )
    costs, assumed = reckoned.costs.values, reckoned.assumed.values
    compared = day.compare(day.read(arguments.day), costs, assumed) if arguments.day else []
    if arguments.json:
        print(report.as_json(reckoned, compared))
        return 0
    console = Console()
    report.show(reckoned, console)
    if compared:
        console.print(day.table(compared))
    return 0
