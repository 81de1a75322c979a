"""`omega content import`: hands an operator's titles to a constellation, with their vectors.

Servers carry no encoder, so titles are embedded here.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_cli.reach import add_reach, constellation
from omega_client import ConstellationClient
from omega_core.catalogue_file import read_catalogue
from omega_core.content import Content, embedding_text
from omega_core.vectors import pack_f16
from omega_delta import content_to_proto
from omega_embed import Encoder, open_encoder

BATCH = 500
"""Titles a call."""


@dataclass(frozen=True)
class ImportReport:
    """What an import did."""

    added: int
    """Titles that were new."""
    updated: int
    """Titles that were known and differ."""
    unchanged: int
    """Titles that were known and equal."""
    catalogue_version: int
    """The version that holds them."""
    model_version: str
    """Encoder of the vectors."""


def import_contents(
    client: ConstellationClient,
    encoder: Encoder,
    contents: Sequence[Content],
    advance: Callable[[int], None] = lambda _: None,
) -> ImportReport:
    """Embeds titles, stores them and publishes a catalogue; `advance` hears of each batch.

    Repeating it changes nothing. An interrupted import is completed by running it again.

    Raises:
        ServiceError: the constellation refused or did not answer.
    """
    added = updated = unchanged = version = 0
    for begin in range(0, len(contents), BATCH):
        batch = contents[begin : begin + BATCH]
        vectors = encoder.encode([embedding_text(content) for content in batch])
        answer = client.upsert_contents(
            pb.UpsertContentsRequest(
                contents=[
                    pb.EmbeddedContent(content=content_to_proto(c), embedding=pack_f16(v))
                    for c, v in zip(batch, vectors, strict=True)
                ],
                model_version=encoder.model_version,
                publish=begin + BATCH >= len(contents),
            )
        )
        added += answer.added
        updated += answer.updated
        unchanged += answer.unchanged
        version = answer.catalogue_version
        advance(len(batch))
    return ImportReport(added, updated, unchanged, version, encoder.model_version)


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `omega content`."""
    group = commands.add_parser("content", help="titles of the operator's catalogue")
    actions = group.add_subparsers(metavar="ACTION", required=True)
    parser = actions.add_parser("import", help="embed titles and publish them to a constellation")
    parser.add_argument("file", type=Path, help="one JSON object a line (docs/catalogue.md)")
    add_reach(parser)
    parser.add_argument("--cache-dir", type=Path, help="where `omega model install` put the model")
    parser.add_argument("--json", action="store_true", help="print the report for machines")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    contents = read_catalogue(arguments.file)
    encoder = open_encoder(arguments.cache_dir)
    console = Console(file=sys.stderr)
    with (
        constellation(arguments) as client,
        Progress(console=console) as progress,
    ):
        task = progress.add_task("embedding and storing titles", total=len(contents))
        report = import_contents(
            client, encoder, contents, lambda count: progress.advance(task, count)
        )
    if arguments.json:
        print(json.dumps(asdict(report)))
    else:
        print(
            f"catalogue {report.catalogue_version}: {report.added} titles added, "
            f"{report.updated} updated, {report.unchanged} unchanged ({report.model_version})"
        )
    return 0
