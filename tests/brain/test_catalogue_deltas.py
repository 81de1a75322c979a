"""A catalogue that moves on by the titles that changed: no vectors travel, none are lost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from omega_brain.state import CATALOGUE
from omega_core.content import Content, embedding_text
from omega_core.errors import OmegaError
from omega_core.viewing import ViewingEvent
from omega_delta import encode_catalogue, encode_catalogue_delta
from omega_embed import open_encoder
from omega_testing.gateway import Gateway
from omega_testing.news import catalogue_of

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

MODEL = "lexical-384-r1"
Viewing = Callable[..., ViewingEvent]


class Shelf:
    """Publishes catalogues, with a delta from each to the next."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._encoder = open_encoder(kind="lexical")
        self._mean = np.zeros(384, np.float32)
        self.bodies: dict[int, bytes] = {}
        self.deltas: dict[tuple[int, int], bytes] = {}

    def publish(self, contents: list[Content], ordinals: list[int], version: int) -> None:
        pack = catalogue_of(contents, self._encoder, version, ordinals=ordinals)
        # Frozen for an encoder.
        self._mean = self._mean if self._mean.any() else pack.centring_mean
        body = encode_catalogue(replace(pack, centring_mean=self._mean))
        for base, held in self.bodies.items():
            delta = encode_catalogue_delta(held, body)
            assert delta is not None
            self.deltas[base, version] = self._gateway.deltas[base, version] = delta
        self.bodies[version] = body
        self._gateway.publish(CATALOGUE, version, body, MODEL)


@pytest.fixture
def shelf(gateway: Gateway) -> Shelf:
    return Shelf(gateway)


@pytest.fixture
def grown(tv: Tv, shelf: Shelf, titles: list[Content]) -> Tv:
    """A TV with a hundred titles, while the fleet has let one go, changed one and added five."""
    shelf.publish(titles[:100], list(range(100)), 1)
    tv.sync()
    changed = replace(titles[1], description="A tale of submarines and lighthouses.")
    shelf.publish([changed, *titles[2:105]], list(range(1, 105)), 2)
    return tv


def _held(tv: Tv) -> dict[int, Content]:
    rows = tv.brain.stores.contents.by_ordinal()
    return {row.ordinal: row.content for row in rows if row.ordinal is not None}


def test_what_changed_is_fetched_and_the_result_is_the_whole_catalogue(
    grown: Tv, shelf: Shelf, gateway: Gateway, titles: list[Content], viewing: Viewing
) -> None:
    grown.watch([viewing(title.content_id) for title in titles[:4]])
    outcome = grown.sync()
    assert outcome.resource_bytes == len(shelf.deltas[1, 2]) < len(shelf.bodies[2]) / 10
    assert gateway.bases[-1] == (1, hashlib.sha256(shelf.bodies[1]).digest())
    held = _held(grown)
    assert sorted(held) == list(range(1, 105))
    assert held[1].description.startswith("A tale")
    assert held[104] == titles[104]
    assert grown.brain.likes == 4, "what was watched is history, in the catalogue or not"
    grown.sync()
    assert len(gateway.bases) == 2, "nothing is left to fetch"


def test_titles_without_a_vector_are_embedded_on_the_tv(grown: Tv, titles: list[Content]) -> None:
    grown.sync()
    row = grown.brain.stores.contents.by_ids([titles[104].content_id])[titles[104].content_id]
    (expected,) = open_encoder(kind="lexical").encode([embedding_text(titles[104])])
    np.testing.assert_allclose(row.embedding, expected, atol=2e-3)
    assert titles[104].content_id in grown.brain.household.titles.catalogue.row_of


def test_vectors_that_came_with_news_are_used(grown: Tv, titles: list[Content]) -> None:
    told = open_encoder(kind="lexical").encode(["another text altogether"])
    grown.brain.stores.title_vectors.keep(2, MODEL, [103], told)
    grown.sync()
    row = grown.brain.stores.contents.by_ids([titles[103].content_id])[titles[103].content_id]
    np.testing.assert_allclose(row.embedding, told[0], atol=2e-3)
    assert grown.brain.stores.title_vectors.between(0, 9, MODEL) == {}, "they have served"


def test_a_step_over_several_versions_is_one(
    grown: Tv, shelf: Shelf, titles: list[Content]
) -> None:
    shelf.publish(titles[5:110], list(range(5, 110)), 3)
    assert grown.sync().resource_bytes == len(shelf.deltas[1, 3])
    assert sorted(_held(grown)) == list(range(5, 110))


@pytest.mark.parametrize("fault", ["lies", "broken", "other base"])
def test_a_delta_that_leads_elsewhere_is_thrown_away_and_the_whole_pack_fetched(
    grown: Tv, shelf: Shelf, gateway: Gateway, titles: list[Content], fault: str
) -> None:
    if fault == "lies":
        # The TV's own titles differ from the fleet's: firmware has renamed one of them.
        grown.brain.upsert([replace(titles[50], title="Another name")])
    elif fault == "broken":
        gateway.deltas[1, 2] = b"no zstd frame"
    else:
        shelf.publish(titles[:60], list(range(60)), 3)
        gateway.deltas[1, 3] = shelf.deltas[2, 3]
    newest = max(shelf.bodies)
    outcome = grown.sync()
    assert outcome.resource_bytes == len(gateway.deltas[1, newest]) + len(shelf.bodies[newest])
    held = _held(grown)
    assert sorted(held) == list(range(1, 105) if newest == 2 else range(60))
    assert held[50] == titles[50]


def test_a_tv_of_another_encoder_takes_the_whole_pack(grown: Tv, gateway: Gateway) -> None:
    gateway.announced(CATALOGUE).model_version = "another-r1"
    with pytest.raises(OmegaError):
        grown.sync()
    assert gateway.bases[-1] == (0, b"")


def test_the_base_of_a_delta_outlives_an_erasure(grown: Tv, gateway: Gateway) -> None:
    grown.brain.clear_data("3f2c1de4-0000-4000-8000-000000000003")
    grown.sync()
    assert gateway.bases[-1][0] == 1
