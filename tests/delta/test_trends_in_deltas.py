"""Trends in a state delta: they come back as they were, and every bound holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega.sync.v1 import sync_service_pb2
from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError
from omega_delta import (
    StateDelta,
    Trend,
    Trends,
    compress,
    decode_state_delta,
    decompress,
    encode_state_delta,
)

AT = datetime(2026, 3, 1, 12, 30, 0, 5, tzinfo=UTC)
PLAIN = StateDelta(base_version=4, version=5, model_version="lexical-384-r1", patterns=())
ORDINALS = st.integers(0, 2**32 - 1)
SCORES = st.floats(2**-20, 1, width=32)


def trends(*titles: Trend) -> Trends:
    return Trends(catalogue_version=3, at=AT, titles=titles or (Trend(7, 0.5, regional=True),))


def field_at_fault(delta: StateDelta) -> str:
    with pytest.raises(OmegaError) as caught:
        encode_state_delta(delta)
    assert caught.value.code == ErrorCode.INVALID_FIELD
    return caught.value.field


@settings(deadline=None, max_examples=40)
@given(
    st.dictionaries(ORDINALS, st.tuples(SCORES, st.booleans()), min_size=1, max_size=32),
    st.integers(0, 10**9),
)
def test_trends_come_back_as_they_were(titles: dict[int, tuple[float, bool]], seconds: int) -> None:
    sent = Trends(
        catalogue_version=2**63 - 1,
        at=AT + timedelta(seconds=seconds),
        titles=tuple(Trend(ordinal, *rest) for ordinal, rest in titles.items()),
    )
    body = encode_state_delta(replace(PLAIN, trends=sent))
    assert decode_state_delta(body).trends == sent


def test_no_trends_stay_none() -> None:
    assert decode_state_delta(encode_state_delta(PLAIN)).trends is None


def test_thirty_two_of_them_cost_little() -> None:
    many = trends(*(Trend(i * 2_500, 1 / (i + 1), i % 2 == 0) for i in range(32)))
    cost = len(encode_state_delta(replace(PLAIN, trends=many))) - len(encode_state_delta(PLAIN))
    assert cost <= 420


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (trends(Trend(-1, 0.5, regional=True)), "trends[0].ordinal"),
        (
            trends(Trend(1, 0.5, regional=True), Trend(2**32, 0.5, regional=True)),
            "trends[1].ordinal",
        ),
        (trends(Trend(1, 0.0, regional=True)), "trends[0].score"),
        (trends(Trend(1, 1.01, regional=True)), "trends[0].score"),
        (trends(Trend(1, float("nan"), regional=True)), "trends[0].score"),
        (trends(Trend(1, 0.5, regional=True), Trend(1, 0.4, regional=False)), "trends[1].ordinal"),
        (trends(*(Trend(i, 0.5, regional=True) for i in range(33))), "trends"),
        (replace(trends(), titles=()), "trends"),
        (replace(trends(), catalogue_version=0), "trends_catalogue_version"),
        (replace(trends(), at=datetime(1999, 1, 1, tzinfo=UTC)), "trends_at"),
    ],
)
def test_trends_out_of_bounds_are_not_encoded(broken: Trends, field: str) -> None:
    assert field_at_fault(replace(PLAIN, trends=broken)) == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda m: setattr(m.trends[0], "score", 2.0), "trends[0].score"),
        (lambda m: m.trends.add(ordinal=7, score=0.1), "trends[1].ordinal"),
        (lambda m: m.trends.extend([m.trends[0]] * 32), "trends"),
        (lambda m: setattr(m, "trends_catalogue_version", 0), "trends_catalogue_version"),
        (lambda m: m.ClearField("trends_at"), "trends_at"),
        (lambda m: setattr(m.trends_at, "seconds", 2**60), "trends_at"),
        (lambda m: setattr(m.trends_at, "nanos", -5), "trends_at"),
    ],
)
def test_received_trends_out_of_bounds_are_refused(change: object, field: str) -> None:
    raw = decompress(
        "delta", encode_state_delta(replace(PLAIN, trends=trends())), limits.MAX_DELTA_RAW
    )
    message = sync_service_pb2.StateDelta.FromString(raw)
    assert callable(change)
    change(message)
    with pytest.raises(OmegaError) as caught:
        decode_state_delta(compress(message.SerializeToString()))
    assert caught.value.field == field
