"""Bodies from the fleet: resumed where they broke off, and nothing replaced by a bad one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from omega_brain.state import CATALOGUE, FACTORS
from omega_core.content import Content
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingEvent
from omega_delta import encode_catalogue, encode_factors
from omega_embed import open_encoder
from omega_persistence.resources import ResourceKey
from omega_testing.gateway import Gateway
from omega_testing.news import catalogue_of, factors_of

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

Publish = Callable[..., None]
LEXICAL = "lexical-384-r1"


def _fails(tv: Tv, code: ErrorCode) -> None:
    with pytest.raises(OmegaError) as caught:
        tv.sync()
    assert caught.value.code == code
    assert tv.brain.stores.meta.last_sync().error == caught.value.public_text


@pytest.fixture
def learned(
    tv: Tv,
    titles: list[Content],
    publish_catalogue: Publish,
    publish_factors: Publish,
    viewing: Callable[..., ViewingEvent],
) -> Tv:
    """A TV with catalogue 1, factors 1 and a history."""
    publish_catalogue(titles)
    publish_factors(list(range(60)))
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:6]])
    tv.sync()
    assert tv.brain.factors_version == 1
    return tv


def test_a_transfer_that_breaks_off_goes_on_where_it_stopped(
    tv: Tv, gateway: Gateway, titles: list[Content]
) -> None:
    body = encode_catalogue(catalogue_of(titles, open_encoder(kind="lexical")))
    gateway.publish(CATALOGUE, 1, body, LEXICAL)
    gateway.cut_after = 10_000
    _fails(tv, ErrorCode.SYNC_UNAVAILABLE)
    assert tv.brain.stores.contents.count() == 0
    assert tv.brain.stores.meta.traffic().resources == 10_000
    gateway.cut_after = 5_000
    _fails(tv, ErrorCode.SYNC_UNAVAILABLE)
    outcome = tv.sync()
    assert gateway.offsets == [0, 10_000, 15_000]
    assert outcome.resource_bytes == len(body) - 15_000
    assert gateway.sent == len(body) == tv.brain.stores.meta.traffic().resources
    assert tv.brain.stores.contents.count() == len(titles)


def test_a_new_version_does_not_go_on_from_an_older_transfer(
    tv: Tv, gateway: Gateway, titles: list[Content], publish_catalogue: Publish
) -> None:
    publish_catalogue(titles)
    gateway.cut_after = 10_000
    _fails(tv, ErrorCode.SYNC_UNAVAILABLE)
    publish_catalogue(titles[:100], 2)
    tv.sync()
    assert gateway.offsets == [0, 0]
    assert tv.brain.stores.contents.count() == 100


@pytest.mark.parametrize("kind", [CATALOGUE, FACTORS])
def test_a_body_with_another_sha256_replaces_nothing_and_is_fetched_afresh(
    kind: int, learned: Tv, gateway: Gateway, titles: list[Content]
) -> None:
    encoder = open_encoder(kind="lexical")
    bodies = {
        CATALOGUE: encode_catalogue(catalogue_of(titles[:90], encoder, 2)),
        FACTORS: encode_factors(factors_of(range(60), 2, model_version=LEXICAL, seed=9)),
    }
    before = learned.listed()
    announced = CATALOGUE if kind == CATALOGUE else FACTORS
    gateway.publish(announced, 2, bodies[announced], LEXICAL, sha256=bytes(32))
    gateway.offsets.clear()
    for _ in range(2):
        _fails(learned, ErrorCode.CORRUPT_RESOURCE)
    assert gateway.offsets == [0, 0]
    assert (learned.listed(), learned.brain.factors_version) == (before, 1)
    gateway.publish(announced, 2, bodies[announced], LEXICAL)
    learned.sync()
    assert gateway.offsets == [0, 0, 0]
    assert learned.listed() != pytest.approx(before, abs=1e-4)


BAD_FACTORS: dict[str, bytes] = {
    "no frame": b"not a frame",
    "another version": encode_factors(factors_of(range(60), 7, model_version=LEXICAL)),
    "another encoder": encode_factors(factors_of(range(60), 2, model_version="turned-384-r1")),
    "a catalogue": encode_catalogue(catalogue_of([], open_encoder(kind="lexical"), 2)),
}


@pytest.mark.parametrize("name", BAD_FACTORS)
def test_factors_that_cannot_be_read_leave_the_last_ones_in_force(
    name: str, learned: Tv, gateway: Gateway, open_tv: Callable[..., Tv], publish_factors: Publish
) -> None:
    before = learned.listed()
    gateway.publish(FACTORS, 2, BAD_FACTORS[name], LEXICAL)
    gateway.offsets.clear()
    for _ in range(2):
        _fails(learned, ErrorCode.CORRUPT_RESOURCE)
    assert gateway.offsets == [0], "a body that arrived whole is not fetched again"
    assert (learned.listed(), learned.brain.factors_version) == (before, 1)
    learned.close()
    again = open_tv()
    assert again.listed() == pytest.approx(before, abs=1e-4)
    assert again.brain.factors_version == 1
    publish_factors(list(range(60)), 3, seed=9)
    again.sync()
    assert again.brain.factors_version == 3
    assert again.listed() != pytest.approx(before, abs=1e-4)


def test_stored_factors_that_this_release_cannot_read_are_dropped_and_come_anew(
    learned: Tv, open_tv: Callable[..., Tv], publish_factors: Publish
) -> None:
    body = b"as another release wrote them"
    learned.brain.stores.resources.store(
        ResourceKey(FACTORS, 5, len(body), hashlib.sha256(body).digest(), LEXICAL), body
    )
    learned.close()
    again = open_tv()
    assert again.brain.factors_version == 0
    assert len(again.listed()) == 20
    publish_factors(list(range(60)), 5)
    again.sync()
    assert again.brain.factors_version == 5


def test_what_is_held_or_unknown_is_not_fetched(learned: Tv, gateway: Gateway) -> None:
    gateway.offsets.clear()
    gateway.news.resources.add(kind=FACTORS, version=1, size_bytes=9, sha256=bytes(32))
    gateway.news.resources.add(kind=CATALOGUE, version=1, size_bytes=9, sha256=bytes(32))
    gateway.news.resources.add(kind=9, version=1, size_bytes=9, sha256=bytes(32))
    gateway.news.state_version = 1
    assert learned.sync().resource_bytes == 0
    assert gateway.offsets == []
    held = {(entry.kind, entry.version) for entry in gateway.requests[-1].held}
    assert held == {(CATALOGUE, 1), (FACTORS, 1)}


@pytest.mark.parametrize(
    "change",
    [{"size_bytes": 0}, {"size_bytes": 2**40}, {"sha256": b"short"}, {"model_version": "x" * 65}],
    ids=str,
)
def test_an_announcement_out_of_bounds_is_refused(
    change: dict[str, object], learned: Tv, gateway: Gateway, publish_factors: Publish
) -> None:
    publish_factors(list(range(60)), 2)
    info = gateway.announced(FACTORS)
    for name, value in change.items():
        setattr(info, name, value)
    before = learned.listed()
    _fails(learned, ErrorCode.CORRUPT_RESOURCE)
    assert (learned.listed(), learned.brain.factors_version) == (before, 1)


def test_factors_of_titles_that_the_catalogue_lacks_are_passed_over(
    learned: Tv, publish_factors: Publish, titles: list[Content]
) -> None:
    publish_factors([*range(30), 5_000, 70_000, 2**32 - 1], 2, seed=3)
    learned.sync()
    assert learned.brain.factors_version == 2
    seen = {title.content_id for title in titles[:6]}
    assert len(learned.listed(100)) == 100
    assert not seen.intersection(learned.listed(100))


def test_factors_without_any_known_title_rank_nothing_and_break_nothing(
    learned: Tv, publish_factors: Publish
) -> None:
    publish_factors([5_000, 70_000], 2)
    learned.sync()
    assert learned.brain.factors_version == 2
    assert len(learned.listed(100)) == 100
