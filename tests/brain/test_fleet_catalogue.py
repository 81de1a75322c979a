"""The fleet's catalogue becomes this TV's own: history kept, ordinals followed, all or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from omega.common.v1 import resource_pb2
from omega_brain.state import CATALOGUE
from omega_core.content import Content, ContentKind
from omega_core.errors import ErrorCode, OmegaError
from omega_core.memory import MemoryQuery, Tier
from omega_core.vectors import pack_f32
from omega_core.viewing import ViewingEvent
from omega_delta import compress, content_to_proto, encode_catalogue
from omega_embed import open_encoder
from omega_testing.encoders import FailingEncoder, TurnedEncoder
from omega_testing.gateway import Gateway
from omega_testing.news import catalogue_of

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

Publish = Callable[..., None]
Viewing = Callable[..., ViewingEvent]
LEXICAL = "lexical-384-r1"


def _fails(tv: Tv, code: ErrorCode) -> None:
    with pytest.raises(OmegaError) as caught:
        tv.sync()
    assert caught.value.code == code


def _ordinals(tv: Tv) -> dict[str, int | None]:
    return {row.content.content_id: row.ordinal for row in tv.brain.stores.contents.all_rows()}


def test_the_fleets_titles_join_the_local_ones(
    tv: Tv, titles: list[Content], publish_catalogue: Publish, viewing: Viewing
) -> None:
    local = [titles[0], Content("local:1", "A home film", ContentKind.MOVIE)]
    tv.brain.upsert(local)
    tv.brain.observe(viewing("local:1"))
    publish_catalogue(titles)
    tv.sync()
    expected: dict[str, int | None] = {t.content_id: i for i, t in enumerate(titles)}
    assert _ordinals(tv) == {**expected, "local:1": None}
    assert tv.brain.likes == 1
    assert tv.brain.stores.resources.get(CATALOGUE) is None, "its titles stand in their own table"
    assert "local:1" not in tv.listed(100)


def test_an_update_drops_changes_and_adds_titles_and_keeps_the_history(
    gateway: Gateway,
    open_tv: Callable[..., Tv],
    titles: list[Content],
    publish_catalogue: Publish,
    publish_factors: Publish,
    viewing: Viewing,
) -> None:
    tv = open_tv(sharing="receive-only")
    publish_catalogue(titles[:100])
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:8]])
    told_anew = replace(titles[1], description="A tale of submarines and lighthouses.", year=1999)
    kept = [told_anew, *titles[2:100:2], *titles[100:]]
    ordinals = [1, *range(2, 100, 2), *range(100, len(titles))]
    publish_catalogue(kept, 2, ordinals=ordinals)
    publish_factors(ordinals)
    tv.sync()
    after = _ordinals(tv)
    assert [after[t.content_id] for t in kept] == ordinals
    assert {t.content_id for t in titles if after[t.content_id] is None} == {
        t.content_id for t in (titles[0], *titles[3:100:2])
    }
    assert (tv.brain.likes, tv.brain.stores.events.count()) == (8, 8)
    stored = tv.brain.stores.contents.by_ids([told_anew.content_id])
    assert stored[told_anew.content_id].content == told_anew
    query = MemoryQuery(tiers=(Tier.EPISODIC,), limit=1, min_similarity=0.1)
    (recalled,) = tv.brain.remember(query, "submarines and lighthouses")
    assert recalled.memory.content_id == told_anew.content_id
    listed = tv.listed(100)
    assert len(listed) == 100
    tv.close()
    again = open_tv()
    assert again.listed(100) == pytest.approx(listed, abs=1e-4)
    # Of the 8 liked titles 0, 3, 5 and 7 were dropped: no sketch of those is ever drawn.
    outcome = again.sync()
    assert (outcome.pushed_sketches, outcome.resource_bytes) == (4, 0)
    assert len(gateway.sketches) == 4
    assert again.brain.stores.sketches.pending_count() == 0


def test_a_catalogue_of_another_encoder_is_embedded_here_and_nothing_leaves(
    tv: Tv,
    gateway: Gateway,
    open_tv: Callable[..., Tv],
    titles: list[Content],
    publish_catalogue: Publish,
    publish_factors: Publish,
    viewing: Viewing,
) -> None:
    publish_catalogue(titles, encoder=TurnedEncoder())
    publish_factors(list(range(60)))
    tv.sync()
    vectors = open_encoder(kind="lexical").encode([f"{titles[4].title}."])
    row = tv.brain.stores.contents.by_ids([titles[4].content_id])[titles[4].content_id]
    assert row.model_version == LEXICAL
    assert row.embedding @ vectors[0] > 0.3
    assert row.ordinal == 4
    tv.watch([viewing(title.content_id) for title in titles[:6]])
    for _ in range(2):
        assert tv.sync().pushed_sketches == 0
    assert tv.brain.factors_version == 1
    assert tv.brain.stores.sketches.pending_count() == 0
    assert not any(request.sketches for request in gateway.requests)
    listed = tv.listed()
    tv.close()
    assert open_tv().listed() == pytest.approx(listed, abs=1e-4)


def test_only_texts_that_changed_are_embedded_again(
    gateway: Gateway, open_tv: Callable[..., Tv], titles: list[Content], publish_catalogue: Publish
) -> None:
    encoder = FailingEncoder()
    tv = open_tv(encoder=encoder)
    publish_catalogue(titles, encoder=TurnedEncoder())
    tv.sync()
    encoder.broken = True
    moved = [replace(title, country="Atlantis") for title in titles]
    publish_catalogue(moved, 2, encoder=TurnedEncoder())
    tv.sync()
    assert (
        tv.brain.stores.contents.by_ids([titles[0].content_id])[titles[0].content_id].content
        == moved[0]
    )
    assert gateway.requests[-1].held[0].version == 1


def test_an_encoder_that_fails_changes_nothing_and_the_body_is_kept_for_the_next_time(
    gateway: Gateway,
    open_tv: Callable[..., Tv],
    titles: list[Content],
    publish_catalogue: Publish,
) -> None:
    encoder = FailingEncoder()
    tv = open_tv(encoder=encoder)
    tv.brain.upsert(titles[:30])
    before = tv.listed()
    publish_catalogue(titles, encoder=TurnedEncoder())
    encoder.broken = True
    _fails(tv, ErrorCode.MODEL_UNAVAILABLE)
    assert tv.brain.stores.meta.last_sync().error.startswith("the sentence model is not working")
    assert (tv.listed(), tv.brain.stores.contents.count()) == (before, 30)
    with pytest.raises(OmegaError, match="not working"):
        tv.brain.upsert(titles[30:40])
    assert tv.brain.stores.contents.count() == 30
    encoder.broken = False
    assert tv.sync().resource_bytes == 0, "the body lay here whole"
    assert len(gateway.offsets) == 1
    assert tv.brain.stores.contents.count() == len(titles)


def _raw(titles: list[Content], **change: object) -> bytes:
    """A pack as a server without any check would send it; `change` is of the last entry."""
    encoder = open_encoder(kind="lexical")
    vectors = encoder.encode([title.title for title in titles]).astype("<f2")
    entries = [
        resource_pb2.CatalogueEntry(
            ordinal=i, content=content_to_proto(title), embedding=vector.tobytes()
        )
        for i, (title, vector) in enumerate(zip(titles, vectors, strict=True))
    ]
    for name, value in change.items():
        holder = entries[-1].content if name in {"content_id", "title", "kind"} else entries[-1]
        setattr(holder, name, value)
    return compress(
        resource_pb2.CataloguePack(
            version=2,
            model_version=LEXICAL,
            dimension=384,
            centring_mean=pack_f32(np.zeros(384, np.float32)),
            entries=entries,
        ).SerializeToString()
    )


BAD: dict[str, dict[str, object]] = {
    "a title id out of bounds": {"content_id": "x" * 129},
    "a title id of a path": {"content_id": "../../etc/passwd"},
    "no title": {"title": ""},
    "no kind": {"kind": 0},
    "an ordinal twice": {"ordinal": 0},
    "a vector of NaN": {"embedding": np.full(384, np.nan, "<f2").tobytes()},
    "a vector of zeros": {"embedding": bytes(768)},
    "a short vector": {"embedding": bytes(766)},
}


@pytest.mark.parametrize("name", [*BAD, "no titles", "another version", "another encoder"])
def test_a_malicious_catalogue_is_refused_as_a_whole(
    name: str,
    tv: Tv,
    gateway: Gateway,
    open_tv: Callable[..., Tv],
    titles: list[Content],
    publish_catalogue: Publish,
    viewing: Viewing,
) -> None:
    publish_catalogue(titles[:50])
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:4]])
    listed, ordinals = tv.listed(), _ordinals(tv)
    encoder = open_encoder(kind="lexical")
    bodies = {
        "no titles": encode_catalogue(catalogue_of([], encoder, 2)),
        "another version": encode_catalogue(catalogue_of(titles, encoder, 2**40)),
        "another encoder": encode_catalogue(catalogue_of(titles, TurnedEncoder(), 2)),
    }
    body = bodies.get(name) or _raw(titles, **BAD[name])
    gateway.publish(CATALOGUE, 2, body, LEXICAL)
    for _ in range(2):
        _fails(tv, ErrorCode.CORRUPT_RESOURCE)
    assert (tv.listed(), _ordinals(tv)) == (listed, ordinals)
    assert len(gateway.offsets) == 2, "it is fetched once"
    tv.close()
    again = open_tv()
    assert again.listed() == pytest.approx(listed, abs=1e-4)
    assert _ordinals(again) == ordinals
    publish_catalogue(titles, 3)
    again.sync()
    assert len(_ordinals(again)) == len(titles)


def test_a_valid_catalogue_of_that_make_is_taken(
    tv: Tv, gateway: Gateway, titles: list[Content]
) -> None:
    """What the refusals above are measured against."""
    gateway.publish(CATALOGUE, 2, _raw(titles), LEXICAL)
    tv.sync()
    assert len(_ordinals(tv)) == len(titles)
