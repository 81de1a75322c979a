"""A TV is led back from a version that was taken back, and fetches no body that it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omega_brain.deltas import CODEBOOK
from omega_testing.codebooks import narrow_codebook
from omega_testing.fleet import MODEL
from omega_testing.gateway import Gateway

if TYPE_CHECKING:
    from tests.brain.conftest import Tv


def codebook_of(tv: Tv) -> tuple[int, bytes]:
    stored = tv.brain.stores.resources.get(CODEBOOK)
    assert stored is not None
    return stored.key.version, stored.body


def test_the_same_codebook_under_a_higher_number_is_not_fetched_again(
    tv: Tv, gateway: Gateway
) -> None:
    gateway.publish(CODEBOOK, 1, narrow_codebook(0).body, MODEL)
    tv.sync()
    sent = gateway.sent
    # Version 2 went to others and was taken back.
    gateway.publish(CODEBOOK, 3, narrow_codebook(0).body, MODEL)
    assert tv.sync().resource_bytes == 0
    assert codebook_of(tv) == (3, narrow_codebook(0).body)
    assert gateway.sent == sent


def test_whoever_took_the_other_codebook_is_led_back(tv: Tv, gateway: Gateway) -> None:
    for version, seed in ((1, 0), (2, 1), (3, 0)):
        gateway.publish(CODEBOOK, version, narrow_codebook(seed).body, MODEL)
        tv.sync()
        assert codebook_of(tv) == (version, narrow_codebook(seed).body)
