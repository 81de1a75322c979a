"""No answer with news exceeds 5,120 bytes, all fields counted, whatever else it has to say."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_core import limits
from omega_delta import PAGE_BYTES, announce, most_sketches, room

Answer = type[pb.SyncResponse] | type[pb.PullPatternsResponse]
BOTH = pytest.mark.parametrize("kind", [pb.SyncResponse, pb.PullPatternsResponse])


def _resources(number: int, *, longest: bool = True) -> list[resource_pb2.ResourceInfo]:
    return [
        resource_pb2.ResourceInfo(
            kind=resource_pb2.ResourceKind.RESOURCE_KIND_CODEBOOK,
            version=limits.MAX_VERSION if longest else 1,
            size_bytes=limits.MAX_RESOURCE if longest else 1,
            sha256=bytes(32),
            model_version="m" * (64 if longest else 20),
        )
        for _ in range(number)
    ]


def _answer(kind: Answer, delta: int) -> pb.SyncResponse | pb.PullPatternsResponse:
    answer = kind(
        state_version=limits.MAX_VERSION,
        compression=resource_pb2.Compression.COMPRESSION_ZSTD,
        delta=bytes(delta),
        retry_after=Duration(seconds=86_400, nanos=999_999_999),
        codec=resource_pb2.Codec.CODEC_TRANSFORM,
        pages=128,
    )
    if isinstance(answer, pb.SyncResponse):
        answer.accepted_sketches, answer.duplicate = 20, True
        answer.report_wanted = True
    else:
        answer.page = 127
    return answer


@BOTH
@pytest.mark.parametrize("longest", [True, False])
@pytest.mark.parametrize("number", range(limits.MAX_HELD + 1))
def test_news_that_fill_their_room_leave_every_field_its_bytes(
    kind: Answer, number: int, *, longest: bool
) -> None:
    resources = _resources(number, longest=longest)
    answer = _answer(kind, room(resources))
    if isinstance(answer, pb.SyncResponse):
        answer.recalled.extend(info.kind for info in resources)
    announce(answer, resources)
    assert len(answer.resources) == number
    assert len(answer.SerializeToString()) <= limits.MAX_SYNC_ANSWER


@pytest.mark.parametrize("number", range(limits.MAX_HELD + 1))
def test_the_room_is_exact(number: int) -> None:
    resources = _resources(number)
    answers = [
        _answer(kind, room(resources)) for kind in (pb.SyncResponse, pb.PullPatternsResponse)
    ]
    for answer in answers:
        answer.resources.extend(resources)
        if isinstance(answer, pb.SyncResponse):
            answer.recalled.extend(info.kind for info in resources)
    assert max(len(answer.SerializeToString()) for answer in answers) == limits.MAX_SYNC_ANSWER


@BOTH
def test_a_page_of_a_fallback_codec_fits_beside_eight_resources(kind: Answer) -> None:
    answer = _answer(kind, PAGE_BYTES)
    announce(answer, _resources(limits.MAX_HELD))
    assert len(answer.resources) == limits.MAX_HELD
    assert answer.ByteSize() <= limits.MAX_SYNC_ANSWER


@BOTH
def test_a_resource_that_finds_no_room_is_left_for_the_next_answer(kind: Answer) -> None:
    answer = _answer(kind, room(_resources(1)))
    announce(answer, _resources(3))
    assert len(answer.resources) == 1
    assert answer.ByteSize() <= limits.MAX_SYNC_ANSWER
    later = _answer(kind, 0)
    announce(later, _resources(3))
    assert len(later.resources) == 3


@BOTH
def test_an_answer_to_a_tv_that_knows_no_codec_is_not_bounded(kind: Answer) -> None:
    answer = _answer(kind, 60_000)
    answer.codec = resource_pb2.Codec.CODEC_UNSPECIFIED
    announce(answer, _resources(3))
    assert len(answer.resources) == 3


@pytest.mark.parametrize("model_version", ["m", "all-MiniLM-L6-v2-int8-r1", "x" * 64])
def test_the_fullest_exchange_holds_as_many_sketches_as_said_and_no_more(
    model_version: str,
) -> None:
    def size(sketches: int) -> int:
        return pb.SyncRequest(
            request_id="0" * 36,
            model_version=model_version,
            sketches=bytes(limits.SKETCH_BYTES * sketches),
            classes=bytes(sketches),
            state_version=limits.MAX_VERSION,
            held=[
                resource_pb2.HeldResource(kind=kind, version=limits.MAX_VERSION)
                for kind in resource_pb2.ResourceKind.values()[1:]
            ],
            sigma_hundredths=limits.MAX_SIGMA,
            codec=resource_pb2.Codec.CODEC_TRANSFORM,
            codebook_id=2**32 - 1,
        ).ByteSize()

    most = most_sketches(model_version)
    assert size(most) <= limits.MAX_SYNC_REQUEST < size(most + 1)
