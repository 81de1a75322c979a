"""Pairs and reports: one length, one order, and nothing of a TV in them."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from omega_core.errors import OmegaError
from omega_threshold import (
    REPORT_BYTES,
    Pair,
    Report,
    ReportRequest,
    Sealing,
    SecretKey,
    evaluate,
    title_key,
)
from omega_threshold.ristretto import ORDER

IDS = st.text(st.sampled_from("abcXYZ019._:-"), min_size=1, max_size=128)
PAIR = Pair.of("movie:1", "movie:2")


@given(IDS, IDS)
def test_a_pair_has_no_order_and_a_title_with_itself_is_alone(one: str, other: str) -> None:
    pair = Pair.of(one, other)
    assert pair == Pair.of(other, one) == Pair.decode(pair.encode())
    assert {pair.low, pair.high} == {title_key(one), title_key(other)}
    assert pair.alone == (one == other)


def test_keys_in_another_order_are_no_pair() -> None:
    with pytest.raises(OmegaError, match="pair must be titles in the order of their keys"):
        Pair(PAIR.high, PAIR.low)


@pytest.mark.parametrize("content_id", ["", "a" * 129, "a title"])
def test_what_is_no_content_id_has_no_key(content_id: str) -> None:
    with pytest.raises(OmegaError, match="content_id must be 1 to 128 characters"):
        title_key(content_id)


@given(one=IDS, other=IDS, x=st.integers(1, 2**128 - 1), threshold=st.integers(2, 32))
def test_every_report_has_one_length_and_comes_back(
    one: str, other: str, x: int, threshold: int
) -> None:
    assume(one != other)
    pair = Pair.of(one, other)
    report = Sealing.of_coins(bytes(64), 7, threshold).report(pair, x)
    assert len(report.encode()) == REPORT_BYTES == 118
    assert Report.decode(report.encode()) == report


@given(st.binary(min_size=REPORT_BYTES, max_size=REPORT_BYTES))
def test_what_is_read_as_a_report_is_written_as_it_came(data: bytes) -> None:
    """From chance with the bounds of its fields kept."""
    threshold, y = bytes([2 + data[1] % 31]), bytes([*data[38:69], data[69] % 16])
    report = b"\1" + threshold + data[2:22] + b"\1" + data[23:38] + y + data[70:]
    assert Report.decode(report).encode() == report


@given(st.binary(max_size=2 * REPORT_BYTES).filter(lambda data: len(data) != REPORT_BYTES))
def test_no_other_length_is_a_report(data: bytes) -> None:
    with pytest.raises(OmegaError, match="report must be exactly 118 bytes"):
        Report.decode(data)


@pytest.mark.parametrize(
    ("at", "new", "said"),
    [
        (0, b"\2", "report must be of version 1"),
        (1, b"\1", "threshold must be between 2 and 32"),
        (1, b"\x21", "threshold must be between 2 and 32"),
        (22, bytes(16), "x must be 1 to"),
        (38, ORDER.to_bytes(32, "little"), "y must be a scalar"),
    ],
)
def test_a_field_out_of_bounds_is_named(at: int, new: bytes, said: str) -> None:
    data = bytearray(Sealing.of_coins(bytes(64), 7, 3).report(PAIR).encode())
    data[at : at + len(new)] = new
    with pytest.raises(OmegaError, match=said):
        Report.decode(bytes(data))


def test_two_tvs_reports_of_a_pair_differ_in_their_share_alone(
    sealing: Callable[..., Sealing],
) -> None:
    one, other = sealing(PAIR).report(PAIR), sealing(PAIR).report(PAIR)
    assert one.group == other.group
    assert (one.x, one.y) != (other.x, other.y)
    assert sealing(PAIR).report(PAIR, one.x) == one


def test_a_report_is_made_of_pair_coins_policy_and_chance() -> None:
    """Nothing else can get into one: there is no parameter by which a TV could."""
    assert list(inspect.signature(Sealing.of_coins).parameters) == ["coins", "epoch", "threshold"]
    assert list(inspect.signature(Sealing.report).parameters) == ["self", "pair", "x"]
    assert list(inspect.signature(ReportRequest.of).parameters) == ["epoch", "threshold", "pairs"]


def test_the_exchange_gives_the_reports_of_the_coins(
    key: SecretKey, sealing: Callable[..., Sealing]
) -> None:
    pairs = [PAIR, Pair.of("movie:1", "movie:3")]
    request = ReportRequest.of(7, 3, pairs)
    made = request.finalize(evaluate(key, request.blinded.elements), key.public)
    assert made == [
        sealing(pair).report(pair, report.x) for pair, report in zip(pairs, made, strict=True)
    ]
    assert "movie" not in repr(request)


def test_epochs_and_thresholds_have_reports_of_their_own(key: SecretKey) -> None:
    coins = key.evaluate(PAIR.asked)
    groups = {
        Sealing.of_coins(coins, epoch, threshold).report(PAIR).tag
        for epoch in (7, 8)
        for threshold in (3, 4)
    }
    assert len(groups) == 4
