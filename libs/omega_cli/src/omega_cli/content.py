"""`omega content import`: hands an operator's titles to a constellation, with their vectors."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

from omega_cli.exits import Exit
from omega_cli.output import add_json, console, print_json, printable
from omega_cli.reach import add_reach, constellation
from omega_client import ServiceError
from omega_core.content import Content
from omega_embed import open_encoder
from omega_titles import Form, TitleFile, read_titles_file
from omega_titles.importing import ImportReport, import_contents

SHOWN = 20
"""Bad rows that are told one by one."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `omega content`."""
    group = commands.add_parser("content", help="titles of the operator's catalogue")
    actions = group.add_subparsers(metavar="ACTION", required=True)
    parser = actions.add_parser("import", help="embed titles and publish them to a constellation")
    parser.add_argument("file", type=Path, help="titles, or a folder of MovieLens")
    parser.add_argument(
        "--format", choices=[form.value for form in Form], help="its form; by its name without"
    )
    parser.add_argument(
        "--skip-bad", action="store_true", help="import the rest where rows are bad; ends with 5"
    )
    parser.add_argument("--dry-run", action="store_true", help="read and check; send nothing")
    parser.add_argument("--cache-dir", type=Path, help="where `omega model install` put the model")
    add_reach(parser)
    add_json(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    read = read_titles_file(arguments.file, Form(arguments.format) if arguments.format else None)
    _complain(arguments.file.name, read)
    report = None
    if (arguments.skip_bad or not read.bad_rows) and read.contents and not arguments.dry_run:
        report = _import(arguments, read.contents)
    _tell(arguments, read, report)
    if read.bad_rows and not arguments.skip_bad:
        return Exit.FAILED
    if not read.contents:
        return Exit.NOT_FOUND
    return Exit.PARTLY if read.bad_rows else Exit.DONE


def _complain(name: str, read: TitleFile) -> None:
    for row in read.bad[:SHOWN]:
        print(printable(f"omega: {name}: {row}"), file=sys.stderr)
    if read.bad_rows > SHOWN:
        print(f"omega: {name}: {read.bad_rows - SHOWN:,} more bad rows", file=sys.stderr)


def _import(arguments: argparse.Namespace, contents: Sequence[Content]) -> ImportReport:
    encoder = open_encoder(arguments.cache_dir)
    columns = (*Progress.get_default_columns()[:-1], MofNCompleteColumn(), TimeRemainingColumn())
    with (
        constellation(arguments) as client,
        Progress(*columns, console=console(errors=True)) as progress,
    ):
        task = progress.add_task("embedding and storing titles", total=len(contents))
        try:
            return import_contents(
                client, encoder, contents, lambda count: progress.advance(task, count)
            )
        except (ServiceError, KeyboardInterrupt):
            stored = int(progress.tasks[0].completed)
            print(
                f"omega: {stored:,} of {len(contents):,} titles are stored and no catalogue has"
                " them yet; run it again to go on",
                file=sys.stderr,
            )
            raise


def _tell(arguments: argparse.Namespace, read: TitleFile, report: ImportReport | None) -> None:
    if arguments.json:
        print_json(
            {
                "titles": len(read.contents),
                "bad_rows": read.bad_rows,
                "bad": [asdict(row) for row in read.bad],
                "imported": asdict(report) if report else None,
            }
        )
        return
    skipped = f", {read.bad_rows:,} bad rows left out" if read.bad_rows else ""
    if report:
        print(
            f"catalogue {report.catalogue_version}: {report.added:,} titles added, "
            f"{report.updated:,} updated, {report.unchanged:,} unchanged"
            f" ({report.model_version}){skipped}"
        )
    else:
        print(f"{len(read.contents):,} titles, {read.bad_rows:,} bad rows; nothing was sent")
