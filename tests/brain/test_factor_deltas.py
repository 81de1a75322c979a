"""Factors come as what changed; anything wrong with that leads to the whole body."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from omega_brain.state import FACTORS
from omega_core.clock import ManualClock
from omega_core.content import Content
from omega_core.errors import OmegaError
from omega_core.viewing import ViewingEvent
from omega_delta import (
    FactorPack,
    compress,
    encode_factor_delta,
    encode_factors,
    factors_sha256,
)
from omega_persistence.resources import ResourceKey
from omega_testing.gateway import Gateway
from omega_testing.news import factors_of

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

LEXICAL = "lexical-384-r1"
FIRST: FactorPack = factors_of(range(60), 1, model_version=LEXICAL, rank=16)
SECOND = replace(
    FIRST,
    version=2,
    factors=np.where(FIRST.factors > 100, FIRST.factors - 1, FIRST.factors).astype(np.int8),
)
DELTA = encode_factor_delta(encode_factors(FIRST), encode_factors(SECOND)) or b""


@pytest.fixture
def taught(
    tv: Tv,
    gateway: Gateway,
    titles: list[Content],
    publish_catalogue: Callable[..., None],
    viewing: Callable[..., ViewingEvent],
) -> Tv:
    """A TV that holds the first factors, while the second are announced."""
    publish_catalogue(titles)
    gateway.publish(FACTORS, 1, encode_factors(FIRST), LEXICAL)
    tv.sync()
    tv.watch([viewing(title.content_id) for title in titles[:6]])
    gateway.publish(FACTORS, 2, encode_factors(SECOND), LEXICAL)
    gateway.bases.clear()
    return tv


def held(tv: Tv) -> bytes:
    stored = tv.brain.stores.resources.get(FACTORS)
    assert stored is not None
    return stored.body


def test_a_tv_takes_the_delta_and_holds_what_the_whole_body_holds(
    taught: Tv, gateway: Gateway
) -> None:
    gateway.deltas[1, 2] = DELTA
    outcome = taught.sync()
    assert outcome.resource_bytes == len(DELTA) < len(encode_factors(SECOND)) / 2
    assert gateway.bases == [(1, factors_sha256(encode_factors(FIRST)))]
    assert held(taught) == encode_factors(SECOND)
    assert taught.brain.factors_version == 2
    assert taught.sync().resource_bytes == 0


def test_without_a_delta_the_whole_body_comes(taught: Tv, gateway: Gateway) -> None:
    assert taught.sync().resource_bytes == len(encode_factors(SECOND))
    assert held(taught) == encode_factors(SECOND)
    assert len(gateway.bases) == 1, "the one answer brought it"


BAD = {
    "no frame": b"not a frame",
    "no message": compress(b"\xff\xff"),
    "cut short": DELTA[:-3],
    "from another base": encode_factor_delta(
        encode_factors(replace(FIRST, gains=FIRST.gains + 1)), encode_factors(SECOND)
    ),
    "to another version": encode_factor_delta(
        encode_factors(FIRST), encode_factors(replace(SECOND, version=3))
    ),
    "to another encoder": encode_factor_delta(
        encode_factors(FIRST), encode_factors(replace(SECOND, model_version="turned-384-r1"))
    ),
    "larger than the body": bytes(2 * len(encode_factors(SECOND))),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_delta_leads_to_the_whole_body(name: str, taught: Tv, gateway: Gateway) -> None:
    delta = BAD[name]
    assert delta is not None
    gateway.deltas[1, 2] = delta
    outcome = taught.sync()
    assert [base for base, _ in gateway.bases] == [1, 0]
    assert outcome.resource_bytes > len(encode_factors(SECOND))
    assert held(taught) == encode_factors(SECOND)


def test_a_delta_that_ends_early_leads_to_the_whole_body(taught: Tv, gateway: Gateway) -> None:
    gateway.deltas[1, 2], gateway.delta_missing = DELTA, 9
    taught.sync()
    assert [base for base, _ in gateway.bases] == [1, 0]
    assert held(taught) == encode_factors(SECOND)


def test_held_factors_that_are_no_base_are_not_named(taught: Tv, gateway: Gateway) -> None:
    body = b"as another release wrote them"
    key = ResourceKey(FACTORS, 1, len(body), hashlib.sha256(body).digest(), LEXICAL)
    taught.brain.stores.resources.store(key, body)
    taught.sync()
    assert gateway.bases == [(0, b"")]
    assert held(taught) == encode_factors(SECOND)


def test_a_tv_that_dies_between_delta_and_result_starts_from_what_it_had(
    taught: Tv, gateway: Gateway, open_tv: Callable[..., Tv]
) -> None:
    gateway.deltas[1, 2] = DELTA

    def die(_: object, __: object) -> None:
        raise SystemExit("killed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(taught.brain.stores.resources, "store", die)
        with pytest.raises((SystemExit, OmegaError)):
            taught.sync()
    taught.close()
    again = open_tv()
    assert held(again) == encode_factors(FIRST)
    assert again.brain.factors_version == 1
    assert again.sync().resource_bytes == len(DELTA)
    assert held(again) == encode_factors(SECOND)


def test_a_transfer_of_the_whole_body_goes_on_as_one(taught: Tv, gateway: Gateway) -> None:
    gateway.piece, gateway.cut_after = 256, 512
    with pytest.raises(OmegaError):
        taught.sync()
    gateway.deltas[1, 2] = DELTA
    gateway.offsets.clear()
    taught.sync()
    assert gateway.offsets == [512]
    assert held(taught) == encode_factors(SECOND)


def test_factors_come_at_most_once_a_day(
    open_tv: Callable[..., Tv],
    gateway: Gateway,
    titles: list[Content],
    publish_catalogue: Callable[..., None],
) -> None:
    tv = open_tv(factors_hours=24)
    clock = ManualClock(tv.brain.clock.now())
    tv.brain.clock = clock
    publish_catalogue(titles)
    taken = []
    for hour in range(110):
        pack = replace(FIRST, version=hour + 1)
        gateway.publish(FACTORS, hour + 1, encode_factors(pack), LEXICAL)
        before = tv.brain.factors_version
        tv.sync()
        if tv.brain.factors_version != before:
            taken.append(hour)
        clock.advance(timedelta(hours=1))
    assert taken[0] == 0
    gaps = [later - earlier for earlier, later in pairwise(taken)]
    # The second one comes out of turn where the TV's own time is less than half a day away.
    assert all(12 <= gap <= 36 for gap in gaps[:2])
    assert gaps[2:]
    assert set(gaps[2:]) == {24}, "at its own time of the day"
    clock.advance(-timedelta(hours=30))  # it was set back
    tv.sync()
    assert tv.brain.factors_version == 110


def test_factors_of_another_encoder_than_the_held_are_not_waited_for(
    open_tv: Callable[..., Tv], gateway: Gateway
) -> None:
    tv = open_tv(factors_hours=24)
    body = encode_factors(replace(FIRST, model_version="other-384-r1"))
    key = ResourceKey(FACTORS, 1, len(body), hashlib.sha256(body).digest(), "other-384-r1")
    tv.brain.stores.resources.store(key, body)
    tv.brain.stores.meta.set("factors_taken_at", tv.brain.clock.now().isoformat())
    gateway.publish(FACTORS, 2, encode_factors(SECOND), LEXICAL)
    tv.sync()
    assert tv.brain.factors_version == 2
