"""`omega bench`."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser("bench", help="measure, beside peers of the same run")
    what = parser.add_subparsers(metavar="WHAT", required=True)
    brain = what.add_parser("brain", help="the brain at 10,000 titles")
    brain.add_argument("--json", action="store_true", help="print one object for machines")
    brain.add_argument("--cache-dir", type=Path, help="where `omega model install` put the model")
    brain.set_defaults(run=_brain)
    federation = what.add_parser("federation", help="rounds of a shard at 10,000 titles")
    federation.add_argument("--json", action="store_true", help="print one object for machines")
    federation.add_argument(
        "--devices", type=int, default=2_000, metavar="N", help="devices of the shard"
    )
    federation.add_argument(
        "--growth",
        type=lambda text: tuple(int(n) for n in text.split(",")),
        metavar="N,N",
        help="sizes of further fleets, each with one worker and with two",
    )
    federation.set_defaults(run=_federation)
    sync = what.add_parser("sync", help="the gateway: exchanges a core, open streams")
    sync.add_argument("--json", action="store_true", help="print one object for machines")
    sync.add_argument(
        "--streams", type=int, default=5_000, metavar="N", help="streams to hold open; 0 = none"
    )
    sync.add_argument("--runs", type=int, default=5, metavar="N", help="runs of each figure")
    sync.add_argument("--plot", type=Path, metavar="PNG", help="draw the growth")
    sync.set_defaults(run=_sync)
    telemetry = what.add_parser("telemetry", help="what telemetry costs a sync")
    telemetry.add_argument("--json", action="store_true", help="print one object for machines")
    telemetry.add_argument("--runs", type=int, default=5, metavar="N", help="runs of each figure")
    telemetry.set_defaults(run=_telemetry)
    threshold = what.add_parser("threshold", help="threshold reports: what each party does")
    threshold.add_argument("--json", action="store_true", help="print one object for machines")
    threshold.add_argument(
        "--reports", type=int, default=20_000, metavar="N", help="reports that are looked through"
    )
    threshold.add_argument(
        "--devices",
        type=int,
        default=1_000,
        metavar="N",
        help="TVs of the fleet over which a round is run; 0 = none is",
    )
    threshold.set_defaults(run=_threshold)
    shard = what.add_parser("constellation", help="a shard's store: writes, pulls, bytes a device")
    shard.add_argument("--json", action="store_true", help="print one object for machines")
    shard.add_argument(
        "--patterns", type=int, default=1_000_000, metavar="N", help="global patterns of a pull"
    )
    shard.add_argument("--runs", type=int, default=5, metavar="N", help="runs of each way to write")
    shard.set_defaults(run=_constellation)
    wire = what.add_parser("wire", help="bytes of pushes, pulls and updates")
    wire.add_argument("--json", action="store_true", help="print one object for machines")
    wire.add_argument("--cache-dir", type=Path, help="where `omega model install` put the model")
    wire.set_defaults(run=_wire)


def _brain(arguments: argparse.Namespace) -> int:
    # The benchmark's dependencies come with the extra `demo`; other commands do without them.
    from rich.console import Console

    from omega_cli.bench import brain, figures
    from omega_cli.bench.plan import Plan

    with Console(stderr=True).status("measuring the brain") as status:
        found = brain.measure(Plan(cache_dir=arguments.cache_dir), status.update)
    if arguments.json:
        print(figures.as_json("brain", found))
    else:
        figures.show("brain", found, Console())
    return 0


def _federation(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from omega_cli.bench import federation, figures

    plan = federation.Plan(devices=arguments.devices, growth=arguments.growth or ())
    with Console(stderr=True).status("measuring rounds") as status:
        found = federation.measure(plan, status.update)
    if arguments.json:
        print(figures.as_json("federation", found))
    else:
        figures.show("federation", found, Console())
    return 0


def _sync(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from omega_cli.bench import figures, sync, sync_plot

    plan = sync.Plan(streams=arguments.streams, runs=arguments.runs)
    with Console(stderr=True).status("measuring the gateway") as status:
        found, growth = sync.measure(plan, status.update)
    if arguments.plot:
        sync_plot.draw(growth, arguments.plot)
    if arguments.json:
        print(figures.as_json("sync", found))
    else:
        figures.show("sync", found, Console())
    return 0


def _telemetry(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from omega_cli.bench import figures, telemetry

    with Console(stderr=True).status("measuring telemetry") as status:
        found = telemetry.measure(telemetry.Plan(runs=arguments.runs), status.update)
    if arguments.json:
        print(figures.as_json("telemetry", found))
    else:
        figures.show("telemetry", found, Console())
    return 0


def _threshold(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from omega_cli.bench import figures, threshold

    plan = threshold.Plan(reports=arguments.reports, devices=arguments.devices)
    with Console(stderr=True).status("measuring threshold reports") as status:
        found = threshold.measure(plan, status.update)
    if arguments.json:
        print(figures.as_json("threshold", found))
    else:
        figures.show("threshold", found, Console())
    return 0


def _constellation(arguments: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from omega_cli.bench import constellation, figures

    plan = constellation.Plan(patterns=arguments.patterns, runs=arguments.runs)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("starting", total=plan.steps)
        done = -1

        def advance(what: str) -> None:
            nonlocal done
            done += 1
            progress.update(task, completed=done, description=what)

        found = constellation.measure(plan, advance)
        progress.update(task, completed=plan.steps, description="done")
    if arguments.json:
        print(figures.as_json("constellation", found))
    else:
        figures.show("constellation", found, Console())
    return 0


def _wire(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from omega_cli.bench import figures, wire

    with Console(stderr=True).status("measuring the wire") as status:
        found = wire.measure(wire.Plan(day=True, cache_dir=arguments.cache_dir), status.update)
    if arguments.json:
        print(figures.as_json("wire", found))
    else:
        figures.show("wire", found, Console())
    return 0
