"""Hands titles to a constellation, with their vectors: servers carry no encoder.

Needs the extra `import`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import ConstellationClient
from omega_core.content import Content, embedding_text
from omega_core.errors import invalid
from omega_core.vectors import pack_f16
from omega_delta import content_to_proto
from omega_embed import Encoder

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

    Args:
        client: of the home shard.
        encoder: that of the shard.
        contents: at least one.
        advance: is told, after each batch, how many titles it had.

    Raises:
        OmegaError: INVALID_FIELD contents when there are none.
        ServiceError: the constellation refused or did not answer; batches that `advance` heard of
            are stored, and not published.
    """
    if not contents:
        raise invalid("contents", "at least one title")
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
