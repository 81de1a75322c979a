"""PublishCodebook over a socket: what is one is stored, once, for the shard's encoder."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import ConstellationClient
from omega_core.vectors import pack_f16
from omega_delta import content_to_proto
from omega_testing.codebooks import codebook
from omega_testing.fleet import MODEL, titles
from omega_testing.refusals import Refusal, refused

CODEBOOK = resource_pb2.ResourceKind.RESOURCE_KIND_CODEBOOK
BODY = codebook().body


def _add_title(client: ConstellationClient, model_version: str) -> None:
    (row,) = titles(1)
    message = pb.EmbeddedContent(
        content=content_to_proto(row.content), embedding=pack_f16(row.embedding)
    )
    client.upsert_contents(
        pb.UpsertContentsRequest(contents=[message], model_version=model_version)
    )


def test_a_codebook_is_announced_and_served(client: ConstellationClient) -> None:
    _add_title(client, MODEL)
    answer = client.publish_codebook(BODY)
    assert (answer.version, answer.codebook_id) == (1, codebook().id)
    heads = client.get_heads(pb.GetHeadsRequest())
    assert heads.codebook_id == codebook().id
    (info,) = heads.resources
    assert (info.kind, info.version, info.model_version) == (CODEBOOK, 1, MODEL)
    assert info.sha256 == hashlib.sha256(BODY).digest()
    assert b"".join(chunk.data for chunk in client.get_resource(CODEBOOK, 1)) == BODY


def test_the_same_body_again_changes_nothing(client: ConstellationClient) -> None:
    first = client.publish_codebook(BODY)
    assert client.publish_codebook(BODY) == first
    assert client.publish_codebook(codebook(1).body).version == 2
    # Back to the one before: a version of its own, since versions only grow.
    again = client.publish_codebook(BODY)
    assert (again.version, again.codebook_id) == (3, codebook().id)


def test_publishers_at_once_agree(client: ConstellationClient) -> None:
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(client.publish_codebook, [BODY] * 8))
    assert {answer.version for answer in answers} == {1}


@pytest.mark.parametrize(
    "body",
    [b"", bytes(2**20 + 1), BODY[:-1], BODY + b"\0", b"X" + BODY[1:]],
    ids=["empty", "too large", "cut short", "too long", "no codebook"],
)
def test_what_is_no_codebook_is_refused(shared_client: ConstellationClient, body: bytes) -> None:
    expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", "body")
    assert refused(lambda: shared_client.publish_codebook(body)) == expected


def test_a_codebook_of_another_encoder_is_refused(client: ConstellationClient) -> None:
    _add_title(client, "other")
    expected = Refusal("FAILED_PRECONDITION", "ENCODER_MISMATCH", "model_version")
    assert refused(lambda: client.publish_codebook(BODY)) == expected
    assert not client.get_heads(pb.GetHeadsRequest()).codebook_id
