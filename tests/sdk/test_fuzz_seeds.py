"""The fuzzers' functions, over what they begin with and damage of it, with sanitizers."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import sdk_seeds

from omega_testing import codec
from omega_testing.c_build import Built

pytestmark = pytest.mark.timeout(300)  # the first test waits for a build
DAMAGED = 20


def inputs(seeds: Iterator[bytes]) -> Iterator[bytes]:
    """Each seed, and damage of it behind the bytes that say what it is."""
    rng = random.Random(3)  # noqa: S311 - chooses damage
    for seed in seeds:
        yield seed
        for _ in range(DAMAGED):
            yield seed[:3] + codec.damaged(seed[3:], rng)


@pytest.mark.parametrize("target", ["answer", "json_input"])
def test_no_input_breaks_what_has_to_hold(
    target: str, built: Built, sanitized: Built, tmp_path: Path
) -> None:
    seeds = sdk_seeds.of_answers(built) if target == "answer" else sdk_seeds.of_json()
    files = []
    for number, content in enumerate(inputs(seeds)):
        files.append(tmp_path / f"{number:04d}")
        files[-1].write_bytes(content)
    assert len(files) >= 8 * (DAMAGED + 1)
    done = subprocess.run(
        [sanitized.program(f"replay_{target}"), *files],
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    assert done.stderr.splitlines() == [str(file) for file in files]
