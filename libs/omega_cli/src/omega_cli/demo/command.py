"""`omega demo`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import NoReturn


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser("demo", help="run the whole loop and show it")
    parser.add_argument("--json", action="store_true", help="print the report for machines")
    parser.add_argument(
        "--page", type=Path, default=Path("demo-report.html"), help="the page (%(default)s)"
    )
    parser.add_argument(
        "--privacy",
        choices=("sketches", "threshold"),
        default="sketches",
        help="what TVs send: sketches, or reports of pairs that open from enough TVs on"
        " (%(default)s)",
    )
    parser.add_argument("--cache-dir", type=Path, help="where `omega model install` put the model")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    # The demo's own dependencies come with the extra `demo`; other commands do without them.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    from omega_cli.demo import page, terminal
    from omega_cli.demo.households import load_cast
    from omega_cli.demo.story import Story, play
    from omega_cli.demo.story_pairs import HOUSEHOLDS, PairStory
    from omega_embed import open_encoder

    # A supervisor's SIGTERM ends the demo as Ctrl-C does: by way of every finally.
    signal.signal(signal.SIGTERM, _interrupt)
    pairs = arguments.privacy == "threshold"
    cast = load_cast(HOUSEHOLDS if pairs else 0)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr)) as progress:
        told = PairStory if pairs else Story
        report = play(cast, open_encoder(arguments.cache_dir), progress, told)
    arguments.page.write_text(page.render(report), "utf-8")
    if arguments.json:
        print(json.dumps(asdict(report), ensure_ascii=False))
    else:
        terminal.show(report, Console())
        print(f"The same with plots: {arguments.page}")
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
