"""GetResource of a catalogue over a socket: text deltas for who holds the base, else the pack."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import ConstellationClient
from omega_core.vectors import pack_f16
from omega_delta import (
    CatalogueTitles,
    apply_catalogue_delta,
    content_to_proto,
    decode_catalogue,
    decode_catalogue_delta,
)
from omega_store.contents import EmbeddedContent
from omega_testing.fleet import MODEL, titles

CATALOGUE = resource_pb2.ResourceKind.RESOURCE_KIND_CATALOGUE


def _publish(client: ConstellationClient, rows: list[EmbeddedContent]) -> int:
    answer = client.upsert_contents(
        pb.UpsertContentsRequest(
            contents=[
                pb.EmbeddedContent(
                    content=content_to_proto(row.content), embedding=pack_f16(row.embedding)
                )
                for row in rows
            ],
            model_version=MODEL,
            publish=True,
        )
    )
    return answer.catalogue_version


def _fetched(
    client: ConstellationClient, version: int, base: tuple[int, bytes] = (0, b"")
) -> tuple[resource_pb2.ResourceInfo, bytes]:
    chunks = list(client.get_resource(CATALOGUE, version, base=base))
    body = b"".join(chunk.data for chunk in chunks)
    info = chunks[0].info
    assert (info.size_bytes, info.sha256) == (len(body), hashlib.sha256(body).digest())
    return info, body


def _held(client: ConstellationClient, version: int) -> tuple[CatalogueTitles, bytes]:
    info, body = _fetched(client, version)
    pack = decode_catalogue(body)
    titles_ = CatalogueTitles(version, pack.model_version, pack.ordinals, pack.contents)
    return titles_, info.sha256


def test_who_holds_a_kept_version_gets_the_text_that_changed(client: ConstellationClient) -> None:
    rows = titles(40)
    assert _publish(client, rows[:30]) == 1
    held, sha256 = _held(client, 1)
    changed = replace(rows[4], content=replace(rows[4].content, title="Another"))
    assert _publish(client, [changed, *rows[30:]]) == 2
    for _ in range(2):
        info, body = _fetched(client, 2, (1, sha256))
        assert (info.version, info.base_version) == (2, 1)
        found = apply_catalogue_delta(held, decode_catalogue_delta(body))
        pack, _ = _held(client, 2)
        assert found.contents == pack.contents
        assert found.ordinals.tolist() == pack.ordinals.tolist()
    assert len(body) < info.size_bytes + 1 < len(_fetched(client, 2)[1]) / 5


def test_who_holds_something_else_gets_the_whole_pack(client: ConstellationClient) -> None:
    rows = titles(9)
    for n in range(1, 6):
        _publish(client, rows[n : n + 1])
    sha256 = _held(client, 3)[1]
    assert _fetched(client, 5, (3, sha256))[0].base_version == 3
    for base in ((3, bytes(32)), (1, sha256), (9, sha256), (2**62, sha256), (5, sha256)):
        info, body = _fetched(client, 5, base)
        assert info.base_version == 0
        assert decode_catalogue(body).version == 5


def test_a_delta_begins_at_its_first_byte(client: ConstellationClient) -> None:
    rows = titles(9)
    _publish(client, rows[:8])
    sha256 = _held(client, 1)[1]
    _publish(client, rows[8:])
    whole = _fetched(client, 2)[1]
    chunks = list(client.get_resource(CATALOGUE, 2, 5, base=(1, sha256)))
    assert chunks[0].info.base_version == 0
    assert b"".join(chunk.data for chunk in chunks) == whole[5:]
