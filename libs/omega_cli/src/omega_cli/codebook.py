"""`omega codebook train`: learns from an operator's own titles how news are coded."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_cli.reach import add_reach, constellation
from omega_client import ConstellationClient
from omega_client.resources import assemble
from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import FloatArray, pack_f16
from omega_delta import STATE_BYTES, CataloguePack, GlobalPattern, decode_catalogue, room
from omega_delta.transform import (
    Codebook,
    NewTitles,
    code_state,
    decode_news,
    encode_news,
    neighbourhoods,
    pack_state,
    patterns_of,
    train,
)

HELD_OUT = 10
"""One title in so many is not trained with; what the codebook keeps is measured on those."""
MOST_HELD_OUT = 160
"""Held-out titles that are measured, at most."""
PATTERNS = 64
"""Patterns of the measured pull."""
CATALOGUE = resource_pb2.ResourceKind.RESOURCE_KIND_CATALOGUE


@dataclass(frozen=True)
class Kept:
    """What coding leaves of vectors that the codebook was not trained with."""

    vectors: int
    """How many a pull holds."""
    bytes_each: float
    """What one takes."""
    cosine_mean: float
    """To the vector itself."""
    cosine_p5: float
    """What 19 of 20 reach."""


@dataclass(frozen=True)
class CodebookReport:
    """What was trained, what it costs and what it keeps."""

    codebook_id: int
    """First 4 bytes of the body's SHA-256, little-endian."""
    version: int
    """Version as a resource; 0 = not published."""
    model_version: str
    """Encoder of the vectors."""
    catalogue_version: int
    """Catalogue that it was trained with."""
    titles: int
    """Titles that it was trained with."""
    codebook_bytes: int
    """Its body, which each TV fetches once."""
    plain_bytes: int
    """What a vector takes as float16."""
    patterns: Kept
    """Tastes, drawn anew from all titles."""
    contents: Kept | None
    """Held-out titles beside them; None = too few for any."""


def newest_catalogue(client: ConstellationClient) -> CataloguePack:
    """The newest catalogue of a constellation.

    Raises:
        OmegaError: UNKNOWN_RESOURCE when none was published; CORRUPT_RESOURCE.
        ServiceError: the constellation refused or did not answer.
    """
    published = client.get_heads(pb.GetHeadsRequest()).resources
    info = next((r for r in published if r.kind == CATALOGUE), None)
    if info is None:
        raise OmegaError(ErrorCode.UNKNOWN_RESOURCE, detail="no catalogue; import titles first")
    chunks = client.get_resource(CATALOGUE, info.version)
    return decode_catalogue(assemble(chunks, info, bytearray()))


def trained(pack: CataloguePack, seed: int = 0) -> tuple[Codebook, CodebookReport]:
    """A codebook for a catalogue's vectors, and what it keeps of a tenth that it never saw.

    Raises:
        OmegaError: INVALID_FIELD contents when the catalogue has too few titles, about 80.
    """
    order = np.random.default_rng(seed).permutation(len(pack.contents))
    held_out, used = np.split(order, [len(order) // HELD_OUT])
    contents = pack.embeddings[np.sort(used)]
    tastes = neighbourhoods(contents, pack.centring_mean, seed)
    book = train(pack.model_version, tastes, contents, seed)
    unseen = pack.embeddings[np.sort(held_out)[-MOST_HELD_OUT:]]
    drawn_anew = neighbourhoods(pack.embeddings, pack.centring_mean, seed + 1, PATTERNS)
    patterns, titles = _measured(book, drawn_anew[:PATTERNS], unseen)
    report = CodebookReport(
        codebook_id=book.id,
        version=0,
        model_version=book.model_version,
        catalogue_version=pack.version,
        titles=len(contents),
        codebook_bytes=len(book.body),
        plain_bytes=len(pack_f16(contents[0])),
        patterns=patterns,
        contents=titles,
    )
    return book, report


def _measured(book: Codebook, tastes: FloatArray, unseen: FloatArray) -> tuple[Kept, Kept | None]:
    """Codes one pull as a constellation does, with nothing that the codebook was trained with."""
    sent = [GlobalPattern(i + 1, row, 0.75, 4, 1 / PATTERNS) for i, row in enumerate(tastes)]
    state = code_state(book, 1, sent, None, STATE_BYTES)
    got = patterns_of(state, book)
    kept_ids = [p.pattern_id - 1 for p in got]
    patterns = _kept(
        tastes[kept_ids], np.array([p.embedding for p in got]), len(pack_state(state, book))
    )
    titles = NewTitles(1, np.arange(len(unseen), dtype=np.uint32), unseen)
    plain = encode_news(book, state, None, None, None, limits.MAX_SYNC_ANSWER)
    news = encode_news(book, state, None, None, titles, room(()))
    found = decode_news(news, book, None).titles
    if found is None:
        return patterns, None
    return patterns, _kept(unseen[found.ordinals], found.embeddings, len(news) - len(plain))


def _kept(sent: FloatArray, got: FloatArray, taken: int) -> Kept:
    cosines = np.einsum("ij,ij->i", sent, got)
    return Kept(
        vectors=len(got),
        bytes_each=taken / len(got),
        cosine_mean=float(cosines.mean()),
        cosine_p5=float(np.quantile(cosines, 0.05)),
    )


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `omega codebook`."""
    group = commands.add_parser("codebook", help="how the vectors of news are coded")
    actions = group.add_subparsers(metavar="ACTION", required=True)
    parser = actions.add_parser(
        "train",
        help="train a codebook with the newest catalogue of a constellation, and publish it",
    )
    add_reach(parser)
    parser.add_argument("--seed", type=int, default=0, help="what is drawn, 0 on (%(default)s)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the codebook here, too")
    parser.add_argument("--dry-run", action="store_true", help="measure; publish nothing")
    parser.add_argument("--json", action="store_true", help="print the report for machines")
    parser.set_defaults(run=_run)


def table(report: CodebookReport) -> Table:
    """The report for people."""
    made = Table(
        title=f"codebook {report.codebook_id:08x} for {report.model_version}",
        caption=f"{report.codebook_bytes:,} bytes, trained with {report.titles:,} titles of "
        f"catalogue {report.catalogue_version}; measured on one pull with titles that it never saw",
    )
    for heading in ("", "in a pull", "bytes each", "as float16", "cosine", "19 of 20 reach"):
        made.add_column(heading, justify="right")
    for name, kept in (("patterns", report.patterns), ("new titles", report.contents)):
        if kept:
            made.add_row(
                name,
                str(kept.vectors),
                f"{kept.bytes_each:.1f}",
                str(report.plain_bytes),
                f"{kept.cosine_mean:.4f}",
                f"{kept.cosine_p5:.4f}",
            )
    return made


def _run(arguments: argparse.Namespace) -> int:
    with constellation(arguments) as client:
        with Console(file=sys.stderr).status("training"):
            book, report = trained(newest_catalogue(client), arguments.seed)
        if arguments.out:
            arguments.out.write_bytes(book.body)
        if not arguments.dry_run:
            version = client.publish_codebook(book.body).version
            report = replace(report, version=version)
    if arguments.json:
        print(json.dumps(asdict(report)))
        return 0
    Console().print(table(report))
    print(f"published as version {report.version}" if report.version else "not published")
    return 0
