"""`omega export`: what an operator takes out of a fleet. Never what devices pushed."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from omega_cli import pages
from omega_cli.exits import Exit
from omega_cli.output import Record, add_json, record_of, say
from omega_cli.reach import add_reach, admin
from omega_client import AdminClient
from omega_core.errors import invalid
from omega_delta import content_from_proto
from omega_titles import write_csv, write_json_lines
from omega_titles.cells import line_of

FORMATS = ("jsonl", "csv")
"""Forms of the files."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `omega export`."""
    parser = commands.add_parser("export", help="write what a fleet knows into a folder")
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="made if absent")
    parser.add_argument(
        "--format", choices=FORMATS, default="jsonl", help="form of the files (%(default)s)"
    )
    parser.add_argument(
        "--only", default=",".join(PARTS), help="parts, with commas (default: %(default)s)"
    )
    add_reach(parser)
    add_json(parser)
    parser.set_defaults(run=_run)


def _rounds(client: AdminClient) -> Iterator[Record]:
    yield from map(record_of, pages.rounds(client, pages.PAGE))


def _trends(client: AdminClient) -> Iterator[Record]:
    """Trends over all regions, then those of each."""
    first = client.list_trends()
    for region in ("", *first.regions):
        answer = client.list_trends(region) if region else first
        scored_at = record_of(answer)["scored_at"]
        for each in answer.trends:
            yield {"region": region, "scored_at": scored_at, **record_of(each)}


def _stats(client: AdminClient) -> Iterator[Record]:
    """Figures of each shard that answers; the part `shards` tells which do."""
    for each in client.list_shards().shards:
        if each.reachable:
            yield record_of(client.get_shard_stats(each.entry.shard))


def _shards(client: AdminClient) -> Iterator[Record]:
    yield from map(record_of, client.list_shards().shards)


def _directory(client: AdminClient) -> Iterator[Record]:
    answer = client.list_shards()
    entries = [record_of(each.entry) for each in answer.shards]
    yield {"version": answer.directory_version, "home": answer.home, "shards": entries}


def _releases(client: AdminClient) -> Iterator[Record]:
    yield from map(record_of, pages.releases(client, pages.PAGE))


def _audit(client: AdminClient) -> Iterator[Record]:
    yield from map(record_of, pages.audit(client, pages.PAGE))


PARTS: dict[str, Callable[[AdminClient], Iterator[Record]] | None] = {
    "contents": None,
    "rounds": _rounds,
    "trends": _trends,
    "releases": _releases,
    "shards": _shards,
    "stats": _stats,
    "directory": _directory,
    "audit": _audit,
}
"""Parts and what reads them; titles have a form of their own, that `omega content import` reads."""


def _run(arguments: argparse.Namespace) -> int:
    parts = arguments.only.split(",")
    if unknown := [part for part in parts if part not in PARTS]:
        raise invalid("--only", f"of {', '.join(PARTS)}; not {unknown[0]!r}")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    written: Record = {}
    with admin(arguments) as client:
        for part in parts:
            path = arguments.folder / f"{part}.{arguments.format}"
            with _replacing(path) as file:
                read = PARTS[part]
                if read is None:
                    written[part] = _contents(client, file, arguments.format)
                else:
                    written[part] = _records(read(client), file, arguments.format)
    told = ", ".join(f"{count:,} {part}" for part, count in written.items())
    say(arguments, {"folder": str(arguments.folder), "written": written}, f"{told} written")
    return Exit.DONE


def _contents(client: AdminClient, file: TextIO, form: str) -> int:
    count = 0

    def counted() -> Iterator[Any]:
        nonlocal count
        for message in pages.contents(client):
            count += 1
            yield content_from_proto(message)

    write = write_csv if form == "csv" else write_json_lines
    write(file, counted())
    return count


def _records(records: Iterable[Record], file: TextIO, form: str) -> int:
    count, names = 0, list[str]()
    for record in records:
        count += 1
        if form == "jsonl":
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
            continue
        if not names:
            names = list(record)
            file.write(line_of(names))
        file.write(line_of([_cell(record[name]) for name in names]))
    return count


def _cell(value: object) -> str:
    """A value as a cell: lists and records in JSON, nothing for None."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """A file that takes the place of `path` once it is whole."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            yield file
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
