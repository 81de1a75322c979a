"""Any interleaving of observe, push, pull, loss, duplicate, reorder and crash converges."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sync.convergence.histories import History
from tests.sync.convergence.shard import Shard

A_TEST = 2
"""Histories of one test."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "first" in metafunc.fixturenames:
        begin = metafunc.config.getoption("first_seed", 0)
        end = begin + metafunc.config.getoption("histories", 60)
        metafunc.parametrize("first", range(begin, end, A_TEST))


def test_every_history_ends_as_a_perfect_line_does(
    old_shard: Shard, made: Path, tmp_path: Path, first: int
) -> None:
    for seed in range(first, first + A_TEST):
        history = History(old_shard, made, tmp_path / str(seed), seed)
        try:
            history.run()
        except Exception as error:
            raise AssertionError(f"seed {seed}: {' '.join(history.told)}") from error
        history.close()
