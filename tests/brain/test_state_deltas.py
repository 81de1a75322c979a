"""News of the collective state: taken up when they fit, refused as a whole when they are bad."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_brain.answers import RecommendQuery
from omega_core.content import Content
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingEvent
from omega_delta import StateDelta, compress
from omega_rank.kinds import Basis
from omega_testing.encoders import TurnedEncoder
from omega_testing.gateway import Gateway
from omega_testing.news import delta_of

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

LEXICAL = "lexical-384-r1"


@pytest.fixture
def stocked(tv: Tv, titles: list[Content]) -> Tv:
    tv.brain.upsert(titles)
    return tv


def _held(tv: Tv) -> tuple[int, dict[int, float]]:
    patterns = tv.brain.stores.patterns
    return patterns.version(), {p.pattern_id: round(p.weight, 4) for p in patterns.all()}


def _basis(tv: Tv) -> Basis:
    return tv.brain.recommend(RecommendQuery()).basis


def _body(**change: object) -> bytes:
    """A delta as a server without any check would send it."""
    vector = np.zeros(384, "<f2")
    vector[0] = 1
    fields: dict[str, object] = {
        "pattern_id": 1,
        "embedding": vector.tobytes(),
        "success_rate": 0.9,
        "device_count_floor": 4,
        "weight": 0.5,
        **change,
    }
    pattern = pb.GlobalPattern(**fields)  # type: ignore[arg-type]  # a table of fields
    return pb.StateDelta(version=1, model_version=LEXICAL, patterns=[pattern]).SerializeToString()


def test_a_delta_ranks_for_a_household_of_which_nothing_is_known(
    stocked: Tv, gateway: Gateway
) -> None:
    before = stocked.listed()
    assert _basis(stocked) is Basis.METADATA
    gateway.tell(delta_of(3, model_version=LEXICAL))
    outcome = stocked.sync()
    assert outcome.pulled_patterns == 3
    assert _held(stocked) == (3, {1: 0.3333, 2: 0.3333, 3: 0.3333})
    assert _basis(stocked) is Basis.COLLECTIVE_PRIOR
    assert stocked.listed() != before
    assert gateway.requests[-1].state_version == 0
    assert stocked.sync().pulled_patterns == 0
    assert gateway.requests[-1].state_version == 3


def test_a_step_changes_adds_and_removes(stocked: Tv, gateway: Gateway) -> None:
    gateway.tell(delta_of(3, model_version=LEXICAL))
    stocked.sync()
    whole = delta_of(4, 3, model_version=LEXICAL, patterns=4, seed=1)
    step = replace(whole, patterns=whole.patterns[2:], removed_pattern_ids=(1,))
    gateway.tell(step)
    assert stocked.sync().pulled_patterns == 3
    assert _held(stocked) == (4, {2: 0.3333, 3: 0.25, 4: 0.25})


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(delta_of(9, 8, model_version=LEXICAL), id="from a version that is not held"),
        pytest.param(delta_of(9, 3, model_version="turned-384-r1"), id="to another encoder"),
    ],
)
def test_a_step_that_does_not_fit_asks_for_everything_anew(
    step: StateDelta, stocked: Tv, gateway: Gateway
) -> None:
    gateway.tell(delta_of(3, model_version=LEXICAL))
    stocked.sync()
    gateway.tell(step)
    assert stocked.sync().pulled_patterns == 0
    assert _held(stocked) == (0, {})
    assert _basis(stocked) is Basis.METADATA
    gateway.tell(delta_of(9, model_version=LEXICAL, patterns=2))
    stocked.sync()
    assert gateway.requests[-1].state_version == 0
    assert _held(stocked) == (9, {1: 0.5, 2: 0.5})


def test_patterns_of_another_encoder_are_kept_and_rank_nothing(
    stocked: Tv, gateway: Gateway, open_tv: Callable[..., Tv]
) -> None:
    before = stocked.listed()
    gateway.tell(delta_of(3, model_version="turned-384-r1"))
    stocked.sync()
    assert _held(stocked)[0] == 3
    assert (_basis(stocked), stocked.listed()) == (Basis.METADATA, before)
    stocked.close()
    assert _basis(open_tv(encoder=TurnedEncoder())) is Basis.COLLECTIVE_PRIOR


def _bomb() -> bytes:
    return compress(bytes(300_000_000))


BAD: dict[str, Callable[[], bytes]] = {
    "bomb": _bomb,
    "no frame": lambda: b"not a frame",
    "cut": lambda: compress(_body())[:-3],
    "no message": lambda: compress(b"\xff" * 40),
    "NaN": lambda: compress(_body(embedding=np.full(384, np.nan, "<f2").tobytes())),
    "narrow": lambda: compress(_body(embedding=b"\x00\x3c" * 383)),
    "weight": lambda: compress(_body(weight=float("nan"))),
    "one device": lambda: compress(_body(device_count_floor=1)),
    "version behind its base": lambda: compress(
        pb.StateDelta(base_version=3, version=2, model_version=LEXICAL).SerializeToString()
    ),
    "twice": lambda: compress(_body() + _body()),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_delta_is_refused_as_a_whole_and_the_push_still_counts(
    name: str,
    stocked: Tv,
    gateway: Gateway,
    titles: list[Content],
    publish_catalogue: Callable[..., None],
    viewing: Callable[..., ViewingEvent],
) -> None:
    publish_catalogue(titles)
    gateway.tell(delta_of(3, model_version=LEXICAL))
    stocked.sync()
    stocked.watch([viewing(title.content_id) for title in titles[:4]])
    before, listed = _held(stocked), stocked.listed()
    gateway.tell_raw(BAD[name](), 4)
    with pytest.raises(OmegaError) as caught:
        stocked.sync()
    assert caught.value.code == ErrorCode.CORRUPT_RESOURCE
    assert (_held(stocked), stocked.listed()) == (before, listed)
    assert stocked.brain.stores.meta.last_sync().error == "a transferred body is damaged"
    assert stocked.brain.stores.sketches.acknowledged_count() == 4
    assert len(gateway.sketches) == 4
    gateway.tell(delta_of(5, 3, model_version=LEXICAL, patterns=1, seed=2))
    stocked.sync()
    assert _held(stocked)[0] == 5


@pytest.mark.parametrize(
    "compression",
    [resource_pb2.COMPRESSION_NONE, resource_pb2.COMPRESSION_UNSPECIFIED],
)
def test_a_delta_whose_compression_is_not_stated_as_zstd_is_refused(
    compression: resource_pb2.Compression.ValueType, stocked: Tv, gateway: Gateway
) -> None:
    gateway.tell_raw(compress(_body()), compression=compression)
    with pytest.raises(OmegaError) as caught:
        stocked.sync()
    assert caught.value.code == ErrorCode.CORRUPT_RESOURCE
    assert _held(stocked) == (0, {})


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        (timedelta(seconds=90.5), 90.5),
        (timedelta(0), 0.0),
        (timedelta(seconds=-5), 0.0),
        (timedelta(days=4_000), 86_400.0),
    ],
)
def test_the_servers_window_is_taken_within_bounds(
    asked: timedelta, taken: float, stocked: Tv, gateway: Gateway
) -> None:
    gateway.ask_back_in(asked)
    assert stocked.sync().retry_after_seconds == taken


def test_a_window_beyond_any_date_is_taken_within_bounds(stocked: Tv, gateway: Gateway) -> None:
    gateway.news.retry_after.seconds = 2**62
    assert stocked.sync().retry_after_seconds == 86_400.0
