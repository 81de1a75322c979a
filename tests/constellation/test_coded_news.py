"""GetGlobalState under a codebook: one canonical state, and steps to it from any version."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from tests.constellation.conftest import serving

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2 as sync_pb
from omega_client import ConstellationClient
from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError
from omega_core.vectors import pack_f16
from omega_delta import announce, content_to_proto, decode_state_delta
from omega_delta.transform import CodedState, News, decode_news, pack_state, patterns_of
from omega_store import Store, contents, states
from omega_store.trends import TrendList
from omega_testing.codebooks import alike, codebook, patterns_alike
from omega_testing.fleet import MODEL, NOW, titles
from omega_testing.published import publish

U8 = resource_pb2.Codec.CODEC_U8_ZSTD
TRANSFORM = resource_pb2.Codec.CODEC_TRANSFORM
BOOK = codebook()


def _asked(
    client: ConstellationClient, version: int = 0, *, book: int = BOOK.id, region: str = ""
) -> pb.GetGlobalStateResponse:
    return client.get_global_state(
        pb.GetGlobalStateRequest(
            state_version=version, codec=TRANSFORM, codebook_id=book, region=region
        )
    )


def _news(client: ConstellationClient, base: CodedState | None = None, region: str = "") -> News:
    answer = _asked(client, base.version if base else 0, region=region)
    assert (answer.codec, answer.pages, answer.page) == (TRANSFORM, 1, 0)
    assert answer.compression == resource_pb2.Compression.COMPRESSION_NONE
    news = decode_news(answer.delta, BOOK, base)
    assert news.state.version == answer.state_version
    return news


def _same(one: CodedState, other: CodedState) -> bool:
    return pack_state(one, BOOK) == pack_state(other, BOOK)


def _add_titles(client: ConstellationClient, first: int, number: int) -> None:
    rows = titles(first + number)[first:]
    client.upsert_contents(
        pb.UpsertContentsRequest(
            contents=[
                pb.EmbeddedContent(content=content_to_proto(row.content), embedding=pack_f16(v))
                for row, v in zip(rows, alike(number, first), strict=True)
            ],
            model_version=MODEL,
            publish=True,
        )
    )


@pytest.fixture
def client(address: str) -> Iterator[ConstellationClient]:
    """One that waits for the first coding of a state on a busy machine."""
    with ConstellationClient(address, timeout=50.0) as opened:
        yield opened


@pytest.fixture
def coded(client: ConstellationClient) -> ConstellationClient:
    """A constellation that has a codebook."""
    client.publish_codebook(BOOK.body)
    return client


def test_the_state_is_the_published_one_up_to_the_codec(
    coded: ConstellationClient, store: Store
) -> None:
    publish(store, patterns_alike(60))
    found = patterns_of(_news(coded).state, BOOK)
    with store.statements() as conn:
        published = states.patterns(conn)
    assert [p.pattern_id for p in found] == [p.pattern_id for p in published]
    cosines = [float(a.embedding @ b.embedding) for a, b in zip(found, published, strict=True)]
    assert np.mean(cosines) > 0.985


def test_any_held_version_is_led_to_the_same_state(
    coded: ConstellationClient, store: Store
) -> None:
    publish(store, patterns_alike(40))
    first = _news(coded).state
    publish(store, patterns_alike(5, 1, ids=range(1, 6)), [7])
    second = _news(coded, first).state
    publish(store, patterns_alike(3, 2))
    third = _news(coded).state
    assert _same(_news(coded, first).state, third)
    assert _same(_news(coded, second).state, third)
    assert third.ids.tolist() == [n for n in range(1, 44) if n != 7]
    assert len(_asked(coded, 2).delta) < len(_asked(coded).delta) / 3


def test_a_state_is_coded_once_for_every_process(store: Store, client: ConstellationClient) -> None:
    client.publish_codebook(BOOK.body)
    publish(store, patterns_alike(30))
    first = _news(client).state
    publish(store, patterns_alike(4, 1, ids=range(1, 5)))
    with serving(store.url) as listening, ConstellationClient(listening) as other:
        assert _same(_news(other, first).state, _news(client).state)
        assert _same(_news(other).state, _news(client, first).state)


def test_versions_that_nobody_pulled_are_skipped(coded: ConstellationClient, store: Store) -> None:
    publish(store, patterns_alike(20))
    first = _news(coded).state
    for seed in range(1, 4):
        publish(store, patterns_alike(1, seed, ids=[seed]))
    assert _same(_news(coded, first).state, _news(coded).state)
    with store.statements() as conn:
        rows = conn.execute("SELECT version FROM coded_states ORDER BY version").fetchall()
    assert [version for (version,) in rows] == [1, 4]


@pytest.mark.parametrize("held", [2, 9, 2**62])
def test_a_version_that_is_not_coded_starts_from_nothing(
    coded: ConstellationClient, store: Store, held: int
) -> None:
    publish(store, patterns_alike(10))
    _news(coded)
    publish(store, patterns_alike(1, 1))
    publish(store, patterns_alike(1, 2))
    answer = _asked(coded, held)
    assert sync_pb.PackedNews.FromString(answer.delta).base_version == 0
    assert _same(decode_news(answer.delta, BOOK, None).state, _news(coded).state)


def test_old_coded_states_go_with_their_states(coded: ConstellationClient, store: Store) -> None:
    publish(store, patterns_alike(1))
    _news(coded)
    for seed in range(states.KEEP_STEPS + 1):
        publish(store, patterns_alike(1, seed, ids=[1]))
    with store.statements() as conn:
        assert conn.execute("SELECT count(*) FROM coded_states").fetchone() == (0,)


def test_titles_of_the_catalogues_since_come_along_newest_first(
    coded: ConstellationClient, store: Store
) -> None:
    _add_titles(coded, 0, 10)
    publish(store, patterns_alike(30))
    first = _news(coded)
    assert first.titles is not None
    assert first.titles.ordinals.tolist() == list(range(10))
    _add_titles(coded, 10, 200)
    publish(store, patterns_alike(1, 1, ids=[1]))
    found = _news(coded, first.state).titles
    assert found is not None
    assert found.catalogue_version == 2
    assert 48 <= len(found.ordinals) < 200
    assert found.ordinals.tolist() == list(range(210 - len(found.ordinals), 210))
    with store.statements() as conn:
        stored = {row.ordinal: row.embedding for row in contents.catalogue(conn)}
    for ordinal, vector in zip(found.ordinals.tolist(), found.embeddings, strict=True):
        assert float(vector @ stored[ordinal]) > 0.95


def test_without_a_new_catalogue_no_title_comes(coded: ConstellationClient, store: Store) -> None:
    _add_titles(coded, 0, 10)
    publish(store, patterns_alike(3))
    first = _news(coded).state
    publish(store, patterns_alike(1, 1, ids=[1]))
    assert _news(coded, first).titles is None


def test_a_catalogue_after_the_publication_waits_for_the_next_state(
    coded: ConstellationClient, store: Store
) -> None:
    publish(store, patterns_alike(3))
    _add_titles(coded, 0, 10)
    first = _news(coded)
    assert first.titles is None
    publish(store, patterns_alike(1, 1, ids=[1]))
    found = _news(coded, first.state).titles
    assert found is not None
    assert len(found.ordinals) == 10


def test_trends_are_those_of_the_region_under_the_later_catalogue(
    coded: ConstellationClient, store: Store
) -> None:
    _add_titles(coded, 0, 5)
    _add_titles(coded, 5, 5)
    publish(store, patterns_alike(3), trends=TrendList(1, NOW, {"": {1: 0.5}, "FR": {2: 0.75}}))
    for region, expected in (("FR", [1, 2]), ("DE", [1]), ("", [1])):
        trends = _news(coded, region=region).trends
        assert trends is not None
        assert [t.ordinal for t in trends.titles] == expected
        assert trends.catalogue_version == 2


def test_the_largest_news_fit_an_answer_with_everything_announced(
    coded: ConstellationClient, store: Store
) -> None:
    _add_titles(coded, 0, 300)
    rising = dict.fromkeys(range(0, 256, 8), 0.5)
    publish(
        store,
        patterns_alike(80),
        factors=b"factors",
        trends=TrendList(1, NOW, {"": rising}),
    )
    answer = _asked(coded)
    news = decode_news(answer.delta, BOOK, None)
    assert len(news.state.ids) == 80
    assert news.trends is not None
    assert len(news.trends.titles) == 32
    told = sync_pb.SyncResponse(
        accepted_sketches=20,
        duplicate=True,
        state_version=answer.state_version,
        compression=answer.compression,
        delta=answer.delta,
        retry_after=answer.retry_after,
        codec=answer.codec,
        pages=answer.pages,
    )
    announce(told, answer.resources)
    assert len(told.resources) == 3
    assert len(told.SerializeToString()) <= limits.MAX_SYNC_ANSWER


def test_a_tv_without_a_codebook_is_answered_under_a_fallback(
    coded: ConstellationClient, store: Store
) -> None:
    publish(store, patterns_alike(2))
    publish(store, patterns_alike(1, 1, ids=[1]))
    answer = _asked(coded, 1, book=0)
    assert answer.codec == U8
    assert decode_state_delta(answer.delta, U8).base_version == 1


def test_a_codebook_that_is_not_kept_gives_everything_under_a_fallback(
    coded: ConstellationClient, store: Store
) -> None:
    publish(store, patterns_alike(2))
    _news(coded)
    publish(store, patterns_alike(1, 1, ids=[1]))
    answer = _asked(coded, 1, book=12_345)
    assert answer.codec == U8
    assert decode_state_delta(answer.delta, U8).base_version == 0


def test_the_old_codebook_serves_as_long_as_it_is_kept(
    client: ConstellationClient, store: Store
) -> None:
    client.publish_codebook(BOOK.body)
    publish(store, patterns_alike(20))
    first = _news(client).state
    client.publish_codebook(codebook(1).body)
    publish(store, patterns_alike(1, 1, ids=[1]))
    second = _news(client, first).state
    newest = _asked(client, book=codebook(1).id)
    assert decode_news(newest.delta, codebook(1), None).state.codebook_id == codebook(1).id
    with pytest.raises(OmegaError) as caught:
        decode_news(newest.delta, BOOK, first)
    assert caught.value.code == ErrorCode.INVALID_FIELD
    for seed in (2, 3):
        client.publish_codebook(codebook(seed).body)
    publish(store, patterns_alike(1, 2, ids=[1]))
    with serving(store.url) as listening, ConstellationClient(listening) as fresh:
        assert _asked(fresh, second.version).codec == U8


def test_another_encoder_is_not_coded_under_the_codebook_of_the_old(
    coded: ConstellationClient, store: Store
) -> None:
    publish(store, patterns_alike(2))
    _news(coded)
    publish(store, patterns_alike(2, 1), model_version="other")
    answer = _asked(coded, 1)
    assert answer.codec == U8
    delta = decode_state_delta(answer.delta, U8)
    assert (delta.base_version, delta.model_version) == (0, "other")


def test_nothing_newer_is_no_news(coded: ConstellationClient, store: Store) -> None:
    publish(store, patterns_alike(2))
    answer = _asked(coded, 1)
    assert (answer.state_version, answer.delta, answer.pages) == (1, b"", 0)
