"""`omega fleet`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "fleet", help="simulate a fleet of TVs against real servers, in virtual time"
    )
    parser.add_argument("--devices", type=int, default=1_000, metavar="N", help="TVs that live")
    parser.add_argument("--hours", type=float, default=24.0, metavar="H", help="how long they live")
    parser.add_argument(
        "--enrol", type=int, default=0, metavar="N", help="TVs that are enrolled with one exchange"
    )
    parser.add_argument("--gateways", type=int, default=1, metavar="N", help="processes of sync")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of every draw")
    parser.add_argument("--faults", type=Path, metavar="TOML", help="what goes wrong, and when")
    parser.add_argument("--json", action="store_true", help="print one object for machines")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw its course, .png or .svg")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Returns 0 when every invariant holds, else 1."""
    # The simulator's dependencies come with the extra `demo`; other commands do without them.
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn

    from omega_cli.fleet import faults, report
    from omega_cli.fleet.run import Plan, Simulation
    from omega_cli.fleet.site import Servers, parts
    from omega_eval.sample import load_sample

    servers = Servers(gateways=arguments.gateways)
    plan = Plan(
        devices=arguments.devices,
        hours=arguments.hours,
        enrolled=arguments.enrol,
        seed=arguments.seed,
        servers=servers,
        faults=faults.read(arguments.faults, parts(servers)) if arguments.faults else (),
    )
    columns = (SpinnerColumn(), *Progress.get_default_columns(), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=sys.stderr)) as progress:
        task = progress.add_task("starting", total=plan.work)
        result = Simulation(
            plan,
            load_sample(),
            lambda text: progress.update(task, description=text),
            lambda done: progress.advance(task, done),
        ).run()
    if arguments.plot and result.samples:
        from omega_cli.capacity import day
        from omega_cli.capacity.inputs import Assumptions, Inputs
        from omega_cli.fleet import plot

        predicted = day.mean_rate(plan.devices, Inputs.read(Assumptions).values)
        plot.draw(result, arguments.plot, predicted)
    if arguments.json:
        print(report.as_json(result))
    else:
        report.show(result, Console())
    return 0 if result.verdict.holds else 1
