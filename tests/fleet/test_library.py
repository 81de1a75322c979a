"""What TVs hold between them is read once, and no TV is led elsewhere than the others."""

from __future__ import annotations

import hashlib

import pytest

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_cli.fleet.library import Library
from omega_core.errors import ErrorCode, OmegaError
from omega_delta.transform import CodedState, code_state, encode_news
from omega_publish.coding import global_patterns
from omega_testing.codebooks import narrow_codebook, patterns_alike

CODEBOOK = resource_pb2.ResourceKind.RESOURCE_KIND_CODEBOOK


@pytest.fixture
def library() -> Library:
    """One that holds the codebook."""
    made = Library()
    body = narrow_codebook().body
    made.take_body(info(body), body)
    return made


def info(body: bytes, version: int = 1) -> resource_pb2.ResourceInfo:
    return resource_pb2.ResourceInfo(
        kind=CODEBOOK, version=version, size_bytes=len(body), sha256=hashlib.sha256(body).digest()
    )


def state(version: int, previous: CodedState | None = None) -> CodedState:
    found = global_patterns(patterns_alike(6, version, ids=range(1, 7)))
    return code_state(narrow_codebook(), version, found, previous, 2_304)


def answer(to: CodedState, base: CodedState | None = None, *, version: int = 0) -> pb.SyncResponse:
    return pb.SyncResponse(
        state_version=version or to.version,
        delta=encode_news(narrow_codebook(), to, base, None, None, 5_000),
        codec=resource_pb2.CODEC_TRANSFORM,
        pages=1,
    )


def test_news_are_read_once_and_a_sample_reads_them_again(library: Library) -> None:
    first, second = state(1), state(2)
    for _ in range(3):
        assert library.take_news(1, 0, answer(first), (), alone=False) == 1
    assert (library.decoded, library.compared) == (1, 0)
    assert library.take_news(1, 0, answer(first), (), alone=True) == 1
    assert library.take_news(1, 1, answer(second, first), (), alone=False) == 2
    assert library.take_news(1, 0, answer(second), (), alone=False) == 2
    assert (library.decoded, library.compared) == (4, 2)


def test_another_state_under_the_same_version_is_found(library: Library) -> None:
    library.take_news(1, 0, answer(state(1)), (), alone=False)
    other = code_state(
        narrow_codebook(),
        1,
        global_patterns(patterns_alike(6, 9, ids=range(1, 7))),
        None,
        2_304,
    )
    with pytest.raises(OmegaError, match="news of that state"):
        library.take_news(1, 0, answer(other), (), alone=False)


def test_news_that_lead_elsewhere_than_they_say_are_found(library: Library) -> None:
    with pytest.raises(OmegaError, match="news of that state"):
        library.take_news(1, 0, answer(state(1), version=3), (), alone=False)


def test_a_body_must_be_what_was_announced(library: Library) -> None:
    body = narrow_codebook(1).body
    assert library.codebook_id(1) == narrow_codebook().id
    assert library.codebook_id(0) == 0
    for damaged in (body[:-1], body[:-1] + bytes([body[-1] ^ 1])):
        with pytest.raises(OmegaError) as caught:
            library.take_body(info(body, 2), damaged)
        assert caught.value.code is ErrorCode.CORRUPT_RESOURCE
    library.take_body(info(body, 2), body)
    assert library.codebook_id(2) == narrow_codebook(1).id
