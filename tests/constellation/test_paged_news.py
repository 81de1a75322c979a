"""GetGlobalState as a gateway asks it: for a region, under a codec, page by page."""

from __future__ import annotations

import pytest

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import ConstellationClient
from omega_delta import PAGE_BYTES, StateDelta, decode_state_delta, join_state_deltas
from omega_store import Store
from omega_store.trends import TrendList
from omega_testing.fleet import NOW, patterns
from omega_testing.published import publish
from omega_testing.refusals import Refusal, refused

UNSPECIFIED = resource_pb2.Codec.CODEC_UNSPECIFIED
F16 = resource_pb2.Codec.CODEC_F16_ZSTD
U8 = resource_pb2.Codec.CODEC_U8_ZSTD
TRANSFORM = resource_pb2.Codec.CODEC_TRANSFORM
PAGED = pytest.mark.parametrize("codec", [F16, U8], ids=["f16", "u8"])


def _pages(
    client: ConstellationClient, codec: resource_pb2.Codec.ValueType, version: int = 0
) -> list[pb.GetGlobalStateResponse]:
    """All pages, asked for as a TV does."""
    found: list[pb.GetGlobalStateResponse] = []
    while not found or len(found) < found[0].pages:
        found.append(
            client.get_global_state(
                pb.GetGlobalStateRequest(
                    state_version=version,
                    codec=codec,
                    page=len(found),
                    wanted_version=found[0].state_version if found else 0,
                )
            )
        )
        assert (found[-1].codec, found[-1].page) == (codec, len(found) - 1)
    return found


def _joined(answers: list[pb.GetGlobalStateResponse]) -> StateDelta:
    return join_state_deltas([decode_state_delta(a.delta, a.codec) for a in answers])


@PAGED
def test_the_pages_of_a_step_are_the_step(
    client: ConstellationClient, store: Store, codec: resource_pb2.Codec.ValueType
) -> None:
    publish(store, patterns(40))
    publish(store, patterns(30, seed=1, ids=range(1, 31)), [40], factors=b"factors")
    answers = _pages(client, codec)
    assert len(answers) > 1
    assert max(len(a.delta) for a in answers) <= PAGE_BYTES
    assert [len(a.resources) for a in answers] == [1] + [0] * (len(answers) - 1)
    assert [p.pattern_id for p in _joined(answers).patterns] == list(range(1, 40))
    step = _joined(_pages(client, codec, 1))
    assert (step.base_version, step.version, step.removed_pattern_ids) == (1, 2, (40,))
    assert [p.pattern_id for p in step.patterns] == list(range(1, 31))


@PAGED
def test_a_page_of_a_version_that_is_past_gives_the_first_of_the_newest(
    client: ConstellationClient, store: Store, codec: resource_pb2.Codec.ValueType
) -> None:
    publish(store, patterns(40))
    asked = pb.GetGlobalStateRequest(codec=codec, page=1, wanted_version=1)
    assert client.get_global_state(asked).page == 1
    publish(store, patterns(1, seed=1))
    answer = client.get_global_state(asked)
    assert (answer.page, answer.state_version) == (0, 2)


@PAGED
def test_a_page_beyond_the_last_is_refused(
    client: ConstellationClient, store: Store, codec: resource_pb2.Codec.ValueType
) -> None:
    publish(store, patterns(1))
    asked = pb.GetGlobalStateRequest(codec=codec, page=1, wanted_version=1)
    expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", "page")
    assert refused(lambda: client.get_global_state(asked)) == expected


def test_a_tv_that_states_no_codec_gets_one_piece(
    client: ConstellationClient, store: Store
) -> None:
    publish(store, patterns(40))
    answer = client.get_global_state(pb.GetGlobalStateRequest())
    assert (answer.codec, answer.pages, answer.page) == (UNSPECIFIED, 0, 0)
    assert len(decode_state_delta(answer.delta).patterns) == 40


def test_without_a_codebook_the_best_fallback_is_used(
    client: ConstellationClient, store: Store
) -> None:
    publish(store, patterns(2))
    answer = client.get_global_state(pb.GetGlobalStateRequest(codec=TRANSFORM))
    assert answer.codec == U8
    assert len(decode_state_delta(answer.delta, U8).patterns) == 2


@PAGED
def test_trends_are_those_of_the_stated_region(
    client: ConstellationClient, store: Store, codec: resource_pb2.Codec.ValueType
) -> None:
    publish(store, patterns(1), trends=TrendList(1, NOW, {"": {1: 0.5}, "FR": {2: 0.75}}))
    for region, expected in (("FR", [2, 1]), ("DE", [1]), ("", [1])):
        answer = client.get_global_state(pb.GetGlobalStateRequest(codec=codec, region=region))
        told = decode_state_delta(answer.delta, codec).trends
        assert told is not None
        assert [t.ordinal for t in told.titles] == expected


@PAGED
def test_nothing_newer_is_no_page(
    client: ConstellationClient, store: Store, codec: resource_pb2.Codec.ValueType
) -> None:
    publish(store, patterns(1))
    answer = client.get_global_state(pb.GetGlobalStateRequest(state_version=1, codec=codec))
    assert (answer.state_version, answer.delta, answer.pages) == (1, b"", 0)


@pytest.mark.parametrize(
    ("field", "request_"),
    [
        ("codec", pb.GetGlobalStateRequest(codec=9)),  # type: ignore[arg-type]  # of no enum
        ("page", pb.GetGlobalStateRequest(page=128)),
        ("wanted_version", pb.GetGlobalStateRequest(wanted_version=2**63)),
        ("region", pb.GetGlobalStateRequest(region="F R")),
    ],
)
def test_a_field_out_of_bounds_is_named(
    shared_client: ConstellationClient, field: str, request_: pb.GetGlobalStateRequest
) -> None:
    expected = Refusal("INVALID_ARGUMENT", "INVALID_FIELD", field)
    assert refused(lambda: shared_client.get_global_state(request_)) == expected
