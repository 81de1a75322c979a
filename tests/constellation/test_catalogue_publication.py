"""UpsertContents over a socket: all or nothing, one encoder, a version only for a change."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from omega.common.v1 import content_pb2, resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import ConstellationClient
from omega_core.vectors import pack_f16
from omega_delta import CataloguePack, content_to_proto, decode_catalogue
from omega_store import Store, contents
from omega_store.contents import EmbeddedContent
from omega_testing.fleet import MODEL, titles, vectors
from omega_testing.refusals import Refusal, refused

CATALOGUE = resource_pb2.ResourceKind.RESOURCE_KIND_CATALOGUE


def message(row: EmbeddedContent) -> pb.EmbeddedContent:
    return pb.EmbeddedContent(
        content=content_to_proto(row.content), embedding=pack_f16(row.embedding)
    )


def upsert(
    client: ConstellationClient,
    rows: Sequence[EmbeddedContent],
    *,
    publish: bool = False,
    model_version: str = MODEL,
) -> tuple[int, int, int, int]:
    answer = client.upsert_contents(
        pb.UpsertContentsRequest(
            contents=[message(row) for row in rows], model_version=model_version, publish=publish
        )
    )
    return answer.added, answer.updated, answer.unchanged, answer.catalogue_version


def catalogue(client: ConstellationClient, version: int) -> CataloguePack:
    return decode_catalogue(
        b"".join(chunk.data for chunk in client.get_resource(CATALOGUE, version))
    )


def test_a_published_catalogue_holds_every_title_in_order(client: ConstellationClient) -> None:
    rows = titles(25)
    assert upsert(client, rows[:20]) == (20, 0, 0, 0)
    assert upsert(client, rows[20:], publish=True) == (5, 0, 0, 1)
    pack = catalogue(client, 1)
    assert (pack.version, pack.model_version) == (1, MODEL)
    assert pack.ordinals.tolist() == list(range(25))
    assert pack.contents == tuple(row.content for row in rows)
    embeddings = np.stack([row.embedding for row in rows])
    np.testing.assert_array_equal(pack.embeddings, embeddings)
    np.testing.assert_allclose(pack.centring_mean, embeddings.mean(axis=0), atol=1e-6)


def test_a_version_is_made_only_for_a_change(client: ConstellationClient) -> None:
    rows = titles(3)
    assert upsert(client, rows, publish=True)[3] == 1
    assert upsert(client, rows, publish=True) == (0, 0, 3, 1)
    moved = dataclasses.replace(rows[0], embedding=vectors(1, seed=5)[0])
    assert upsert(client, [moved]) == (0, 1, 0, 1)
    # The change is still waiting to be published, though this request brings none.
    assert upsert(client, rows[1:], publish=True) == (0, 0, 2, 2)
    np.testing.assert_array_equal(catalogue(client, 2).embeddings[0], moved.embedding)


def test_the_mean_is_frozen_at_the_first_publication(client: ConstellationClient) -> None:
    upsert(client, titles(5), publish=True)
    first = catalogue(client, 1).centring_mean
    upsert(client, titles(9), publish=True)
    np.testing.assert_array_equal(catalogue(client, 2).centring_mean, first)


def test_vectors_of_two_encoders_never_meet(client: ConstellationClient, store: Store) -> None:
    upsert(client, titles(2))
    expected = Refusal("FAILED_PRECONDITION", "ENCODER_MISMATCH", "model_version")
    assert refused(lambda: upsert(client, titles(4)[2:], model_version="other")) == expected
    with store.statements() as conn:
        assert contents.count(conn) == 2


def test_one_bad_title_refuses_all_of_them(client: ConstellationClient, store: Store) -> None:
    rows = titles(3)
    rows[2] = dataclasses.replace(rows[2], embedding=rows[2].embedding * 2)
    expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", "contents[2].embedding")
    assert refused(lambda: upsert(client, rows, publish=True)) == expected
    with store.statements() as conn:
        assert contents.count(conn) == 0


GOOD = message(titles(1)[0])


def changed(**fields: object) -> pb.EmbeddedContent:
    """A good title with something wrong."""
    wrong = pb.EmbeddedContent()
    wrong.CopyFrom(GOOD)
    wrong.MergeFrom(pb.EmbeddedContent(content=content_pb2.Content(**fields)))  # type: ignore[arg-type]  # one field at a time
    return wrong


def with_vector(data: bytes) -> pb.EmbeddedContent:
    return pb.EmbeddedContent(content=GOOD.content, embedding=data)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("content.content_id", changed(content_id="a b")),
        ("content.content_id", changed(content_id="x" * 129)),
        ("content.title", changed(title="x" * 301)),
        ("content.kind", changed(kind=9)),
        ("content.genres", changed(genres=["g"] * 17)),
        ("content.genres[2]", changed(genres=[""])),
        ("content.year", changed(year=1869)),
        ("content.year", changed(year=2**32 - 1)),
        ("content.minimum_age", changed(minimum_age=22)),
        ("content.country", changed(country="x" * 65)),
        ("content.description", changed(description="x" * 2_001)),
        ("content.providers[1].availability", changed(providers=[content_pb2.Provider()])),
        ("embedding", with_vector(b"")),
        ("embedding", with_vector(b"\0" * 767)),
        ("embedding", with_vector(b"\0" * 768)),
        ("embedding", with_vector(np.full(384, np.nan, "<f2").tobytes())),
        ("embedding", with_vector(np.full(384, np.inf, "<f2").tobytes())),
        ("embedding", with_vector(pack_f16(titles(1)[0].embedding * np.float32(1.02)))),
    ],
)  # fmt: skip
def test_a_field_out_of_bounds_is_named(
    shared_client: ConstellationClient, field: str, wrong: pb.EmbeddedContent
) -> None:
    request = pb.UpsertContentsRequest(contents=[wrong], model_version=MODEL)
    expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", f"contents[0].{field}")
    assert refused(lambda: shared_client.upsert_contents(request)) == expected


@pytest.mark.parametrize(
    ("field", "request_"),
    [
        ("contents", pb.UpsertContentsRequest(model_version=MODEL)),
        ("contents", pb.UpsertContentsRequest(contents=[GOOD] * 1_001, model_version=MODEL)),
        ("model_version", pb.UpsertContentsRequest(contents=[GOOD])),
        ("model_version", pb.UpsertContentsRequest(contents=[GOOD], model_version="x" * 65)),
        (
            "contents[1].content.content_id",
            pb.UpsertContentsRequest(contents=[GOOD] * 2, model_version=MODEL),
        ),
    ],
    ids=["none", "too many", "no encoder", "long encoder", "twice"],
)
def test_a_request_out_of_bounds_is_refused(
    shared_client: ConstellationClient, field: str, request_: pb.UpsertContentsRequest
) -> None:
    expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", field)
    assert refused(lambda: shared_client.upsert_contents(request_)) == expected
