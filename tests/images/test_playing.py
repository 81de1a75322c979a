"""Which renders podman is given, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from images.engine import Engine, EngineError
from images.kube import RENDERS, check

RENDERED = Path(__file__).resolve().parents[2] / "deploy" / "k8s" / "rendered"
PODMAN = Engine("podman", {})


@pytest.mark.parametrize("name", RENDERS)
def test_each_render_that_is_played_is_there(name: str) -> None:
    check(PODMAN, RENDERED / f"{name}.yaml", {})


@pytest.mark.parametrize("name", ["fleet", "shard-eu-7", "cluster", "mine"])
def test_another_render_is_refused_with_the_names_of_the_three(name: str) -> None:
    with pytest.raises(EngineError, match=rf"{name}\.yaml .* dev, staging, production are"):
        check(PODMAN, RENDERED / f"{name}.yaml", {})


def test_a_file_that_is_not_there_and_another_engine_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"there is no file .*dev\.yaml"):
        check(PODMAN, tmp_path / "dev.yaml", {})
    with pytest.raises(EngineError, match="podman's"):
        check(Engine("docker", {}), RENDERED / "dev.yaml", {})
