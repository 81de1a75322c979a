"""Parties that several tests need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omega_threshold import KeyRing, Pair, Report, Schedule, Sealing, SecretKey

NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def key() -> SecretKey:
    """A randomness server's key of one epoch."""
    return SecretKey.derived(bytes(32), b"tests")


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[KeyRing]:
    """Keys in a file."""
    with KeyRing(tmp_path / "keys.sqlite", "tests", Schedule()) as opened:
        yield opened


@pytest.fixture(scope="session")
def sealing(key: SecretKey) -> Callable[..., Sealing]:
    """sealing(pair, threshold, epoch): what a TV gets from its coins, without the exchange."""

    def made(pair: Pair, threshold: int = 3, epoch: int = 7) -> Sealing:
        return Sealing.of_coins(key.evaluate(pair.asked), epoch, threshold)

    return made


@pytest.fixture(scope="session")
def reports(sealing: Callable[..., Sealing]) -> Callable[..., list[Report]]:
    """reports(pair, count, threshold): so many TVs' reports of a pair."""

    def made(pair: Pair, count: int, threshold: int = 3) -> list[Report]:
        each = sealing(pair, threshold)
        return [each.report(pair) for _ in range(count)]

    return made
